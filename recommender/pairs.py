"""Pairs of a row and a column, mostly a customer and an item, as one number each, and sparse matrices made of them."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


def keys(row: NDArray[np.integer], column: NDArray[np.integer], columns: int) -> NDArray[np.int64]:
    """Return one number a pair, ordered by row, then column; ``columns`` is how many there are."""
    return np.asarray(row.astype(np.int64) * columns + column)


def rows(table: csr_array) -> NDArray[np.intp]:
    """Return (nnz,) the row of each stored entry."""
    return np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))


def stored(table: csr_array) -> NDArray[np.int64]:
    """Return (nnz,) the key of each stored entry."""
    return keys(rows(table), table.indices, table.shape[1])


def places(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each key that is ``wanted`` stands among the ascending ``known`` (K,); −1 where it does not."""
    place = np.searchsorted(known, wanted)
    return np.where(np.append(known, -1)[place] == wanted, place, -1)


def turns(group: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return (n,) how many entries of the same ``group`` (ascending) come before each."""
    return np.arange(len(group)) - np.searchsorted(group, group)


def spans(start: NDArray[np.integer], size: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return ``size`` (n,) numbers in a row from each ``start`` (n,), one span after the other."""
    end = np.cumsum(size, dtype=np.int64)
    return np.asarray(np.arange(end[-1] if len(end) else 0) + np.repeat(start - end + size, size))


def matrix(known: NDArray[np.int64], shape: tuple[int, int], data: NDArray[np.generic] | None = None) -> csr_array:
    """Return the matrix with ``data`` (K,), or else True, on the ascending, distinct keys ``known`` (K,)."""
    row, column = np.divmod(known, max(shape[1], 1))
    indptr = np.searchsorted(row, np.arange(shape[0] + 1)).astype(np.int32)
    values = np.ones(len(known), np.bool_) if data is None else data
    return csr_array((values, column.astype(np.int32), indptr), shape=shape)


def kept(table: csr_array, keep: NDArray[np.bool_]) -> csr_array:
    """Return the table with only the entries that ``keep`` (nnz,) marks.

    Its indices are of the table's own type: a product with wider ones would copy the other matrix's, millions of them.
    """
    indptr = np.append(0, np.cumsum(keep))[table.indptr].astype(table.indptr.dtype)
    return csr_array((table.data[keep], table.indices[keep], indptr), shape=table.shape)

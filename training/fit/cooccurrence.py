"""How often items occur with one another, as sparse products in blocks with only the strongest pairs kept."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

BLOCK = 512
THINNINGS = 3
"""Passes that drop values below their row's mean before the rest is sorted; most pairs of items met only once."""


def cooccurrence(left: csr_array, right: csr_array, most: int, *, itself: bool = False) -> csr_array:
    """Return (N × N) ``left.T @ right`` with at most ``most`` entries a row; the diagonal only where ``itself``."""
    by_item = left.T.tocsr()
    blocks = [_block(by_item, right, at, most, itself) for at in range(0, by_item.shape[0], BLOCK)]
    return (
        vstack(blocks, format="csr", dtype=np.float32) if blocks else csr_array((0, right.shape[1]), dtype=np.float32)
    )


def _block(by_item: csr_array, right: csr_array, at: int, most: int, itself: bool) -> csr_array:
    product = (by_item[at : at + BLOCK] @ right).tocsr()
    row = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
    keep = np.ones(len(row), np.bool_) if itself else row + at != product.indices
    return strongest(row[keep], product.indices[keep], product.data[keep], product.shape, most)


def strongest(
    row: NDArray[np.intp], column: NDArray[np.int32], value: NDArray[np.float32], shape: tuple[int, int], most: int
) -> csr_array:
    """Return a matrix of the ``most`` highest (positive) values of each row; ``row`` is ascending."""
    for _ in range(THINNINGS):
        keep = _likely(row, value, shape[0], most)
        row, column, value = row[keep], column[keep], value[keep]
    if np.bincount(row, minlength=1).max() > most:
        descending = ~value.astype(np.float32).view(np.uint32)
        order = np.argsort((row.astype(np.uint64) << np.uint64(32)) | descending)
        first = np.searchsorted(row, np.arange(shape[0]))
        order = order[np.arange(len(row)) - first[row] < most]
        row, column, value = row[order], column[order], value[order]
    return csr_array((value.astype(np.float32), (row, column)), shape=shape)


def _likely(row: NDArray[np.intp], value: NDArray[np.float32], rows: int, most: int) -> NDArray[np.bool_]:
    """Return which values are at least their row's mean, or belong to a row in which fewer than ``most`` are."""
    size = np.maximum(np.bincount(row, minlength=rows), 1)
    high = value >= (np.bincount(row, value, minlength=rows) / size)[row]
    return high | (np.bincount(row, high, minlength=rows) < most)[row]

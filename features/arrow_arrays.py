"""Arrow columns as the arrays of ``recommender``: ids, codes, texts and times, without a Python loop over rows."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recommender.catalogue import Coded
from recommender.ids import IdMap, Texts

LARGEST = float(np.finfo(np.float32).max)
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$"


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def distinct(*columns: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the texts of all columns once each, in UTF-8 byte order, without nulls."""
    found = pc.unique(pa.concat_arrays([pc.unique(flat(column)).cast(pa.large_string()) for column in columns]))
    return pc.drop_null(found.take(pc.array_sort_indices(found)))


def texts(column: pa.ChunkedArray | pa.Array) -> Texts:
    """Return a column's texts in their order; null becomes the empty text."""
    text, offset = _buffers(pc.fill_null(flat(column).cast(pa.large_string()), ""))
    return Texts(text, offset)


def id_map(ids: pa.Array) -> IdMap:
    """Return the map of ``ids`` as ``distinct`` gives them."""
    return IdMap(*_buffers(ids.cast(pa.large_string())))


def _buffers(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if not len(column):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = column.buffers()
    offset = np.frombuffer(offsets, np.int64, len(column) + 1, column.offset * 8)
    text = np.frombuffer(data, np.uint8)[offset[0] : offset[-1]] if data else np.zeros(0, np.uint8)
    return text, offset - offset[0]


def rows(column: pa.ChunkedArray | pa.Array, ids: pa.Array) -> NDArray[np.int32]:
    """Return the row of each text in ``ids``, −1 where it is null or not among them."""
    found = pc.index_in(flat(column).cast(ids.type), value_set=ids)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int32)


def coded(column: pa.ChunkedArray | pa.Array) -> Coded:
    """Return a text column as codes into its distinct texts."""
    names = distinct(column)
    return Coded(rows(column, names), id_map(names))


def is_numeric(column: pa.Array) -> bool:
    """Say whether an attribute has values and all of them are numbers as JSON writes them (``007`` is not).

    Numbers that are too large to be one, such as the code ``12e456``, are text.
    """
    given = pc.drop_null(column).cast(pa.string())
    if not len(given) or not pc.all(pc.match_substring_regex(given, _NUMBER)).as_py():
        return False
    return bool(pc.all(pc.is_finite(given.cast(pa.float64()))).as_py())


def numbers(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float32]:
    """Return a column of numbers or decimal texts as float32, no further from 0 than those reach, NaN where null."""
    values = pc.fill_null(flat(column).cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    return np.asarray(np.clip(values, -LARGEST, LARGEST), np.float32)


def flags(column: pa.ChunkedArray | pa.Array, *, missing: bool) -> NDArray[np.bool_]:
    """Return a column of booleans, ``missing`` where null."""
    return np.asarray(pc.fill_null(flat(column), missing).to_numpy(zero_copy_only=False), np.bool_)


def milliseconds(column: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Return a column of times without nulls as milliseconds since 1970."""
    return np.asarray(flat(column).cast(pa.int64()).to_numpy(zero_copy_only=False))


def seconds(column: pa.ChunkedArray | pa.Array, *, missing: int) -> NDArray[np.int64]:
    """Return a column of times as seconds since 1970, ``missing`` where null."""
    moments = flat(column)
    whole = milliseconds(pc.fill_null(moments.cast(pa.int64()), 0)) // 1000
    return np.where(np.asarray(moments.is_valid().to_numpy(zero_copy_only=False)), whole, missing)


def listed(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Return the entries of a column of lists: the row of each, and its text."""
    lists = flat(column)
    return np.asarray(pc.list_parent_indices(lists).to_numpy(zero_copy_only=False), np.int32), pc.list_flatten(lists)

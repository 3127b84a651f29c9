"""What every source of candidates offers, and the cuts that keep the best."""

from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs

Scores: TypeAlias = csr_array | NDArray[np.float32]
"""(B × N): dense with NaN, or sparse with nothing stored, where the source cannot say."""


Number = TypeVar("Number", bound=np.number)


STRIDE = 16
"""Every so-many-th score is looked at to guess which ones are among the best."""
FEW = 4096
"""Up to here sorting apart costs less than looking."""
SAMPLE = 512
"""So many scores of a long sparse row are looked at."""
LOWEST, SMALLEST = np.finfo(np.float32).min, np.finfo(np.float32).tiny


def compact(matrix: csr_array) -> csr_array:
    """Return the matrix with indices of 32 bits where they suffice: products read a third less, and copy nothing."""
    width = np.int32 if max(matrix.nnz, *matrix.shape) < 2**31 else np.int64
    return csr_array((matrix.data, matrix.indices.astype(width), matrix.indptr.astype(width)), shape=matrix.shape)


def entries(matrix: csr_array, rows: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the entries of ``rows`` are stored, one row after the other, and to which of them each belongs."""
    start = matrix.indptr[rows]
    size = matrix.indptr[rows + 1] - start
    return pairs.spans(start, size), np.repeat(np.arange(len(size)), size)


def jitter(items: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return numbers in [0, 1) by which equal scores are told apart; they know nothing of the order of ids."""
    mixed = (items.astype(np.uint32) + np.uint32(1)) * np.uint32(2654435761)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(2246822519)
    return ((mixed ^ (mixed >> np.uint32(13))) / np.float32(2**32)).astype(np.float32)


def dense(scores: Scores) -> NDArray[np.float32]:
    """Return (B × N) with NaN where the source cannot say."""
    if isinstance(scores, np.ndarray):
        return scores
    full = np.full(scores.shape, np.nan, np.float32)
    full[pairs.rows(scores), scores.indices] = scores.data
    return full


def best(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return (B × k) columns of the ``k`` highest scores of each row, best first; −inf and NaN come last.

    Equal scores come in no particular order. Where there are many more columns than ``k``, a look at every sixteenth
    gives each row a floor that only few scores reach, and only these are sorted.
    """
    size, width = scores.shape
    if width < max(FEW, 2 * STRIDE * k):
        return _best(scores, min(k, width))
    at = _reaching(scores, k)
    indptr = np.searchsorted(at, np.arange(size + 1) * width)
    column = at - np.repeat(np.arange(size) * width, np.diff(indptr))
    top = _best(padded(scores.ravel()[at], indptr, -np.inf, k), k)
    found = np.take_along_axis(padded(column, indptr, 0, k), top, axis=1)
    padding = top >= np.diff(indptr)[:, None]
    if padding.any():
        found[padding] = np.broadcast_to(np.argmin(scores >= LOWEST, axis=1)[:, None], found.shape)[padding]
    return found


def contenders(values: NDArray[np.float32], indptr: NDArray[np.integer], k: int, slack: float) -> NDArray[np.intp]:
    """Return, in order, the positions of what may be among the ``k`` best of its row once values grow by ``slack``.

    Rows are cut at ``indptr``. ``slack`` is a share of the value; only values above 0 count. A sample of each long row
    gives it a floor that only few values reach.
    """
    size = np.diff(indptr)
    floor = np.maximum(_floors(values, indptr, size, k) * np.float32(1 - slack), SMALLEST)
    at = np.flatnonzero(values >= np.repeat(floor, size))
    short = (np.diff(np.searchsorted(at, indptr)) < k) & (floor > SMALLEST)
    if short.any():
        at = np.flatnonzero(values >= np.repeat(np.where(short, SMALLEST, floor), size))
    return at


def _floors(
    values: NDArray[np.float32], indptr: NDArray[np.integer], size: NDArray[np.integer], k: int
) -> NDArray[np.float32]:
    """Return (R,) a value that most likely k values of each row reach, but not many more; −inf for short rows."""
    stride = np.exp2(np.ceil(np.log2(np.maximum(size / max(SAMPLE, 4 * k), 1)))).astype(np.int64)
    taken = -(-size // stride)
    start = np.append(0, np.cumsum(taken))
    within = np.arange(start[-1]) * np.repeat(stride, taken)
    at = within + np.repeat(indptr[:-1] - start[:-1] * stride, taken)
    sample = np.sort(padded(values[at], start, -np.inf), axis=1)  # for several places faster than a partition
    deep = np.where(stride > 1, 2 * k // stride + 8, k)
    deep = np.where(deep < taken, deep, 0)
    found = sample[np.arange(len(size)), sample.shape[1] - np.maximum(deep, 1)] if sample.shape[1] else -np.inf
    return np.where(deep > 0, found, -np.inf).astype(np.float32)


def _reaching(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return, in order, the flat positions of what may be among the ``k`` best of each row, or of all finite scores."""
    sample = np.fmax(scores[:, ::STRIDE], np.float32(-np.inf))
    deep = 2 * k // STRIDE + 8
    floor = np.maximum(np.partition(sample, sample.shape[1] - deep, axis=1)[:, -deep], LOWEST)
    at = np.flatnonzero(scores >= floor[:, None])
    rows = np.arange(len(scores) + 1) * scores.shape[1]
    short = (np.diff(np.searchsorted(at, rows)) < k) & (floor > LOWEST)
    if short.any():
        at = np.flatnonzero(scores >= np.where(short, LOWEST, floor)[:, None])
    return at


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    falling = -np.where(np.isnan(scores), -np.inf, scores)
    if k >= scores.shape[1]:
        return np.argsort(falling, axis=1, kind="stable")
    top = np.argpartition(falling, k - 1, axis=1)[:, :k]
    order = np.argsort(np.take_along_axis(falling, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)


def padded(values: NDArray[Number], indptr: NDArray[np.integer], fill: float, least: int = 0) -> NDArray[Number]:
    """Return (B × widest, or ``least``) rows of ``values``, cut at ``indptr`` and padded with ``fill``."""
    size = np.diff(indptr)
    width = max(int(size.max(initial=0)), least)
    if len(values) == len(size) * width:
        return values.reshape(len(size), width)
    table = np.full((len(size), width), fill, values.dtype)
    table[np.arange(table.shape[1]) < size[:, None]] = values
    return table

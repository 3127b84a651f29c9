"""Rows of sparse matrices put in place of others."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs


def replace_rows(matrix: csr_array, rows: NDArray[np.intp], fresh: csr_array, shape: tuple[int, int]) -> csr_array:
    """Return ``matrix`` grown to ``shape``, with row ``i`` of ``fresh`` as row ``rows[i]`` (distinct)."""
    if not len(rows) and matrix.shape == shape:
        return matrix
    start = np.zeros(shape[0], np.int64)
    start[: matrix.shape[0]] = matrix.indptr[:-1]
    size = np.zeros(shape[0], np.int64)
    size[: matrix.shape[0]] = np.diff(matrix.indptr)
    start[rows] = fresh.indptr[:-1] + matrix.nnz
    size[rows] = np.diff(fresh.indptr)
    indptr = np.concatenate([[0], np.cumsum(size)])
    at = pairs.spans(start, size)
    data, indices = np.concatenate([matrix.data, fresh.data]), np.concatenate([matrix.indices, fresh.indices])
    return csr_array((data[at].astype(np.float32), indices[at], indptr), shape=shape)

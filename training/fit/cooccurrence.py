"""How often items occur with one another: sparse products of which only the strongest pairs are ever kept."""

import numpy as np
from scipy.sparse import csr_array, csr_matrix
from sparse_dot_topn import sp_matmul_topn

from recommender import pairs
from training.forked import CORES


def cooccurrence(left: csr_array, right: csr_array, most: int) -> csr_array:
    """Return (N × N) ``left.T @ right`` with the ``most`` highest values of each row, the diagonal left out.

    A row has one value more where its own item is not among the highest.
    """
    product = sp_matmul_topn(_single(left.T), _single(right), most + 1, n_threads=CORES)
    row = pairs.rows(product)
    counts = (row != product.indices) & (product.data > 0)
    cells = (row[counts], product.indices[counts])
    return csr_array((product.data[counts], cells), shape=product.shape)


def _single(matrix: csr_array) -> csr_matrix:
    return csr_matrix(matrix, dtype=np.float32)

"""How often items occur with one another: sparse products of which only the strongest pairs are ever kept."""

import numpy as np
from scipy.sparse import csr_array, csr_matrix, diags_array
from sparse_dot_topn import sp_matmul_topn

from recommender import pairs
from recommender.scorer import jitter
from training.forked import CORES

NUDGE = np.float32(1e-4)
"""Equal values are told apart by so much of themselves at most."""


def cooccurrence(left: csr_array, right: csr_array, most: int) -> csr_array:
    """Return (N × N) ``left.T @ right`` with the ``most`` highest values of each row, the diagonal left out.

    A row has one value more where its own item is not among the highest.
    """
    return apart(strongest(left.T, right, most + 1))


def strongest(left: csr_array, right: csr_array, most: int) -> csr_array:
    """Return ``left @ right`` with the ``most`` highest values above 0 of each row; no more is ever stored.

    Equal values are told apart by ``NUDGE``, in a way that knows nothing of the order of ids.
    """
    nudge = 1 + NUDGE * jitter(np.arange(right.shape[1]))
    product = csr_array(sp_matmul_topn(_single(left), _single(right @ diags_array(nudge)), most, n_threads=CORES))
    product.data /= nudge[product.indices]
    return pairs.kept(product, product.data > 0)


def apart(table: csr_array) -> csr_array:
    """Return the square ``table`` without its diagonal."""
    return pairs.kept(table, pairs.rows(table) != table.indices)


def _single(matrix: csr_array) -> csr_matrix:
    return csr_matrix(matrix, dtype=np.float32)

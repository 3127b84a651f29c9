"""Fit a linear autoencoder: what all that a customer turned to, taken together, tells of what is missing."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import inv
from scipy.sparse import csr_array

from recommender.scorer import jitter

ITEMS = 5_000
"""It is learned among so many items, those of most customers: its cost grows with their cube."""
RIDGE = 300.0
"""Penalty on the weights, in customers."""
WEIGHTS = 500_000
"""How many are kept, about; a small catalogue keeps all of them."""
BLOCK = 500


def fit_autoencoder(interest: csr_array, most: int = WEIGHTS) -> csr_array:
    """Return (N × N) the weights of each item furthest from 0, equally many of each, about ``most`` in all.

    What is stored in ``interest`` (B × N) counts as one each. The weights solve a ridge regression of each item on all
    others in closed form (EASE; Steck 2019).
    """
    items = interest.shape[1]
    customers = np.bincount(interest.indices, minlength=items)
    size = min(ITEMS, int(np.count_nonzero(customers)))
    if not size:
        return csr_array((items, items), dtype=np.float32)
    top = np.sort(np.argsort(-(customers + jitter(np.arange(items))))[:size])
    stored = (np.ones(interest.nnz, np.float32), interest.indices, interest.indptr)
    table = csr_array(stored, shape=interest.shape)[:, top]
    gram = (table.T @ table).toarray(order="F")
    gram[np.diag_indices(size)] += np.float32(RIDGE)
    weight = inv(gram, overwrite_a=True, assume_a="pos")
    weight /= -weight.diagonal()
    np.fill_diagonal(weight, 0)
    row, place = np.nonzero(np.abs(weight) >= _floors(weight, min(-(-most // size), size))[:, None])
    return csr_array((weight[row, place], (top[row], top[place])), shape=(items, items))


def _floors(weight: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Return (n,) how far from 0 the ``most``-th of each row is, or the least above 0; in parts: copies are large."""
    parts = np.array_split(weight, -(-len(weight) // BLOCK))
    found = np.concatenate([np.partition(np.abs(part), -most, axis=1)[:, -most] for part in parts])
    return np.asarray(np.maximum(found, np.finfo(np.float32).tiny))

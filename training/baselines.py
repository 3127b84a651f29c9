"""The simple recommenders that any model has to beat, fitted on the same past and asked about the same customers."""

from collections.abc import Callable, Mapping

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from recommender.scorer import best

CHUNK = 256
"""Customers scored at once: 256 × 65,000 scores take 67 MB."""

Score = Callable[[csr_array], NDArray[np.float32]]
"""From what B customers did (B × N weights) to (B × N) scores, all finite."""
Fit = Callable[[csr_array, int], Score]
"""From what everybody did (U × N weights) and a seed to a fitted baseline."""


def fit_popularity(past: csr_array, seed: int) -> Score:
    """Score items by how many customers chose them."""
    share = _customers(past)
    return lambda done: np.asarray(np.broadcast_to(share, done.shape))


def fit_frequency(past: csr_array, seed: int) -> Score:
    """Score items by how often, lately, the customer chose them; what they never chose follows by popularity."""
    share = _customers(past)

    def score(done: csr_array) -> NDArray[np.float32]:
        own = done.toarray()
        return np.where(own > 0, 1 + own, share)

    return score


def fit_factors(past: csr_array, seed: int) -> Score:
    """Fit ``implicit``'s ALS as its own tutorial does: BM25 weights, 64 factors, alpha 2, regularization 0.05."""
    model = AlternatingLeastSquares(factors=64, regularization=0.05, alpha=2.0, iterations=15, random_state=seed)
    length = _item_lengths(past)
    with threadpool_limits(1, "blas"):
        model.fit(_weighted(past, length), show_progress=False)
    items = np.asarray(model.item_factors)

    def score(done: csr_array) -> NDArray[np.float32]:
        users = model.recalculate_user(np.arange(done.shape[0]), _weighted(done, length))
        return np.asarray(users.reshape(done.shape[0], -1) @ items.T, np.float32)

    return score


def fit_neighbours(past: csr_array, seed: int) -> Score:
    """Fit ``implicit``'s BM25 item neighbours, 100 an item."""
    if not past.nnz:
        return lambda done: np.zeros(done.shape, np.float32)
    model = BM25Recommender(K=100)
    model.fit(csr_matrix(past), show_progress=False)
    similarity = csr_array(model.similarity)
    return lambda done: np.asarray((done @ similarity).toarray(), np.float32)


CHEAP_FITS: Mapping[str, Fit] = {"popularity": fit_popularity, "personal frequency": fit_frequency}
"""Those that cost almost nothing."""
EVERY: Mapping[str, Fit] = {**CHEAP_FITS, "implicit ALS": fit_factors, "implicit BM25": fit_neighbours}
"""Every training run is compared with them."""


def list_best(
    score: Score, done: csr_array, eligible: NDArray[np.bool_], excluded: csr_array | None, count: int
) -> NDArray[np.int32]:
    """Return (B, count) rows of the best items of each customer, cut after the masks; −1 fills the end."""
    lists = np.full((done.shape[0], count), -1, np.int32)
    for start in range(0, done.shape[0], CHUNK):
        rows = slice(start, start + CHUNK)
        scores = np.where(eligible, score(csr_array(done[rows])), np.float32(np.nan))
        if excluded is not None:
            scores[csr_array(excluded[rows]).nonzero()] = np.nan
        found = best(np.asarray(scores, np.float32), count)
        known = np.isfinite(np.take_along_axis(scores, found, axis=1))
        lists[rows, : found.shape[1]] = np.where(known, found, -1)
    return lists


def _customers(past: csr_array) -> NDArray[np.float32]:
    """Return (N,) the share of customers who chose each item."""
    return np.asarray(np.bincount(past.indices, minlength=past.shape[1]) / max(past.shape[0], 1), np.float32)


def _item_lengths(past: csr_array) -> NDArray[np.float32]:
    """Return (N,) each item's share of all weight, 1 on average, moved a fifth of the way to 1: BM25's length norm."""
    total = np.bincount(past.indices, past.data, minlength=past.shape[1])
    return np.asarray(0.2 + 0.8 * total / max(total.mean(), 1e-9), np.float32)


def _weighted(done: csr_array, length: NDArray[np.float32]) -> csr_matrix:
    """Return ``implicit.nearest_neighbours.bm25_weight`` with items as documents, K1 = 100 and B = 0.8."""
    size = np.repeat(np.diff(done.indptr), np.diff(done.indptr))
    rarity = np.log(done.shape[1]) - np.log1p(size)
    data = done.data * 101 / (100 * length[done.indices] + done.data) * np.maximum(rarity, 0)
    return csr_matrix((data.astype(np.float32), done.indices, done.indptr), shape=done.shape)

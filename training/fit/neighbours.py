"""Fit item-to-item neighbours with ``implicit``."""

import numpy as np
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, diags_array

from recommender.config import NeighbourSettings
from recommender.models.neighbours import NeighbourModel
from recommender.scorer import compact, jitter
from recommender.trail import Trail, among_heaviest

MODELS = {"bm25": BM25Recommender, "cosine": CosineRecommender}
NEWEST = 500
"""Items of each customer that are counted, the last ones turned to: pairs grow with the square of them."""


def fit_neighbours(steps: Trail, weights: NDArray[np.float32], settings: NeighbourSettings) -> NeighbourModel:
    """Find each item's neighbours among the customers' interests; each row's highest similarity is 1."""
    interest = _newest(steps)
    interest.data = np.log1p(interest.data)
    model = MODELS[settings.kind](K=settings.neighbours + 1)
    if interest.nnz:
        model.fit(csr_matrix(interest, dtype=np.float64), show_progress=False)
        similarity = csr_array(model.similarity, dtype=np.float32)
    else:
        similarity = csr_array((steps.items, steps.items), dtype=np.float32)
    return NeighbourModel(weights, compact(_scaled(similarity)))


def _newest(steps: Trail) -> csr_array:
    """Return (B × N) the weights of each customer's ``NEWEST`` items; of one step, any of them."""
    interest = steps.matrix(steps.weight)
    age = jitter(interest.indices)
    age[steps.pair] += steps.back  # in order of time, so that the last turn to an item stays
    interest.data[~among_heaviest(-age, interest.indptr, NEWEST)] = 0
    interest.eliminate_zeros()
    return interest


def _scaled(similarity: csr_array) -> csr_array:
    similarity.setdiag(0)
    similarity.eliminate_zeros()
    highest = similarity.max(axis=1).toarray().ravel() if similarity.nnz else np.ones(similarity.shape[0])
    return (diags_array(1 / np.where(highest > 0, highest, 1)) @ similarity).tocsr().astype(np.float32)

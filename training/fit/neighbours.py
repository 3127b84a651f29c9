"""Fit item-to-item neighbours with ``implicit``."""

import numpy as np
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from scipy.sparse import csr_array, csr_matrix, diags_array, vstack

from recommender.config import NeighbourSettings
from recommender.models.neighbours import NeighbourModel
from recommender.scorer import compact
from recommender.trail import Trail
from training.fit.autoencoder import fit_autoencoder

MODELS = {"bm25": BM25Recommender, "cosine": CosineRecommender}
NEWEST = 500
"""Items of each customer that are counted, the last ones turned to: pairs grow with the square of them."""


def fit_neighbours(steps: Trail, settings: NeighbourSettings) -> NeighbourModel:
    """Find each item's neighbours among the customers' interests, and what these, taken together, speak for."""
    interest = steps.newest(NEWEST)
    parts = [_similarity(interest, settings), fit_autoencoder(interest)]
    return NeighbourModel(compact(vstack(parts, format="csr", dtype=np.float32)))


def _similarity(interest: csr_array, settings: NeighbourSettings) -> csr_array:
    """Return (N × N) the neighbours of each item; each row's highest similarity is 1."""
    if not interest.nnz:
        return csr_array((interest.shape[1], interest.shape[1]), dtype=np.float32)
    model = MODELS[settings.kind](K=settings.neighbours + 1)
    counted = csr_matrix((np.log1p(interest.data), interest.indices, interest.indptr), interest.shape, np.float64)
    model.fit(counted, show_progress=False)
    return _scaled(csr_array(model.similarity, dtype=np.float32))


def _scaled(similarity: csr_array) -> csr_array:
    similarity.setdiag(0)
    similarity.eliminate_zeros()
    highest = similarity.max(axis=1).toarray().ravel() if similarity.nnz else np.ones(similarity.shape[0])
    return (diags_array(1 / np.where(highest > 0, highest, 1)) @ similarity).tocsr().astype(np.float32)

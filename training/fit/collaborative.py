"""Fit collaborative factors with ``implicit``'s ALS."""

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommender.config import CollaborativeSettings
from recommender.models.collaborative import CollaborativeModel, saturated
from recommender.trail import Trail


def fit_collaborative(
    steps: Trail,
    half_life: float,
    settings: CollaborativeSettings,
    seed: int,
    start: CollaborativeModel | None = None,
) -> CollaborativeModel:
    """Factorise the customers' interests; ``start`` gives factors to go on from, for half the iterations.

    A small shop gets fewer factors, at most one for four items: more would only learn the log by heart.
    """
    interest = saturated(steps, half_life)
    seen = np.bincount(interest.indices, minlength=steps.items) > 0
    factors = min(settings.factors, max(int(seen.sum()) // 4, 1))
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=settings.regularization,
        alpha=settings.alpha,
        iterations=settings.iterations if start is None else max(settings.iterations // 2, 1),
        calculate_training_loss=False,
        random_state=seed,
    )
    if start is not None and start.factors.shape == (steps.items, factors):
        model.item_factors = start.factors.copy()
    if interest.nnz:
        with threadpool_limits(1, "blas"):
            model.fit(csr_matrix(interest), show_progress=False)
        items = np.where(seen[:, None], np.asarray(model.item_factors), 0).astype(np.float32)
    else:
        items = np.zeros((steps.items, factors), np.float32)
    gram = items.T @ items + settings.regularization * np.eye(factors, dtype=np.float32)
    return CollaborativeModel(half_life, settings.alpha, items, gram, np.flatnonzero(~seen).astype(np.int32))

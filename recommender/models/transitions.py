"""Ordered item transitions: what customers turn to after, before and together with an item."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.trail import Trail, trail
from recommender.values import Queries

SHARE, DEPTH, MOST = 0.8, 20, 50
"""A step back counts 0.8 of the one after it; what lies 20 steps back, or behind 50 heavier items, no longer counts."""


@dataclass(frozen=True, slots=True, eq=False)
class TransitionModel:
    """Item × item weights, the most telling ones of each item; row a holds what belongs to a."""

    weights: NDArray[np.float32]
    """(event types,) how much each type of event says."""
    forward: csr_array
    """(N × N) what follows a."""
    backward: csr_array
    """(N × N) what precedes a."""
    together: csr_array
    """(N × N) what shares a basket with a."""

    def score(self, queries: Queries) -> csr_array:
        """Return (B × N) how strongly the last steps lead to each item, in both directions."""
        steps = trail(queries.histories, self.weights, self.forward.shape[0])
        found = self.signals(steps)
        return (found["followed"] + 0.6 * found["preceded"] + found["together"]).tocsr()

    def signals(self, steps: Trail) -> dict[str, csr_array]:
        """Return (B × N) by name: led to by the last step, and by the last ones forwards, backwards and at once."""
        recent = steps.recent(SHARE, DEPTH, MOST)
        return {
            "followed_last": steps.recent(1.0, 1, MOST) @ self.forward,
            "followed": recent @ self.forward,
            "preceded": recent @ self.backward,
            "together": recent @ self.together,
        }

    def beside(self, anchors: csr_array) -> dict[str, csr_array]:
        """Return (B × N) by name: led to by the ``anchors`` (B × N)."""
        known = anchors[:, : self.forward.shape[0]]
        return {
            "anchor_followed": known @ self.forward,
            "anchor_preceded": known @ self.backward,
            "anchor_together": known @ self.together,
        }

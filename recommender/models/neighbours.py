"""Item-to-item neighbours: items that the same customers turn to, in any order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.stack import Stack
from recommender.trail import Trail

SHARE, DEPTH, MOST = 0.9, 40, 50


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourModel:
    """The most similar items of each item."""

    weights: NDArray[np.float32]
    """(event types,) how much each type of event says."""
    similarity: csr_array
    """(N × N) row a holds what is similar to a, a itself left out."""

    def signals(self, steps: Trail) -> Stack:
        """Return the similarity to the last steps."""
        return Stack(("neighbours",), steps.recent(SHARE, DEPTH, MOST) @ self.similarity)

    def beside(self, anchors: csr_array) -> Stack:
        """Return the similarity to the ``anchors`` (B × N)."""
        return Stack(("anchor_neighbours",), anchors[:, : self.similarity.shape[0]] @ self.similarity)

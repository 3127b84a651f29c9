"""Item-to-item neighbours: items that the same customers turn to, in any order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.stack import Stack, led_to
from recommender.trail import Trail

SHARE, DEPTH, MOST = 0.9, 40, 50


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourModel:
    """The most similar items of each item, and those for which it speaks beside all others."""

    weights: NDArray[np.float32]
    """(event types,) how much each type of event says."""
    links: csr_array
    """(2·N × N) similarity, and below it the weights of a linear autoencoder (EASE; Steck 2019), so that one product
    answers for both; row a of each is about a, a itself left out."""

    @property
    def items(self) -> int:
        """Return N."""
        return int(self.links.shape[1])

    def origins(self, steps: Trail) -> csr_array:
        """Return (B × N) the last steps by how much they count."""
        return steps.recent(SHARE, DEPTH, MOST)

    def signals(self, steps: Trail) -> Stack:
        """Return the similarity to the last steps, and what these, taken together, speak for."""
        recent = self.origins(steps)
        return led_to(("neighbours", "ease"), [(recent, 0), (recent, self.items)], self.links)

    def beside(self, anchors: csr_array) -> Stack:
        """Return the similarity to the ``anchors`` (B × N)."""
        return led_to(("anchor_neighbours",), [(anchors[:, : self.items], 0)], self.links)

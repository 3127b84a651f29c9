"""Item-to-item neighbours: items that the same customers turn to, in any order."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from recommender.stack import Stack, led_to
from recommender.trail import Trail

SHARE, DEPTH, MOST = 0.9, 40, 50
EVER = 200
"""Items that a lasting taste is told by, the last ones turned to."""


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourModel:
    """The most similar items of each item, and those for which it speaks beside all others."""

    links: csr_array
    """(2·N × N) similarity, and below it the weights of a linear autoencoder (EASE; Steck 2019), so that one product
    answers for both; row a of each is about a, a itself left out."""
    lasting: bool = False
    """What a customer turned to long ago says as much of them as what they turned to last."""

    @property
    def items(self) -> int:
        """Return N."""
        return int(self.links.shape[1])

    def origins(self, steps: Trail) -> csr_array:
        """Return (B × N) the items that are asked about, by how much they count: the last steps, or all alike."""
        if not self.lasting:
            return steps.recent(SHARE, DEPTH, MOST)
        every = steps.newest(EVER)
        return csr_array((np.ones_like(every.data), every.indices, every.indptr), shape=every.shape)

    def signals(self, steps: Trail) -> Stack:
        """Return the similarity to the origins, and what these, taken together, speak for."""
        asked = self.origins(steps)
        return led_to(("neighbours", "ease"), [(asked, 0), (asked, self.items)], self.links)

    def beside(self, anchors: csr_array) -> Stack:
        """Return the similarity to the ``anchors`` (B × N)."""
        return led_to(("anchor_neighbours",), [(anchors[:, : self.items], 0)], self.links)

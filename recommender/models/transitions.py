"""Ordered item transitions: what customers turn to after, before and together with an item."""

from dataclasses import dataclass

from scipy.sparse import csr_array

from recommender.stack import Stack, led_to
from recommender.trail import Trail

SHARE, DEPTH, MOST = 0.8, 20, 50
"""A step back counts 0.8 of the one after it; what lies 20 steps back, or behind 50 heavier items, no longer counts."""
SIDES = ("forward", "backward", "together", "next")
"""What follows an item, what precedes it, what shares a basket with it, and what the very next step holds."""


@dataclass(frozen=True, slots=True, eq=False)
class TransitionModel:
    """Item × item weights, the most telling ones of each item."""

    links: csr_array
    """(4·N × N) one of ``SIDES`` below the other, so that one product answers for all; row a of each is about a."""

    @property
    def items(self) -> int:
        """Return N."""
        return int(self.links.shape[1])

    def side(self, name: str) -> csr_array:
        """Return (N × N) one of ``SIDES``."""
        first = SIDES.index(name) * self.items
        return self.links[first : first + self.items]

    def origins(self, steps: Trail) -> csr_array:
        """Return (B × N) the last steps by how much they count."""
        return steps.recent(SHARE, DEPTH, MOST)

    def signals(self, steps: Trail) -> Stack:
        """Return what the last steps lead to forwards, backwards and at once, and the last one alone, near and far."""
        recent, last = self.origins(steps), steps.recent(1.0, 1, MOST)
        names = ("followed", "preceded", "together", "followed_last", "next")
        blocks = [*self._each(recent), (last, 0), (last, SIDES.index("next") * self.items)]
        return led_to(names, blocks, self.links)

    def beside(self, anchors: csr_array) -> Stack:
        """Return what the ``anchors`` (B × N) lead to."""
        names = ("anchor_followed", "anchor_preceded", "anchor_together")
        return led_to(names, self._each(anchors[:, : self.items]), self.links)

    def _each(self, weights: csr_array) -> list[tuple[csr_array, int]]:
        return [(weights, at * self.items) for at in range(SIDES.index("next"))]

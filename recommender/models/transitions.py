"""Ordered item transitions: what customers turn to after, before and together with an item."""

from dataclasses import dataclass

from scipy.sparse import csr_array

from recommender.stack import Block, Stack, led_to
from recommender.trail import Trail

SHARE, DEPTH, MOST = 0.8, 20, 50
"""A step back counts 0.8 of the one after it; what lies 20 steps back, or behind 50 heavier items, no longer counts."""
SIDES = ("forward", "backward", "together", "next", "alike")
"""What follows an item, precedes it, shares a basket with it, is in the very next step, and what follows items like it
or is like what follows it, where few events tell."""


@dataclass(frozen=True, slots=True, eq=False)
class TransitionModel:
    """Item × item weights, the most telling ones of each item."""

    links: csr_array
    """(5·N × N) one of ``SIDES`` below the other, so that one product answers for all; row a of each is about a."""

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
        names = ("followed", "preceded", "together", "alike", "followed_last", "next")
        blocks = [*self._each(recent), self._by(last, "forward"), self._by(last, "next")]
        return led_to(names, blocks, self.links)

    def beside(self, anchors: csr_array) -> Stack:
        """Return what the ``anchors`` (B × N) lead to."""
        names = ("anchor_followed", "anchor_preceded", "anchor_together", "anchor_alike")
        return led_to(names, self._each(anchors[:, : self.items]), self.links)

    def _each(self, weights: csr_array) -> list[Block]:
        return [self._by(weights, side) for side in ("forward", "backward", "together", "alike")]

    def _by(self, weights: csr_array, side: str) -> Block:
        return weights, SIDES.index(side) * self.items

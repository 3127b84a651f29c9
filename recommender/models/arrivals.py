"""New arrivals: the youngest items first, whether anyone has seen them or not."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recommender.scorer import jitter
from recommender.times import DAY
from recommender.values import EARLIEST


@dataclass(frozen=True, eq=False)
class ArrivalsModel:
    """When each item of the catalogue appeared."""

    first_seen: NDArray[np.int64]
    """(N,) seconds since 1970; ``EARLIEST`` where unknown."""

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The items whose age is known, youngest first: the same for everyone at any time."""
        known = np.flatnonzero(self.first_seen != EARLIEST)
        return known[np.lexsort((jitter(known), -self.first_seen[known]))]

    def age(self, now: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (B × N) ages in days; items of the future are 0 days old; NaN where unknown."""
        known = self.first_seen != EARLIEST
        seen = np.where(known, self.first_seen / DAY, np.nan)
        return np.maximum(now[:, None] / DAY - seen, 0).astype(np.float32)

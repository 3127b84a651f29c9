"""How likely a moment's hits are under a softmax over its candidates, by which scores are learned (ListNet)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recommender import pairs


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """G moments whose n candidates stand one after the other, and which of them were hits (Cao et al. 2007)."""

    start: NDArray[np.int64]
    """(G,) where each begins."""
    group: NDArray[np.int64]
    """(G,) how many candidates each has."""
    share: NDArray[np.float32]
    """(n,) of the moment's hits; they sum to 1 in each."""

    @classmethod
    def of(cls, group: NDArray[np.int64], hit: NDArray[np.bool_]) -> Self:
        """Build from the size of each moment (G,) and its hits (n,)."""
        start = np.cumsum(group) - group
        hits = np.add.reduceat(hit.astype(np.float32), start)
        return cls(start, group, hit / np.repeat(np.maximum(hits, 1), group))

    def take(self, moments: NDArray[np.intp]) -> tuple[NDArray[np.intp], Self]:
        """Return where the candidates of these moments stand, and the moments."""
        group = self.group[moments]
        rows = pairs.spans(self.start[moments], group)
        return rows, type(self)(np.cumsum(group) - group, group, self.share[rows])

    def loss(self, score: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """Return minus the mean log likelihood of the hits under scores (n,), and its gradient (n,)."""
        raised = np.exp(score - np.repeat(np.maximum.reduceat(score, self.start), self.group))
        chance = raised / np.repeat(np.add.reduceat(raised, self.start), self.group)
        likelihood = float((self.share * np.log(np.maximum(chance, 1e-12))).sum()) / len(self.group)
        return -likelihood, np.asarray((chance - self.share) / np.float32(len(self.group)), np.float32)

"""What every source of candidates offers, and the cut that keeps the best."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.values import Queries

Scores = csr_array | NDArray[np.float32]
"""(B × N): dense with NaN, or sparse with nothing stored, where the source cannot say."""


class Source(Protocol):
    """A fitted model that scores items for customers."""

    def score(self, queries: Queries) -> Scores:
        """Return higher numbers for better items; scales differ from source to source."""


def top_k(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the rows of the ``k`` best finite scores, best first, ties by row."""
    finite = np.flatnonzero(np.isfinite(scores))
    if len(finite) > k:
        floor = np.partition(scores[finite], len(finite) - k)[len(finite) - k]
        finite = finite[scores[finite] >= floor]
    return finite[np.argsort(-scores[finite], kind="stable")][:k]

"""How sure a mean over customers is: percentile intervals from seeded resampling of customers (Efron 1979)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 22
"""How many resampled values are held at once."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and the interval around it, of 95 % unless something else is said."""

    mean: float
    low: float
    high: float


def estimate(
    values: NDArray[np.float64], rng: np.random.Generator, *, miss: float = 0.05, draws: int = 500
) -> Estimate:
    """Return the mean over customers, NaN values left out; all NaN where there is no customer.

    The interval misses the mean with probability ``miss``; the smaller that is, the more ``draws`` it takes.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return Estimate(np.nan, np.nan, np.nan)
    means = np.empty(draws)
    step = max(1, BLOCK // len(known))
    for start in range(0, draws, step):
        size = (min(step, draws - start), len(known))
        means[start : start + size[0]] = known[rng.integers(len(known), size=size, dtype=np.int32)].mean(axis=1)
    low, high = np.quantile(means, (miss / 2, 1 - miss / 2))
    return Estimate(float(known.mean()), float(low), float(high))

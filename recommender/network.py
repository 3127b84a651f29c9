"""A small neural network over a candidate's features, whose output decomposes into them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OUTLYING = np.float32(3.0)
"""Standard deviations beyond which a value weighs no more."""
PATH = 16
"""Points between what is usual and what is, at which gradients are taken to tell how much each feature adds."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """One layer of rectified units over the features in standard deviations, and over which of them are missing."""

    mean: NDArray[np.float32]
    """(F,) of each feature."""
    scale: NDArray[np.float32]
    """(F,) standard deviations."""
    hidden: NDArray[np.float32]
    """(2·F × H) what each feature, and below that its being missing, says to each unit."""
    bias: NDArray[np.float32]
    """(H,)"""
    out: NDArray[np.float32]
    """(H,) what each unit adds to the score."""

    @property
    def weight(self) -> NDArray[np.float32]:
        """(F,) how much the score leans on each feature, as shares of 1."""
        said = np.abs(self.hidden) @ np.abs(self.out)
        whole = said[: len(self.mean)] + said[len(self.mean) :]
        return np.asarray(whole / (whole.sum() or 1), np.float32)

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n,) scores of candidates with ``features`` (n × F)."""
        said = inputs(features, self.mean, self.scale) @ self.hidden + self.bias
        return np.asarray(np.maximum(said, 0) @ self.out, np.float32)

    def terms(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n × F) what each feature adds, from none to all (integrated gradients; Sundararajan et al. 2017)."""
        given = inputs(features, self.mean, self.scale)
        said = given @ self.hidden
        awake = np.mean([said * np.float32((at + 0.5) / PATH) + self.bias > 0 for at in range(PATH)], axis=0)
        added = given * ((awake * self.out) @ self.hidden.T)
        return np.asarray(added[:, : features.shape[1]] + added[:, features.shape[1] :], np.float32)


def inputs(features: NDArray[np.float32], mean: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n × 2·F) the ``deviations`` of the features (n × F), and beside them 1 where one is missing."""
    return np.concatenate([deviations(features, mean, scale), ~np.isfinite(features)], axis=1, dtype=np.float32)


def deviations(
    features: NDArray[np.float32], mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return (n × F) how far each value is from its ``mean`` (F,) in units of ``scale`` (F,), up to ``OUTLYING``.

    0 where there is no value.
    """
    table = np.subtract(features, mean)
    table /= scale
    table[~np.isfinite(table)] = 0
    return np.asarray(np.clip(table, -OUTLYING, OUTLYING, out=table), np.float32)

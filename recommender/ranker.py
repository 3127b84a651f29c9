"""The second stage: a learned order of the candidates, whose output decomposes into its features' contributions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recommender.ids import Texts

LAMBDAMART, LINEAR = 0, 1


@dataclass(frozen=True, eq=False)
class Ranker:
    """LambdaMART trees or a linear sum over named features; whichever won on the job's validation split."""

    kind: int
    """``LAMBDAMART`` or ``LINEAR``."""
    names: Texts
    """The F features, in the order of the columns."""
    booster: NDArray[np.uint8]
    """LightGBM's text model; empty for a linear ranker."""
    coefficients: NDArray[np.float32]
    """(F,) of a linear ranker, per standard deviation."""
    mean: NDArray[np.float32]
    """(F,) stands for a missing value in a linear ranker."""
    scale: NDArray[np.float32]
    """(F,) standard deviations."""
    horizon: float
    """Days: the longest idle time that the ranker learned from; beyond it the clock stands still for a customer."""
    revisits: float = 0.0
    """Share of the list's places for items that the customer has looked at and not had, which the ranker never met."""

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The features' names."""
        return tuple(self.names)

    def weight_by(self, owner: Callable[[str], str]) -> Mapping[str, float]:
        """Return how much the ranker leans on each owner of features, as shares of 1."""
        if not self._weights:
            gain = self._trees.feature_importance("gain") if self.kind == LAMBDAMART else np.abs(self.coefficients)
            for name, value in zip(self.features, gain, strict=True):
                self._weights[owner(name)] = self._weights.get(owner(name), 0.0) + float(value) / float(gain.sum() or 1)
        return self._weights

    @cached_property
    def _weights(self) -> dict[str, float]:
        return {}

    @cached_property
    def _trees(self) -> lgb.Booster:
        return lgb.Booster(model_str=self.booster.tobytes().decode())

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n,) scores of candidates with ``features`` (n × F); comparable within one customer only."""
        if not len(features):
            return np.zeros(0, np.float32)
        if self.kind == LAMBDAMART:
            return np.asarray(self._trees.predict(features, num_threads=1), np.float32)
        return np.asarray(self._terms(features).sum(axis=1), np.float32)

    def contributions(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n × F) what each feature adds to the score (TreeSHAP; Lundberg et al. 2020)."""
        if not len(features):
            return np.zeros(features.shape, np.float32)
        if self.kind == LAMBDAMART:
            return np.asarray(self._trees.predict(features, num_threads=1, pred_contrib=True), np.float32)[:, :-1]
        return self._terms(features)

    def _terms(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = np.where(np.isfinite(features), features - self.mean, 0) / self.scale
        return np.asarray(centred * self.coefficients, np.float32)


def linear(names: tuple[str, ...], coefficients: NDArray[np.float32], horizon: float) -> Ranker:
    """Return a linear ranker over features as they are."""
    one, none = np.ones(len(names), np.float32), np.zeros(len(names), np.float32)
    return Ranker(LINEAR, Texts.of(names), np.zeros(0, np.uint8), coefficients, none, one, horizon)

"""The second stage: a learned order of the candidates, whose output decomposes into its features' contributions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from recommender.ids import Texts
from recommender.network import Network, deviations

LAMBDAMART, LINEAR = 0, 1


@dataclass(frozen=True, eq=False)
class Ranker:
    """Trees (LambdaMART) and a network, or a linear sum, over named features: what won on the job's validation split.

    Whatever there is adds up.
    """

    kind: int
    """``LAMBDAMART`` or ``LINEAR``."""
    names: Texts
    """The F features, in the order of the columns."""
    boosters: Texts
    """LightGBM's text models; none for a linear ranker."""
    coefficients: NDArray[np.float32]
    """(F,) of a linear sum, per standard deviation; (0,) without one."""
    mean: NDArray[np.float32]
    """(F,) stands for a missing value in a linear ranker."""
    scale: NDArray[np.float32]
    """(F,) standard deviations."""
    horizon: float
    """Days: the longest idle time that the ranker learned from; beyond it the clock stands still for a customer."""
    network: Network | None = None
    """Of the same features, beside trees that learned from enough."""

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The features' names."""
        return tuple(self.names)

    def weight_by(self, owner: Callable[[str], str]) -> Mapping[str, float]:
        """Return how much the ranker leans on each owner of features, as shares of 1."""
        weights: dict[str, float] = {}
        for name, gain in zip(self.features, self._gains, strict=True):
            weights[owner(name)] = weights.get(owner(name), 0.0) + gain
        return weights

    @cached_property
    def _gains(self) -> tuple[float, ...]:
        """How much the ranker leans on each feature, as shares of 1."""
        gain = np.abs(self.coefficients)
        if self.kind == LAMBDAMART:
            gain = np.sum([trees.feature_importance("gain") for trees in self._trees], axis=0)
        gain = gain / (gain.sum() or 1)
        if self.network is not None:
            gain = gain + self.network.weight
        return tuple((gain / (gain.sum() or 1)).tolist())

    @cached_property
    def _trees(self) -> tuple[lgb.Booster, ...]:
        return tuple(lgb.Booster(model_str=text) for text in self.boosters)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n,) scores of candidates with ``features`` (n × F); comparable within one customer only."""
        if not len(features):
            return np.zeros(0, np.float32)
        parts: list[object] = [trees.predict(features, num_threads=1) for trees in self._trees]
        if len(self.coefficients):
            parts.append(self._deviations(features) @ self.coefficients)
        if self.network is not None:
            parts.append(self.network.score(features))
        return _summed(parts)

    def contributions(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n × F) what each feature adds to the score; of trees by TreeSHAP (Lundberg et al. 2020)."""
        if not len(features):
            return np.zeros(features.shape, np.float32)
        explained = [trees.predict(features, num_threads=1, pred_contrib=True) for trees in self._trees]
        parts: list[object] = [np.asarray(part)[:, :-1] for part in explained]
        if len(self.coefficients):
            parts.append(self._deviations(features) * self.coefficients)
        if self.network is not None:
            parts.append(self.network.terms(features))
        return _summed(parts)

    def _deviations(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return deviations(features, self.mean, self.scale)


def _summed(parts: Sequence[object]) -> NDArray[np.float32]:
    return np.asarray(np.sum(np.asarray(parts), axis=0), np.float32)


def linear(names: tuple[str, ...], coefficients: NDArray[np.float32], horizon: float) -> Ranker:
    """Return a linear ranker over features as they are."""
    one, none = np.ones(len(names), np.float32), np.zeros(len(names), np.float32)
    return Ranker(LINEAR, Texts.of(names), Texts.of(()), coefficients, none, one, horizon)

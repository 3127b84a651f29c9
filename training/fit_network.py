"""Learn a small network that orders each moment's candidates, beside the trees."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommender.network import Network, inputs
from training.listnet import Moments
from training.ranking_data import RankingData

Arrays = tuple[NDArray[np.float32], ...]
UNITS = 64
STEPS, BATCH = 600, 64
"""So many steps by so many moments each, however often all are then gone through."""
RATE = 3e-3
"""Longest step; they shorten to nothing along a cosine."""
DECAY = np.float32(1e-3)
"""Quadratic penalty on the weights."""
HIDDEN = 0.2
"""Share of the inputs that a moment does not show while learning: no order may hang on a single one."""


@dataclass(slots=True, eq=False)
class Adam:
    """Steps by running means of gradients and of their squares (Kingma, Ba 2015)."""

    weights: Arrays
    mean: Arrays = field(init=False)
    square: Arrays = field(init=False)
    steps: int = 0

    def __post_init__(self) -> None:
        """Begin with no gradient known."""
        self.mean = self.square = tuple(np.zeros_like(one) for one in self.weights)

    def step(self, gradients: Arrays, rate: float) -> None:
        """Move the weights against the ``gradients``."""
        self.steps += 1
        self.mean = tuple(0.9 * m + 0.1 * s for m, s in zip(self.mean, gradients, strict=True))
        self.square = tuple(0.999 * q + 0.001 * s**2 for q, s in zip(self.square, gradients, strict=True))
        length = rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        moved = zip(self.weights, self.mean, self.square, strict=True)
        self.weights = tuple((w - length * m / (np.sqrt(q) + 1e-8)).astype(np.float32) for w, m, q in moved)


def fit_network(learned: RankingData, ignored: frozenset[str], seed: int) -> Network:
    """Maximise the likelihood of the hits under a softmax over each moment's candidates (ListNet; Cao et al. 2007).

    Features ``ignored`` say nothing. Moments of customers held out are left alone.
    """
    rng = np.random.default_rng(seed)
    rows = np.repeat(~learned.held, learned.group)
    features = learned.features[rows]
    features[:, [place for place, name in enumerate(learned.names) if name in ignored]] = np.nan
    mean, scale = mean_and_scale(features)
    given, every = inputs(features, mean, scale), Moments.of(learned.group[~learned.held], learned.hit[rows])
    told = np.ptp(given, axis=0) > 0
    given[:, ~told] = 0
    hidden = rng.normal(0, 1 / np.sqrt(max(int(told.sum()), 1)), (len(told), UNITS)) * told[:, None]
    out = rng.normal(0, 0.1 / np.sqrt(UNITS), UNITS)
    adam = Adam((hidden.astype(np.float32), np.zeros(UNITS, np.float32), out.astype(np.float32)))
    for moments, rate in _plan(len(every.group), rng):
        candidates, batch = every.take(moments)
        shown = rng.random((len(moments), len(told)), np.float32) >= HIDDEN
        thinned = given[candidates] * np.repeat(shown / np.float32(1 - HIDDEN), batch.group, axis=0)
        adam.step(gradients(adam.weights, thinned, batch), rate)
    return Network(mean, scale, *adam.weights)


def mean_and_scale(features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (F,) mean and standard deviation of each feature (n × F); 0 and 1 where they tell nothing."""
    known = np.isfinite(features)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0).sum(axis=0, dtype=np.float64) / count
    spread = np.sqrt((np.where(known, features - mean, 0) ** 2).sum(axis=0, dtype=np.float64) / count)
    return mean.astype(np.float32), np.where(spread > 1e-6, spread, 1).astype(np.float32)


def _plan(moments: int, rng: np.random.Generator) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Yield the moments of each step, all of them in turn and in ever new order, and how long it is."""
    turns, order = -(-moments // BATCH), np.arange(moments)
    for step in range(STEPS):
        turn = step % turns
        order = rng.permutation(moments) if turn == 0 else order
        yield order[turn * BATCH : (turn + 1) * BATCH], RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))


def gradients(weights: Arrays, given: NDArray[np.float32], batch: Moments) -> Arrays:
    """Return how what a batch's likelihood lacks, and the quadratic penalty, rise with each weight."""
    hidden, bias, out = weights
    units = np.maximum(given @ hidden + bias, 0)
    _, gradient = batch.loss(units @ out)
    back = np.outer(gradient, out) * (units > 0)
    return given.T @ back + DECAY * hidden, back.sum(axis=0), units.T @ gradient + DECAY * out

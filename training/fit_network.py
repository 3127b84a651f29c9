"""Learn a small network that orders each moment's candidates, beside the trees."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommender import pairs
from recommender.network import Network, inputs
from training.lessons import Lessons

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


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """The G moments that a network learns from, one after the other."""

    given: NDArray[np.float32]
    """(n × 2·F) inputs of the candidates."""
    share: NDArray[np.float32]
    """(n,) of the moment's hits; they sum to 1 in each."""
    start: NDArray[np.intp]
    """(G,) where each begins."""
    group: NDArray[np.int64]
    """(G,) how many candidates each has."""

    def batch(self, moments: NDArray[np.intp]) -> "Taught":
        """Return only these moments."""
        group = self.group[moments]
        start = np.cumsum(group) - group
        rows = pairs.spans(self.start[moments], group)
        return Taught(self.given[rows], self.share[rows], start, group)


@dataclass(slots=True, eq=False)
class Adam:
    """Steps by running means of slopes and of their squares (Kingma, Ba 2015)."""

    weights: Arrays
    mean: Arrays = field(init=False)
    square: Arrays = field(init=False)
    steps: int = 0

    def __post_init__(self) -> None:
        """Begin with no slope known."""
        self.mean = self.square = tuple(np.zeros_like(one) for one in self.weights)

    def step(self, slopes: Arrays, rate: float) -> None:
        """Move the weights against the ``slopes``."""
        self.steps += 1
        self.mean = tuple(0.9 * m + 0.1 * s for m, s in zip(self.mean, slopes, strict=True))
        self.square = tuple(0.999 * q + 0.001 * s**2 for q, s in zip(self.square, slopes, strict=True))
        length = rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        moved = zip(self.weights, self.mean, self.square, strict=True)
        self.weights = tuple((w - length * m / (np.sqrt(q) + 1e-8)).astype(np.float32) for w, m, q in moved)


def fit_network(learned: Lessons, ignored: frozenset[str], seed: int) -> Network:
    """Maximise the likelihood of the hits under a softmax over each moment's candidates (ListNet; Cao et al. 2007).

    Features ``ignored`` say nothing. Moments of customers held out are left alone.
    """
    rng = np.random.default_rng(seed)
    rows = np.repeat(~learned.held, learned.group)
    features = learned.features[rows]
    features[:, [place for place, name in enumerate(learned.names) if name in ignored]] = np.nan
    mean, scale = standard(features)
    taught = _taught(inputs(features, mean, scale), learned.hit[rows], learned.group[~learned.held])
    told = np.ptp(taught.given, axis=0) > 0
    taught.given[:, ~told] = 0
    hidden = rng.normal(0, 1 / np.sqrt(max(int(told.sum()), 1)), (len(told), UNITS)) * told[:, None]
    out = rng.normal(0, 0.1 / np.sqrt(UNITS), UNITS)
    adam = Adam((hidden.astype(np.float32), np.zeros(UNITS, np.float32), out.astype(np.float32)))
    for moments, rate in _plan(len(taught.group), rng):
        adam.step(_slopes(adam.weights, taught.batch(moments), rng), rate)
    return Network(mean, scale, *adam.weights)


def standard(features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (F,) mean and standard deviation of each feature (n × F); 0 and 1 where they tell nothing."""
    known = np.isfinite(features)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0).sum(axis=0, dtype=np.float64) / count
    spread = np.sqrt((np.where(known, features - mean, 0) ** 2).sum(axis=0, dtype=np.float64) / count)
    return mean.astype(np.float32), np.where(spread > 1e-6, spread, 1).astype(np.float32)


def _taught(given: NDArray[np.float32], hit: NDArray[np.bool_], group: NDArray[np.int64]) -> Taught:
    start = np.cumsum(group) - group
    hits = np.add.reduceat(hit.astype(np.float32), start)
    return Taught(given, hit / np.repeat(np.maximum(hits, 1), group), start, group)


def _plan(moments: int, rng: np.random.Generator) -> Iterator[tuple[NDArray[np.intp], float]]:
    """Yield the moments of each step, all of them in turn and in ever new order, and how long it is."""
    turns, order = -(-moments // BATCH), np.arange(moments)
    for step in range(STEPS):
        turn = step % turns
        order = rng.permutation(moments) if turn == 0 else order
        yield order[turn * BATCH : (turn + 1) * BATCH], RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))


def _slopes(weights: Arrays, batch: Taught, rng: np.random.Generator) -> Arrays:
    """Return how the loss of a batch rises with each weight."""
    hidden, bias, out = weights
    moment = np.repeat(np.arange(len(batch.group)), batch.group)
    shown = rng.random((len(batch.group), len(hidden)), np.float32) >= HIDDEN
    given = batch.given * (shown / np.float32(1 - HIDDEN))[moment]
    units = np.maximum(given @ hidden + bias, 0)
    missed = (_chances(units @ out, batch, moment) - batch.share) / np.float32(len(batch.group))
    back = np.outer(missed, out) * (units > 0)
    return given.T @ back + DECAY * hidden, back.sum(axis=0), units.T @ missed + DECAY * out


def _chances(score: NDArray[np.float32], batch: Taught, moment: NDArray[np.intp]) -> NDArray[np.float32]:
    raised = np.exp(score - np.maximum.reduceat(score, batch.start)[moment])
    return np.asarray(raised / np.add.reduceat(raised, batch.start)[moment], np.float32)

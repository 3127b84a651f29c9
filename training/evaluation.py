"""Judges lists against what customers then chose: overall, by task, by length of history and by source."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.catalogue import Catalogue
from recommender.policy import always_eligible
from training import metrics
from training.heldout import Heldout
from training.intervals import Estimate, estimate
from training.report import TASKS, Row, SourceShare, Task

BUCKETS = ((0, 3), (4, 10), (11, 30), (31, 100), (101, 1_000_000_000))
"""Events in a customer's history, from and to."""


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """What one system recommends to B customers: (B, K) item rows, best first, padded with −1."""

    allowed: NDArray[np.int32]
    """What was had may come again."""
    fresh: NDArray[np.int32]
    """What was had is excluded."""
    allowed_source: NDArray[np.int8] | None = None
    fresh_source: NDArray[np.int8] | None = None

    def of(self, task: Task) -> NDArray[np.int32]:
        """Return the lists that a task is about."""
        return self.fresh if task == "discovery" else self.allowed

    def sources(self, task: Task) -> NDArray[np.int8] | None:
        """Return the source of each place of ``of(task)``."""
        return self.fresh_source if task == "discovery" else self.allowed_source


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """What every system is measured against."""

    heldout: Heldout
    catalogue: Catalogue
    share: NDArray[np.float64]
    """(N,) of past customers who chose the item."""
    ks: tuple[int, ...]
    seed: int

    @property
    def main(self) -> int:
        """The cut at which a list as a whole is described: 10, or the largest there is."""
        return 10 if 10 in self.ks else max(self.ks)

    def truth(self, task: Task) -> csr_array:
        """Return (B × at least N) the choices that count at a task."""
        heldout = self.heldout
        owned = _widened(heldout.owned, heldout.truth.shape[1])
        fresh = metrics.minus(heldout.truth, owned)
        return {"next": heldout.truth, "discovery": fresh, "repeat": metrics.minus(heldout.truth, fresh)}[task]


def values(lists: Lists, yardstick: Yardstick, task: Task) -> tuple[NDArray[np.intp], metrics.PerCustomer]:
    """Return the customers who have a choice that counts, and each figure's value for each of them."""
    truth = yardstick.truth(task)
    asked = np.flatnonzero(np.diff(truth.indptr))
    shown, truth = lists.of(task)[asked], csr_array(truth[asked])
    known = csr_array(truth[:, : len(yardstick.share)])
    cut = shown[:, : yardstick.main]
    whole = {
        f"novelty@{yardstick.main}": metrics.novelty(cut, yardstick.share),
        f"popularity@{yardstick.main}": metrics.popularity_lift(cut, known, yardstick.share),
        f"diversity@{yardstick.main}": metrics.diversity(cut, yardstick.catalogue.tags),
    }
    return asked, {**metrics.accuracy(shown, truth, yardstick.ks), **whole}


def judge(system: str, lists: Lists, yardstick: Yardstick) -> tuple[list[Row], list[Row]]:
    """Return how a system did at each task, overall and by length of history."""
    rows: list[Row] = []
    buckets: list[Row] = []
    size = np.diff(yardstick.heldout.queries.histories.indptr)
    for task in TASKS:
        asked, found = values(lists, yardstick, task)
        if not len(asked):
            continue
        now = int(yardstick.heldout.queries.now.max())
        eligible = int(always_eligible(yardstick.catalogue, now).sum())
        share = metrics.coverage(lists.of(task)[asked, : yardstick.main], eligible)
        figures = summary(found, yardstick.seed)
        coverage = {f"coverage@{yardstick.main}": Estimate(share, share, share)}
        rows.append(Row(system, task, len(asked), {**figures, **coverage}))
        buckets.extend(_by_history(system, task, size[asked], found, yardstick))
    return rows, buckets


def summary(found: metrics.PerCustomer, seed: int, comparisons: int = 1) -> dict[str, Estimate]:
    """Return mean and interval of each figure; each is resampled with the same draws of customers.

    Of so many ``comparisons`` of which none is to fail by chance, each gets a wider interval (Bonferroni).
    """
    draws = 500 * comparisons
    return {
        name: estimate(column, np.random.default_rng(seed), miss=0.05 / comparisons, draws=draws)
        for name, column in found.items()
    }


def _by_history(
    system: str, task: Task, size: NDArray[np.int64], found: metrics.PerCustomer, yardstick: Yardstick
) -> Iterator[Row]:
    names = [f"{name}@{yardstick.main}" for name in ("HR", "R", "NDCG")]
    for low, high in BUCKETS:
        inside = (size >= low) & (size <= high)
        if inside.any():
            figures = summary({name: found[name][inside] for name in names}, yardstick.seed)
            label = f"{low}-{high} events" if high < BUCKETS[-1][1] else f"{low} events or more"
            yield Row(system, task, int(inside.sum()), figures, label)


def sources(lists: Lists, yardstick: Yardstick, names: Sequence[str]) -> list[SourceShare]:
    """Return what each source contributed to the first places of our lists, and how much of it was chosen."""
    shares = []
    for task in TASKS:
        by = lists.sources(task)
        if by is None:
            continue
        shown, by = lists.of(task)[:, : yardstick.main], by[:, : yardstick.main]
        hits = metrics.marked(shown, yardstick.truth(task))
        places = np.bincount(by[shown >= 0], minlength=len(names))
        hit = np.bincount(by[hits], minlength=len(names))
        for code, name in enumerate(names):
            if places[code]:
                part = (places[code] / places.sum(), hit[code] / max(hit.sum(), 1), hit[code] / places[code])
                shares.append(SourceShare(task, name, *(float(one) for one in part)))
    return shares


def _widened(matrix: csr_array, columns: int) -> csr_array:
    return csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], columns))

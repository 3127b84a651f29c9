"""What changes for customers if one bundle takes the place of another: lists, popularity, categories, single items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.customer import STAGES, summaries
from recommender.bundle import Bundle
from recommender.ids import IdMap
from training.appraisal import share
from training.audience import gather
from training.batch import ask_for, lists


@dataclass(frozen=True, slots=True)
class Change:
    """How much one thing is shown, before and after, as shares of all places."""

    name: str
    before: float
    after: float

    @property
    def gain(self) -> float:
        """Return by how much it is shown more."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Difference:
    """Two bundles asked about the same customers at the same moment."""

    customers: int
    count: int
    overlap: float
    """Share of a list's items that both bundles show, mean over customers."""
    same_first: float
    """Share of customers whose first item is the same."""
    coverage: tuple[float, float]
    """Share of the catalogue that is shown to anybody, before and after."""
    popularity: tuple[float, float]
    """Mean share of customers who had the items shown, before and after, as the later bundle counts them."""
    stages: Mapping[str, tuple[int, float]]
    """Customers and mean overlap by lifecycle stage."""
    categories: Sequence[Change]
    """By first level, those that change most first."""
    gains: Sequence[Change]
    losses: Sequence[Change]


def compare(before: Bundle, after: Bundle, *, customers: int, count: int, now: int, changes: int = 10) -> Difference:
    """Ask both bundles for the home page's lists of customers that ``after`` knows, drawn with its seed."""
    ids = _drawn(after, customers)
    ours, theirs = (_lists(bundle, ids, count, now) for bundle in (after, before))
    row = np.append(after.catalogue.items.rows(before.catalogue.items), np.int32(-1))
    theirs = np.where(theirs >= 0, row[theirs], -1).astype(np.int32)
    overlap = _overlap(ours, theirs)
    histories = after.histories.take(after.users.rows(ids).astype(np.intp))
    stage = summaries(histories, np.full(len(ids), now, np.int64), np.inf).stage
    was, becomes = (_shown(one, len(after.catalogue)) for one in (theirs, ours))
    owners = share(after)
    items = _changes(after.catalogue.items, was, becomes)
    return Difference(
        customers=len(ids),
        count=count,
        overlap=float(overlap.mean()),
        same_first=float((ours[:, 0] == theirs[:, 0]).mean()),
        coverage=(float((was > 0).mean()), float((becomes > 0).mean())),
        popularity=(float(was @ owners), float(becomes @ owners)),
        stages=_by_stage(overlap, stage),
        categories=_categories(after, was, becomes),
        gains=[one for one in items[:changes] if one.gain > 0],
        losses=[one for one in items[::-1][:changes] if one.gain < 0],
    )


def _drawn(bundle: Bundle, customers: int) -> list[str]:
    rows = np.random.default_rng(bundle.info.config.seed).permutation(len(bundle.users))[:customers]
    return [bundle.users[int(row)] for row in np.sort(rows)]


def _lists(bundle: Bundle, ids: list[str], count: int, now: int) -> NDArray[np.int32]:
    audience = gather(bundle, ids, None)
    return lists(bundle, ask_for(bundle, "home", count=count), audience.queries(now)).rows


def _overlap(ours: NDArray[np.int32], theirs: NDArray[np.int32]) -> NDArray[np.float64]:
    both = ((ours[:, :, None] == theirs[:, None, :]) & (ours >= 0)[:, :, None]).any(axis=2).sum(axis=1)
    return np.asarray(both / np.maximum((ours >= 0).sum(axis=1), 1), np.float64)


def _shown(rows: NDArray[np.int32], items: int) -> NDArray[np.float64]:
    count = np.bincount(rows[rows >= 0], minlength=items)
    return np.asarray(count / max(count.sum(), 1), np.float64)


def _changes(names: IdMap, before: NDArray[np.float64], after: NDArray[np.float64]) -> list[Change]:
    """Return what is shown before or after, the largest gain first."""
    seen = np.flatnonzero((before > 0) | (after > 0))
    order = seen[np.argsort(before[seen] - after[seen], kind="stable")]
    return [Change(names[int(row)], float(before[row]), float(after[row])) for row in order]


def _categories(bundle: Bundle, before: NDArray[np.float64], after: NDArray[np.float64]) -> list[Change]:
    top = bundle.catalogue.category_top
    known = top.code >= 0
    was, becomes = (
        np.bincount(top.code[known], one[known], minlength=len(top.names)).astype(np.float64) for one in (before, after)
    )
    return sorted(_changes(top.names, was, becomes), key=lambda one: -abs(one.gain))


def _by_stage(overlap: NDArray[np.float64], stage: NDArray[np.int8]) -> dict[str, tuple[int, float]]:
    return {
        name: (int((stage == at).sum()), float(overlap[stage == at].mean()))
        for at, name in enumerate(STAGES)
        if (stage == at).any()
    }

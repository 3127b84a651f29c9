"""Ranked candidates become lists: boosts, pins, diversity, the cut, and the fallbacks that fill what is short."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self, get_args

import numpy as np
from numpy.typing import NDArray

from recommender import pairs
from recommender.bundle import Bundle
from recommender.candidates import Allowed, propose_in_order
from recommender.catalogue import Catalogue, Coded
from recommender.config import FallbackName, Placement, SourceName
from recommender.policy import Rules, boosted, diversify
from recommender.ranking import Ranked, allowed_by
from recommender.scorer import jitter, padded
from recommender.signals import BESIDE, RETRIEVAL
from recommender.trail import INTEREST

UNSURE = 1
"""Events of other kinds that are added to what a customer did before its shares are believed."""
PINNED = "pinned"
"""The source of what the shop put first, and its reason."""
SOURCES: tuple[str, ...] = tuple(dict.fromkeys((*get_args(SourceName), *get_args(FallbackName), PINNED)))
"""What ``Ordered.source`` counts."""
OWNER = {
    name: SOURCES.index(source) for table in (RETRIEVAL, BESIDE) for source, names in table.items() for name in names
}
"""The source of each signal."""
Columns = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int8]]
"""Rows, scores and sources of B lists of candidates, (B × C) each."""


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """The lists of B customers as arrays; k is the rules' count."""

    rows: NDArray[np.int32]
    """(B × k) item rows, best first, padded with −1."""
    score: NDArray[np.float32]
    """(B × k) comparable within one list.

    By ones, what is pinned goes on above the best score, and what a fallback filled below the last.
    """
    source: NDArray[np.int8]
    """(B × k) places in ``SOURCES``: which source put the item highest; −1 for padding."""
    fallback: NDArray[np.int8]
    """(B,) place in ``SOURCES`` of the last fallback that had to fill the list; −1 if none."""

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return the lists of all ``parts``, one after the other; there is at least one."""
        return cls(
            np.concatenate([p.rows for p in parts]),
            np.concatenate([p.score for p in parts]),
            np.concatenate([p.source for p in parts]),
            np.concatenate([p.fallback for p in parts]),
        )

    def source_name(self, row: int, column: np.integer) -> str:
        """Return the name of the source of one place that is not padding."""
        return SOURCES[int(self.source[row, column])]

    def fallback_name(self, row: int) -> str | None:
        """Return the name of the fallback of one list."""
        return SOURCES[self.fallback[row]] if self.fallback[row] >= 0 else None


def cut(catalogue: Catalogue, found: Ranked, rules: Rules) -> Ordered:
    """Return each customer's pins and best candidates, boosted and diversified as the rules say."""
    rows, score, source = pinned_and_boosted(found, rules)
    if rules.diversity is not None and rows.shape[1]:
        coded = getattr(catalogue, rules.diversity.column)
        pinned = (source == SOURCES.index(PINNED)).sum(axis=1)
        room = _room(found, coded, rows, rules.diversity.window) if rules.diversity.personal else None
        order = diversify(rows, coded.code, rules.diversity, rules.count, pinned, room)
        rows, score, source = _along(order, rows, score, source)
    return _sized(rows, score, source, rules.count)


def _room(found: Ranked, coded: Coded, rows: NDArray[np.int32], window: int) -> NDArray[np.int32]:
    """Return (B × C) how many places of a window the share of the customer's interest that the row's code has asks for.

    Of few events a share says little: it is taken as if ``UNSURE`` more of other codes had been seen.
    """
    steps, size = found.signals.steps, len(coded.names) + 1  # the last column is for no code
    code = coded.code[steps.item]
    cells = pairs.keys(steps.customer, np.where(code < 0, size - 1, code), size)
    weight = np.bincount(cells, steps.faded(INTEREST, found.signals.queries.now), steps.customers * size)
    table = weight.reshape(steps.customers, size)
    seen = np.bincount(steps.customer, minlength=steps.customers)
    share = table / np.maximum(table.sum(axis=1), 1e-12)[:, None] * (seen / (seen + UNSURE))[:, None]
    share[:, -1] = 0
    theirs = np.take_along_axis(share, np.where(rows >= 0, coded.code[rows], -1), axis=1)
    return np.asarray(np.ceil(window * theirs), np.int32)


def pinned_and_boosted(found: Ranked, rules: Rules) -> Columns:
    """Return each customer's pins, then all candidates, best first; no row and −inf behind them."""
    best = _best(found, rules)
    return _pinned(found, rules, *best) if len(rules.pins) else best


def _best(found: Ranked, rules: Rules) -> Columns:
    """Return the candidates of each customer, best first, with scores as boosted; no row and −inf behind them."""
    indptr = found.candidates.indptr
    rows = padded(found.candidates.item, indptr, -1)
    score = padded(found.score, indptr, -np.inf)
    source = padded(_sources(found), indptr, -1)
    if rules.boost is not None:
        score = np.where(rows >= 0, boosted(np.where(rows >= 0, score, np.nan), rules.boost[rows]), -np.inf)
    score = np.where(np.isfinite(score), score, -np.inf)
    rank = np.argsort(-score, axis=1, kind="stable")
    rows, score, source = _along(rank, rows, score, source)
    return np.where(score > -np.inf, rows, -1), score, source


def _pinned(
    found: Ranked, rules: Rules, rows: NDArray[np.int32], score: NDArray[np.float32], source: NDArray[np.int8]
) -> Columns:
    """Put the pins that each customer may see in front, scored above the best by ones, and nowhere else."""
    pins = np.where(allowed_by(found.signals.queries, rules).table[:, rules.pins], rules.pins, -1)
    repeated = np.isin(rows, rules.pins)
    best = score.max(axis=1, initial=-np.inf, keepdims=True)
    above = np.where(np.isfinite(best), best, 0) + np.cumsum((pins >= 0)[:, ::-1], axis=1)[:, ::-1]
    rows = np.concatenate([pins, np.where(repeated, -1, rows)], axis=1)
    score = np.concatenate([np.where(pins >= 0, above, -np.inf), np.where(repeated, -np.inf, score)], axis=1)
    source = np.concatenate([np.where(pins >= 0, SOURCES.index(PINNED), -1), source], axis=1)
    return _along(np.argsort(rows < 0, axis=1, kind="stable"), rows, score, source)


def _along(
    order: NDArray[np.intp], rows: NDArray[np.int32], score: NDArray[np.float32], source: NDArray[np.int8]
) -> Columns:
    """Return the three tables with their columns in the ``order`` (B × k) of each row."""
    return (
        np.take_along_axis(rows, order, axis=1),
        np.take_along_axis(score, order, axis=1),
        np.take_along_axis(source, order, axis=1),
    )


def _sized(rows: NDArray[np.int32], score: NDArray[np.float32], source: NDArray[np.int8], count: int) -> Ordered:
    missing = ((0, 0), (0, max(count - rows.shape[1], 0)))
    rows = np.pad(rows[:, :count], missing, constant_values=-1).astype(np.int32)
    score = np.pad(score[:, :count], missing, constant_values=np.nan)
    source = np.pad(source[:, :count], missing, constant_values=-1)
    blank = rows < 0
    return Ordered(
        rows,
        np.where(blank, np.nan, score).astype(np.float32),
        np.where(blank, -1, source).astype(np.int8),
        np.full(len(rows), -1, np.int8),
    )


def _sources(found: Ranked) -> NDArray[np.int8]:
    """Return (n,) the source that put each candidate highest."""
    names = list(found.candidates.ranks)
    if not names or not len(found.candidates.item):
        return np.zeros(len(found.candidates.item), np.int8)
    ranks = np.stack(list(found.candidates.ranks.values()))
    first = np.where(np.isnan(ranks), np.inf, ranks).argmin(axis=0)
    return np.asarray(np.array([OWNER[name] for name in names], np.int8)[first], np.int8)


def filled(bundle: Bundle, placement: Placement, found: Ranked, rules: Rules, lists: Ordered) -> Ordered:
    """Return the lists with every blank place filled by the placement's fallbacks, in their order."""
    for name in placement.fallback:
        if (lists.rows >= 0).all():
            break
        lists = _fill(lists, name, _fallback(bundle, found, name, _left(found, rules, lists), rules.count))
    return lists


def _left(found: Ranked, rules: Rules, lists: Ordered) -> Allowed:
    left = allowed_by(found.signals.queries, rules)
    customer, place = np.nonzero(lists.rows >= 0)
    left.table[customer, lists.rows[customer, place]] = False
    return left


def _fallback(bundle: Bundle, found: Ranked, name: FallbackName, left: Allowed, most: int) -> NDArray[np.int32]:
    if name == "catalogue":
        return propose_in_order(_shuffled(len(bundle.catalogue)), left, most)
    signal = "in_category" if name == "category_popularity" else name
    return found.signals.proposed([signal], left, most)[signal]


@lru_cache(4)
def _shuffled(items: int) -> NDArray[np.intp]:
    """Return so many items in an order that says nothing of them."""
    return np.argsort(-jitter(np.arange(items)))


def _fill(lists: Ordered, name: FallbackName, more: NDArray[np.int32]) -> Ordered:
    """Put ``more`` (B × m) items, best first, into the blank places."""
    count, code = lists.rows.shape[1], SOURCES.index(name)
    rows = np.concatenate([lists.rows, more], axis=1)
    source = np.concatenate([lists.source, np.full(more.shape, code, np.int8)], axis=1)
    score = np.concatenate([lists.score, np.full(more.shape, np.nan, np.float32)], axis=1)
    front = np.argsort(rows < 0, axis=1, kind="stable")[:, :count]
    rows, score, source = _along(front, rows, score, source)
    source = np.where(rows >= 0, source, -1).astype(np.int8)
    fresh = np.isnan(score) & (rows >= 0)
    below = np.where(np.isnan(score), np.inf, score).min(axis=1, keepdims=True)
    below = np.where(np.isfinite(below), below, 0) - np.cumsum(fresh, axis=1)
    used = np.where(fresh.any(axis=1), np.int8(code), lists.fallback)
    return Ordered(rows, np.where(fresh, below, score).astype(np.float32), source, used.astype(np.int8))

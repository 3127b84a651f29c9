"""The first stage: each source proposes its best allowed items, and the proposals are merged and cut."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.scorer import best, contenders, jitter, padded
from recommender.trail import among_heaviest

SMOOTH = 20.0
"""Reciprocal-rank fusion adds ``1 / (SMOOTH + rank)`` (Cormack, Clarke, Büttcher 2009)."""

LEADING = 8
"""Places of each signal that go before all others into the cut: what one source alone is sure of may be right."""

NUDGE = 1e-4
"""Share of its score by which an item may be moved to tell equal ones apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """Which items which customers may see."""

    eligible: NDArray[np.bool_]
    """(N,) for anyone."""
    table: NDArray[np.bool_]
    """(B × N) for each customer, ``eligible`` included."""
    most_excluded: int
    """The longest list of exclusions of one customer."""

    @classmethod
    def of(cls, eligible: NDArray[np.bool_], *closed: csr_array) -> "Allowed":
        """Build from items open to all (N,) and the items ``closed`` to each customer (B × N each), wherever stored."""
        table = np.tile(eligible, (closed[0].shape[0], 1))
        sizes = [np.diff(items.indptr) for items in closed]
        for size, items in zip(sizes, closed, strict=True):
            table[np.repeat(np.arange(len(size)), size), items.indices] = False
        return cls(eligible, table, int(np.sum(sizes, axis=0).max(initial=0)))

    def deep(self, most: int) -> int | None:
        """Return how many items to look at to be sure of ``most`` open ones; None where masking all costs less."""
        closed = self.most_excluded + int(np.count_nonzero(~self.eligible))
        return most + closed if closed <= most else None

    def has(self, customer: NDArray[np.integer], item: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return (n,) whether each customer may see the item."""
        return np.asarray(self.table.ravel()[customer.astype(np.intp) * self.table.shape[1] + item])

    def everything(self) -> "Allowed":
        """Return that all items are open to the same customers."""
        return Allowed(np.ones_like(self.eligible), np.ones_like(self.table), 0)

    def among(self, table: NDArray[np.bool_]) -> "Allowed":
        """Return the same for only what ``table`` (B × N) marks, too."""
        return Allowed(self.eligible, self.table & table, self.most_excluded + int((~table).sum(axis=1).max(initial=0)))


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The n pairs of customer and item to be ranked, ordered by customer, then item."""

    shape: tuple[int, int]
    customer: NDArray[np.intp]
    item: NDArray[np.int32]
    ranks: Mapping[str, NDArray[np.float32]]
    """(n,) by signal: the place that it proposed the item for, from 0; NaN where it did not."""
    fused: NDArray[np.float32]
    """(n,) the sum of reciprocal ranks."""

    def where(self, keep: NDArray[np.bool_]) -> "Candidates":
        """Return only the pairs that ``keep`` (n,) marks."""
        ranks = {name: rank[keep] for name, rank in self.ranks.items()}
        return Candidates(self.shape, self.customer[keep], self.item[keep], ranks, self.fused[keep])

    def places(self, rows: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return, for (B × k) item rows, where they stand among the pairs; −1 where they do not."""
        wanted = pairs.keys(np.arange(len(rows))[:, None], rows, self.shape[1])
        return np.where(rows >= 0, pairs.places(pairs.keys(self.customer, self.item, self.shape[1]), wanted), -1)

    @property
    def indptr(self) -> NDArray[np.intp]:
        """(B + 1) where each customer's pairs begin and end."""
        return np.searchsorted(self.customer, np.arange(self.shape[0] + 1))

    def table(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (B × widest) ``values`` (n,) by customer, padded with −inf."""
        return np.asarray(padded(values, self.indptr, -np.inf), np.float32)


def propose(scores: NDArray[np.float32], allowed: Allowed, most: int) -> NDArray[np.int32]:
    """Return (B × most) the best allowed items, best first, padded with −1; ``scores`` may be of fewer items.

    Where few items are closed to a customer it is cheaper to look that much deeper than to mask all scores.
    """
    deep = allowed.deep(most)
    if deep is None:
        scores = np.where(allowed.table[:, : scores.shape[1]], scores, -np.inf)
    top = best(scores, deep or most)
    found = np.take_along_axis(allowed.table, top, axis=1) & (np.take_along_axis(scores, top, axis=1) > -np.inf)
    front = np.argsort(~found, axis=1, kind="stable")[:, :most]
    return _wide(np.take_along_axis(np.where(found, top, -1), front, axis=1).astype(np.int32), most)


def propose_sparse(scores: csr_array, customer: NDArray[np.intp], allowed: Allowed, most: int) -> NDArray[np.int32]:
    """Return (R × most) the best items of each row of ``scores`` (R × N) that its ``customer`` (R,) is allowed.

    Best first, padded with −1; only scores above 0 count, and equal ones are told apart by their item. Where few items
    are closed to a customer it is cheaper to look that much deeper than to look all of them up.
    """
    values, deep = scores.data, allowed.deep(most)
    if deep is None:
        seen = allowed.has(np.repeat(customer, np.diff(scores.indptr)), scores.indices)
        values = np.where(seen, values, np.float32(0))
    at = contenders(values, scores.indptr, deep or most, NUDGE)
    if deep is not None:
        asking = np.repeat(customer, np.diff(np.searchsorted(at, scores.indptr)))
        at = at[allowed.has(asking, scores.indices[at])]
    item = scores.indices[at]
    value = scores.data[at] * (1 + NUDGE * jitter(item))
    indptr = np.searchsorted(at, scores.indptr)
    items, values = padded(item, indptr, -1), padded(value.astype(np.float32), indptr, -np.inf)
    return _wide(np.take_along_axis(items, best(values, most), axis=1).astype(np.int32), most)


def _wide(rows: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    """Return the rows padded with −1 to ``most`` columns."""
    missing = most - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing)), constant_values=-1) if missing > 0 else rows


def propose_in_order(order: NDArray[np.intp], allowed: Allowed, most: int) -> NDArray[np.int32]:
    """Return (B × most) the first allowed items of one ``order`` for everyone, padded with −1.

    It is cut once for all, deep enough for the longest list of exclusions, then for each customer.
    """
    top = _first(order, allowed.eligible, most + allowed.most_excluded)
    keep = allowed.table[:, top]
    place = np.cumsum(keep, axis=1) - 1
    keep &= place < most
    rows = np.full((len(keep), most), -1, np.int32)
    customer, column = np.nonzero(keep)
    rows[customer, place[customer, column]] = top[column]
    return rows


def _first(order: NDArray[np.intp], eligible: NDArray[np.bool_], most: int) -> NDArray[np.intp]:
    """Return the first ``most`` eligible items, looked for ever deeper in the order."""
    depth = most
    while True:
        top = order[:depth][eligible[order[:depth]]]
        if len(top) >= most or depth >= len(order):
            return top[:most]
        depth *= 4


def merge(proposals: Mapping[str, NDArray[np.int32]], shape: tuple[int, int], most: int) -> Candidates:
    """Return the union of the ``proposals`` (B × k each, best first), cut to each customer's ``most``.

    What a signal puts among its first ``LEADING`` comes first, all else by fused rank; what ties with the last stays.
    """
    keys, ranks, source = _flat(proposals, shape)
    unique, inverse = _distinct(keys, shape[0] * shape[1])
    customer, item = np.divmod(unique, max(shape[1], 1))
    fused = np.bincount(inverse, 1 / (SMOOTH + ranks), minlength=len(unique)).astype(np.float32)
    place = np.full((len(proposals), len(unique)), np.nan, np.float32)
    place[source, inverse] = ranks
    leading = np.zeros(len(unique), np.float32)
    leading[inverse[ranks < LEADING]] = len(proposals)  # above any sum of reciprocal ranks
    keep = _cut(customer, leading + fused + 1e-6 * jitter(item), most)
    columns = {name: place[row, keep] for row, name in enumerate(proposals)}
    return Candidates(shape, customer[keep], item[keep].astype(np.int32), columns, fused[keep])


def _flat(
    proposals: Mapping[str, NDArray[np.int32]], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return key, rank and number of the signal of every single proposal."""
    rows = np.concatenate([np.zeros((shape[0], 0), np.int32), *proposals.values()], axis=1)
    widths = [table.shape[1] for table in proposals.values()]
    rank = np.concatenate([np.zeros(0, np.int64), *map(np.arange, widths)])
    source = np.repeat(np.arange(len(widths)), widths)
    customer, column = np.nonzero(rows >= 0)
    return customer * shape[1] + rows[customer, column], rank[column], source[column]


def _distinct(keys: NDArray[np.int64], bound: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the distinct keys below ``bound``, ascending, and which of them each key is, as a table tells at once."""
    present = np.zeros(bound, np.bool_)
    present[keys] = True
    unique = np.flatnonzero(present)
    number = np.empty(bound, np.int32)
    number[unique] = np.arange(len(unique), dtype=np.int32)
    return unique, number[keys]


def _cut(customer: NDArray[np.int64], value: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """Return, in order, the positions of each customer's ``most`` highest values, and of what equals the last."""
    if most < 1:
        return np.zeros(0, np.intp)
    size = np.bincount(customer, minlength=1)
    return np.flatnonzero(among_heaviest(value, np.append(0, np.cumsum(size)), most))

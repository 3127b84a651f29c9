"""A history as its steps: what each customer turned to, one item after the other, and how much it said."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.scorer import jitter, padded
from recommender.times import DAY
from recommender.values import Histories

INTEREST = 60.0
"""Days after which what a customer turned to says half as much of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """One entry a run: what a customer did in a row to one item counts as one turn, as strong as its strongest event.

    Entries are ordered by customer, then time. Lines of one basket share one step.
    """

    customers: int
    items: int
    customer: NDArray[np.int32]
    item: NDArray[np.int32]
    weight: NDArray[np.float32]
    """Above 0."""
    time: NDArray[np.int64]
    """Of the run's last event, seconds since 1970."""
    step: NDArray[np.int64]
    """Distinct moments, numbered through all customers."""
    back: NDArray[np.int32]
    """How many of the customer's steps came after this one; 0 is the last."""
    pair: NDArray[np.intp]
    """Of each entry, the place of its customer and item in ``pairs``."""
    pairs: csr_array
    """(B × N) with an entry for each customer and item there is."""
    asked: dict[tuple[float, ...], csr_array] = field(default_factory=dict, init=False, repr=False)
    """What ``recent`` and ``newest`` answered: several sources ask the same, and later the reasons."""

    def matrix(self, weight: NDArray[np.float32]) -> csr_array:
        """Return (B × N) with the ``weight`` of each entry, summed by customer and item."""
        return csr_array((self._summed(weight), self.pairs.indices, self.pairs.indptr), shape=self.pairs.shape)

    def recent(self, share: float, depth: int, most: int) -> csr_array:
        """Return (B × N) each customer's ``most`` heaviest weights of ``last``, none beyond ``depth``."""
        if (share, depth, most) not in self.asked:
            weight = self._summed(self.last(share, depth))
            near = np.flatnonzero(weight > 0)
            indptr = np.searchsorted(near, self.pairs.indptr).astype(np.int32)
            found = csr_array((weight[near], self.pairs.indices[near], indptr), shape=self.pairs.shape)
            self.asked[share, depth, most] = heaviest(found, most)
        return self.asked[share, depth, most]

    def newest(self, most: int) -> csr_array:
        """Return (B × N) the weights of each customer's ``most`` items turned to last; of one step, any of them."""
        if (most,) not in self.asked:
            age = jitter(self.pairs.indices)
            age[self.pair] += self.back  # in order of time, so that the last turn to an item stays
            self.asked[most,] = pairs.kept(self.matrix(self.weight), among_heaviest(-age, self.pairs.indptr, most))
        return self.asked[most,]

    def _summed(self, weight: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.bincount(self.pair, weight, minlength=self.pairs.nnz).astype(np.float32)

    def faded(self, half_life: float, now: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return each entry's weight, halved every ``half_life`` days before ``now`` (B,)."""
        age = np.maximum(now[self.customer] - self.time, 0) / DAY
        return np.asarray(self.weight * np.exp2(-age / half_life), np.float32)

    def settled(self, half_life: float) -> NDArray[np.float32]:
        """Return each entry's weight, halved every ``half_life`` days before the customer's own last entry."""
        latest = np.zeros(self.customers, np.int64)
        latest[self.customer] = self.time
        return self.faded(half_life, latest)

    def last(self, share: float, depth: int) -> NDArray[np.float32]:
        """Return weights falling to ``share`` with each step back, none beyond ``depth``; a step's items share one."""
        size = np.bincount(self.step, minlength=1)[self.step] if len(self.step) else self.weight
        fade = np.where(self.back < depth, share ** self.back.astype(np.float32), 0)
        return np.asarray(self.weight * fade / size, np.float32)


def trail(histories: Histories, weights: NDArray[np.float32], items: int) -> Trail:
    """Return the steps over the first ``items`` rows; events whose type weighs 0 or less leave none."""
    keep = (weights[histories.event] > 0) & (histories.item < items)
    customer, item, time = histories.customer()[keep], histories.item[keep], histories.time[keep]
    weight = weights[histories.event[keep]]
    start = np.flatnonzero(changed(customer, item))
    end = np.append(start[1:], len(customer))[: len(start)] - 1
    weight = np.maximum.reduceat(weight, start) if len(start) else weight
    customer, item, begun, time = customer[start], item[start], time[start], time[end]
    step = np.cumsum(changed(customer, begun)) - 1
    last = np.zeros(len(histories), np.int64)
    last[customer] = step
    back = (last[customer] - step).astype(np.int32)
    pair, table = _pairs(customer, item, (len(histories), items))
    return Trail(len(histories), items, customer, item, weight.astype(np.float32), time, step, back, pair, table)


def _pairs(
    customer: NDArray[np.int32], item: NDArray[np.int32], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], csr_array]:
    known, pair = np.unique(pairs.keys(customer, item, shape[1]), return_inverse=True)
    return pair, pairs.matrix(known, shape, np.ones(len(known), np.float32))


def heaviest(table: csr_array, most: int) -> csr_array:
    """Return the ``most`` highest values of each row, and what equals the last of them."""
    if np.diff(table.indptr).max(initial=0) <= most:
        return table
    return pairs.kept(table, among_heaviest(table.data, table.indptr, most))


def among_heaviest(values: NDArray[np.float32], indptr: NDArray[np.integer], most: int) -> NDArray[np.bool_]:
    """Return which values are among the ``most`` highest of their row, or equal the last of them."""
    size = np.diff(indptr)
    if size.max(initial=0) <= most:
        return np.ones(len(values), np.bool_)
    wide = np.flatnonzero(size > most)
    inside = np.repeat(size > most, size)
    table = padded(values[inside], np.append(0, np.cumsum(size[wide])), -np.inf)
    floor = np.full(len(size), -np.inf, np.float32)
    floor[wide] = np.partition(table, table.shape[1] - most, axis=1)[:, -most]
    return np.asarray(values >= np.repeat(floor, size))


def changed(*columns: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return (n,) where any of ``columns`` (n,) differs from the entry before; the first one always does."""
    new = np.ones(len(columns[0]), np.bool_)
    if len(new):
        new[1:] = np.logical_or.reduce([c[1:] != c[:-1] for c in columns])
    return new

"""Popularity: what everybody turns to, of late and overall, in all and by category."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.scorer import jitter, padded
from recommender.trail import INTEREST, Trail

LEADERS = 5
"""A category is looked at where its best item may beat the so-many-th of enough others."""
SLACK = np.float32(1 - 1e-3)
"""What is this close to a bound may still come first, once equal scores are told apart."""


@dataclass(frozen=True, eq=False)
class PopularityModel:
    """One number an item; NaN where the item has no events."""

    overall: NDArray[np.float32]
    """(N,) log of 1 + how many customers had a positive event on the item."""
    recent: NDArray[np.float32]
    """(N,) log of 1 + weighted events, fading fast."""
    trend: NDArray[np.float32]
    """(N,) log ratio of the item's share of fresh events to its share of all."""
    owners: NDArray[np.float32]
    """(N,) log of 1 + how many customers had the item in the sense of ``RepurchaseModel.target_event``."""
    category: NDArray[np.int32]
    """(N,) row of the item's category; −1 unknown."""
    by_category: csr_array
    """(C × N) the most popular items of each category, as a share of its events."""
    sudden: tuple[NDArray[np.float32], ...] = ()
    """(N,) each, as ``trend`` by ever fresher events; none where nothing was trained."""

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The items that anybody turned to, the most popular of late first."""
        return _falling(self.recent)

    @cached_property
    def rising_order(self) -> NDArray[np.intp]:
        """The same items, the one whose share grew most first."""
        return _falling(self.trend)

    def leading(self, affinity: csr_array, most: int) -> csr_array:
        """Return (B × N) ``affinity`` (B × C) ``@ by_category`` without what is not among the ``most`` best of a row.

        Some of what is not may remain.
        """
        size = np.diff(affinity.indptr)
        best, fair = (affinity.data * bound[affinity.indices] for bound in self._leaders)
        enough = -(-most // LEADERS)
        floor = np.zeros(len(size), np.float32)
        if size.max(initial=0) >= enough:
            floor = -np.partition(-padded(fair, affinity.indptr, 0), enough - 1, axis=1)[:, enough - 1]
        return pairs.kept(affinity, best >= np.repeat(floor * SLACK, size)) @ self.by_category

    def within(self, affinity: csr_array, customer: NDArray[np.intp], item: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return (n,) what ``affinity @ by_category`` stores for each pair; NaN where it stores nothing."""
        row = np.minimum(item, len(self.category) - 1)
        code = np.where(item == row, self.category[row], -1)
        inside = np.flatnonzero(code >= 0)
        found = np.zeros(len(item), np.float32)
        found[inside] = affinity.toarray()[customer[inside], code[inside]] * self._share[row[inside]]
        return np.where(found > 0, found, np.float32(np.nan))

    @cached_property
    def _share(self) -> NDArray[np.float32]:
        """(N,) each item's share of its category; 0 where it is not among the category's most popular."""
        share = np.zeros(len(self.category), np.float32)
        share[self.by_category.indices] = self.by_category.data
        return share

    @cached_property
    def _leaders(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(C,) each category's highest share, and its ``LEADERS``-th highest."""
        falling = -np.sort(-padded(self.by_category.data, self.by_category.indptr, 0, LEADERS), axis=1)
        return falling[:, 0], falling[:, LEADERS - 1]

    def affinity(self, steps: Trail, now: NDArray[np.int64]) -> csr_array:
        """Return (B × C) what share of a customer's interest each category has."""
        weight = steps.faded(INTEREST, now)
        known = self.category[steps.item] >= 0
        customer, code = steps.customer[known], self.category[steps.item][known]
        total = np.bincount(customer, weight[known], minlength=steps.customers)
        share = weight[known] / np.maximum(total[customer], 1e-12)
        shape = (steps.customers, self.by_category.shape[0])
        table = np.bincount(pairs.keys(customer, code, shape[1]), share, minlength=shape[0] * shape[1])
        turned_to = np.flatnonzero(table)
        return pairs.matrix(turned_to, shape, table[turned_to].astype(np.float32))


def _falling(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the places of all numbers, the highest first; equal ones in an order that knows nothing of ids."""
    known = np.flatnonzero(~np.isnan(values))
    return known[np.lexsort((jitter(known), -values[known]))]

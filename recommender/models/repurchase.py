"""Repurchase: what a customer had before, how often, and when it is due again."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.times import DAY
from recommender.trail import changed
from recommender.values import EventType, Histories

SOON = np.float32(0.5)
"""Days: a shorter time between two baskets tells no habit."""
STEADY = 30
"""Baskets: a half-life at the customer's own pace."""
STRENGTH = (
    EventType.PURCHASE,
    EventType.RATE,
    EventType.LIKE,
    EventType.ADD_TO_CART,
    EventType.ADD_TO_WISHLIST,
    EventType.VIEW_ITEM,
    EventType.SELECT_ITEM,
    EventType.EMAIL_CLICK,
)
"""What makes an item had, strongest first."""
LITTLE = np.float32(0.5)
"""Units: fewer before the last time tell no pace."""


@dataclass(frozen=True, slots=True, eq=False)
class Habits:
    """One entry a pair of customer and item had, ordered by customer, then item."""

    shape: tuple[int, int]
    customer: NDArray[np.int32]
    item: NDArray[np.int32]
    times: NDArray[np.float32]
    """At how many distinct moments."""
    fresh: NDArray[np.float32]
    """The same, halved every few baskets' time."""
    lasting: NDArray[np.float32]
    """The same, halved every many baskets' time."""
    steady: NDArray[np.float32]
    """The same, halved every ``STEADY`` of the customer's own baskets, however long those took."""
    share: NDArray[np.float32]
    """Share of the customer's baskets since the first with it."""
    rate: NDArray[np.float32]
    """The lasting count as a share of the customer's baskets, halved likewise."""
    since: NDArray[np.float32]
    """Days since the last time."""
    gap: NDArray[np.float32]
    """Days expected between two times: the customer's own mean, drawn towards the item's."""
    back: NDArray[np.float32]
    """How many baskets ago."""
    units: NDArray[np.float32]
    """How many were taken the last time."""
    taken: NDArray[np.float32]
    """How many were taken in all."""
    supply: NDArray[np.float32]
    """Days for which the last units last, at the pace of those before; NaN after one time."""
    pause: NDArray[np.float32]
    """Days between the last two times; NaN after one."""
    paid: NDArray[np.float32]
    """Price of one the last time; NaN unknown."""

    @property
    def ratio(self) -> NDArray[np.float32]:
        """How much of the expected gap has gone by; 1 is due."""
        return self.since / self.gap

    @property
    def usual(self) -> NDArray[np.float32]:
        """How many are taken at a time."""
        return self.taken / self.times

    @property
    def used_up(self) -> NDArray[np.float32]:
        """How much of the supply has gone by; NaN after one time."""
        return np.asarray(self.since / np.maximum(self.supply, SOON), np.float32)

    @property
    def paused(self) -> NDArray[np.float32]:
        """How long the last time is ago, in last pauses; NaN after one time."""
        return np.asarray(self.since / np.maximum(self.pause, SOON), np.float32)

    def places(self, customer: NDArray[np.intp], item: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return (n,) where each pair stands among the habits; −1 if nowhere."""
        known = pairs.keys(self.customer, self.item, self.shape[1])
        place = pairs.places(known, pairs.keys(customer, item, self.shape[1]))
        return np.where(item < self.shape[1], place, -1)

    def matrix(self, values: NDArray[np.float32]) -> csr_array:
        """Return (B × N) with ``values`` on the pairs."""
        indptr = np.searchsorted(self.customer, np.arange(self.shape[0] + 1))
        return csr_array((values, self.item, indptr), shape=self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class RepurchaseModel:
    """What is known of buying again beyond the customer's own history."""

    target_event: int
    """The ``EventType`` that makes an item had: a purchase, or where there are none, the strongest event there is."""
    fresh_days: float
    """Half-life of the fresh count."""
    lasting_days: float
    """Half-life of the lasting count."""
    again: NDArray[np.float32]
    """(N,) share of an item's owners who came back for it, drawn towards the shop's share."""
    gap: NDArray[np.float32]
    """(N,) days between two times, drawn towards the shop's; the shop's where unknown."""

    def due(self, habits: Habits) -> NDArray[np.float32]:
        """Return (n,) a number a habit: frequency, higher around the day on which it is due."""
        timing = np.exp(-0.5 * np.log(np.maximum(habits.ratio, 0.02)) ** 2)
        return habits.lasting * (0.5 + 0.5 * timing) * (0.2 + self.again[habits.item])

    def habits(self, histories: Histories, now: NDArray[np.int64]) -> Habits:
        """Return what the customers had, net of refunds, over the items that the model knows."""
        return habits(histories, now, self.target_event, (self.fresh_days, self.lasting_days), self.gap)


def strongest_event(events: NDArray[np.int8]) -> int:
    """Return the ``EventType`` that makes an item had: a purchase, else the strongest of ``events`` (n,)."""
    present = set(np.unique(events).tolist())
    return int(next((event for event in STRENGTH if event in present), EventType.PURCHASE))


def owned_items(histories: Histories, target_event: int, items: int) -> csr_array:
    """Return (B × N) True where the customer has the item, by the events of ``owned``."""
    own = owned(histories, target_event, items)
    matrix = csr_array((np.ones(len(own.item), np.bool_), own.item, own.indptr), shape=(len(own), items))
    matrix.sum_duplicates()
    return matrix


def owned(histories: Histories, target_event: int, items: int) -> Histories:
    """Return only the events that make an item had; a refund takes back what came before it."""
    keep = (histories.event == target_event) & (histories.item < items)
    if target_event == EventType.PURCHASE and (refund := histories.event == EventType.REFUND).any():
        pair = pairs.keys(histories.customer(), histories.item, int(histories.item.max()) + 1)
        backwards = np.flatnonzero(refund)[::-1]
        refunded, last = np.unique(pair[backwards], return_index=True)
        keep &= np.arange(len(pair)) > np.append(backwards[last], -1)[pairs.places(refunded, pair)]
    return histories.where(keep)


class _Moments(NamedTuple):
    """One entry a pair of customer and item and distinct time, ordered so."""

    customer: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.int64]
    basket: NDArray[np.int64]
    """Numbered through all customers."""
    units: NDArray[np.float32]
    price: NDArray[np.float32]
    """Of one; NaN unknown."""


def _moments(own: Histories, items: int) -> _Moments:
    customer = own.customer()
    order = np.argsort(pairs.keys(customer, own.item, items), kind="stable")  # a pair's times stay in order
    start = np.flatnonzero(changed(customer[order], own.item[order], own.time[order]))
    at = order[start]
    units = _sums(own.quantity[order].astype(np.float64), start)
    return _Moments(customer[at], own.item[at], own.time[at], _baskets(own)[at], units, own.price[at])


def habits(
    histories: Histories,
    now: NDArray[np.int64],
    target_event: int,
    half_lives: tuple[float, float],
    gap: NDArray[np.float32],
) -> Habits:
    """Return the ``Habits`` of B customers at ``now`` (B,); ``gap`` (N,) is the items' usual gap in days.

    ``half_lives`` in days are of the fresh and of the lasting count.
    """
    own = owned(histories, target_event, len(gap))
    each = _moments(own, len(gap))
    start = np.flatnonzero(changed(each.customer, each.item))
    end = np.append(start[1:], len(each.item))[: len(start)] - 1
    customer, item = each.customer[start], each.item[start]
    age = np.maximum(now[each.customer] - each.time, 0) / DAY
    fresh, lasting = (_sums(np.exp2(-age / days), start) for days in half_lives)
    newest = np.zeros(len(own), np.int64)
    newest[own.customer()] = _baskets(own)
    times = (end - start + 1).astype(np.float32)
    again = times > 1
    span = (each.time[end] - each.time[start]) / DAY
    units, taken = each.units[end], _sums(each.units.astype(np.float64), start)
    supply = units * span / np.maximum(taken - units, LITTLE)
    pause = (each.time[end] - each.time[np.maximum(end - 1, 0)]) / DAY
    return Habits(
        shape=(len(own), len(gap)),
        customer=customer.astype(np.int32),
        item=item,
        times=times,
        fresh=fresh,
        lasting=lasting,
        steady=_sums(np.exp2(-(newest[each.customer] - each.basket) / STEADY), start),
        share=(times / (newest[customer] - each.basket[start] + 1)).astype(np.float32),
        rate=(lasting / np.maximum(_faded_baskets(own, now, half_lives[1])[customer], 1e-9)).astype(np.float32),
        since=age[end].astype(np.float32),
        gap=((span + 2 * gap[item]) / (times + 1)).astype(np.float32),
        back=(newest[customer] - each.basket[end]).astype(np.float32),
        units=units,
        taken=taken,
        supply=np.where(again, supply, np.nan).astype(np.float32),
        pause=np.where(again, pause, np.nan).astype(np.float32),
        paid=each.price[end],
    )


def _baskets(own: Histories) -> NDArray[np.int64]:
    return np.cumsum(changed(own.customer(), own.time)) - 1


def _faded_baskets(own: Histories, now: NDArray[np.int64], half_life: float) -> NDArray[np.float64]:
    """Return (B,) how many baskets each customer had, halved every ``half_life`` days before ``now`` (B,)."""
    customer = own.customer()
    begun = np.flatnonzero(changed(customer, own.time))
    age = np.maximum(now[customer[begun]] - own.time[begun], 0) / DAY
    return np.asarray(np.bincount(customer[begun], np.exp2(-age / half_life), minlength=len(own)), np.float64)


def _sums(values: NDArray[np.float64], start: NDArray[np.intp]) -> NDArray[np.float32]:
    return (np.add.reduceat(values, start) if len(start) else values).astype(np.float32)

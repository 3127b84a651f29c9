"""What a CRM says of customers: recency, frequency and money, lifecycle stage, price level; as arrays."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recommender import pairs
from recommender.times import DAY
from recommender.trail import changed
from recommender.values import EARLIEST, LATEST, EventType, Histories

Stage = Literal["unknown", "visitor", "new", "active", "loyal", "at_risk", "lapsed"]
"""Of the customer's life."""
Tier = Literal["none", "bronze", "silver", "gold"]
"""How many of recency, frequency and money are good."""
STAGES: tuple[Stage, ...] = get_args(Stage)
TIERS: tuple[Tier, ...] = get_args(Tier)
NEW_DAYS, ACTIVE_DAYS, LAPSED_DAYS = 30, 60, 180
LOYAL_ORDERS = 5
ORDER_SECONDS = 1800


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """One row a customer."""

    recency_days: NDArray[np.float64]
    """Since the last purchase; NaN where there is none."""
    orders: NDArray[np.int64]
    """Purchases further apart than ``ORDER_SECONDS``: a till may give each line of an order its own time."""
    spent: NDArray[np.float64]
    """Price times quantity, where the price is known; refunds taken off."""
    price: NDArray[np.float64]
    """Median unit price paid; NaN where unknown."""
    stage: NDArray[np.int8]
    """A row of ``STAGES``."""
    tier: NDArray[np.int8]
    """A row of ``TIERS``."""


def summaries(histories: Histories, now: NDArray[np.int64], spent_well: float) -> Summary:
    """Summarise B customers at ``now`` (B,); ``spent_well`` is the money from which a customer counts as a good one."""
    size, customer = len(histories), histories.customer()
    bought = histories.event == EventType.PURCHASE
    first, last = np.full(size, LATEST), np.full(size, EARLIEST)
    np.minimum.at(first, customer, histories.time)
    np.maximum.at(last, customer[bought], histories.time[bought])
    who, when = customer[bought], histories.time[bought]
    begun = changed(who)
    begun[1:] |= np.diff(when) > ORDER_SECONDS
    orders = np.bincount(who[begun], minlength=size)
    sign = bought.astype(np.float64) - (histories.event == EventType.REFUND)
    money = np.nan_to_num(_prices(histories, bought)) * histories.quantity * sign
    spent = np.asarray(np.bincount(customer, money, size), np.float64)
    recency = np.where(orders > 0, (now - np.where(orders > 0, last, 0)) / DAY, np.nan)
    stage = _stage(np.diff(histories.indptr), orders, recency, (now - np.minimum(first, now)) / DAY)
    good = (recency <= ACTIVE_DAYS).astype(np.int8) + (orders >= LOYAL_ORDERS) + (spent >= spent_well)
    tier = np.where(orders > 0, good, 0).astype(np.int8)
    return Summary(recency, orders, spent, _median_price(histories, bought), stage, tier)


def _prices(histories: Histories, bought: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (n,) the price of each event; a refund without one gives back what the customer last paid for the item."""
    price = histories.price.astype(np.float64)
    unpriced = np.flatnonzero((histories.event == EventType.REFUND) & np.isnan(price))
    if not len(unpriced):
        return price
    pair = pairs.keys(histories.customer(), histories.item, int(histories.item.max()) + 1)
    paid = np.flatnonzero(bought & ~np.isnan(price))
    paid = paid[np.argsort(pair[paid], kind="stable")]
    moment = pairs.keys(pair[paid], paid, len(price))
    before = np.searchsorted(moment, pairs.keys(pair[unpriced], unpriced, len(price))) - 1
    same = (before >= 0) & (np.append(pair[paid], -1)[before] == pair[unpriced])
    price[unpriced[same]] = price[paid[before[same]]]
    return price


def _stage(
    events: NDArray[np.int64], orders: NDArray[np.int64], recency: NDArray[np.float64], age: NDArray[np.float64]
) -> NDArray[np.int8]:
    cases = [
        events == 0,
        orders == 0,
        recency > LAPSED_DAYS,
        recency > ACTIVE_DAYS,
        age <= NEW_DAYS,
        orders >= LOYAL_ORDERS,
    ]
    names = ["unknown", "visitor", "lapsed", "at_risk", "new", "loyal"]
    return np.select(cases, [np.int8(STAGES.index(n)) for n in names], np.int8(STAGES.index("active"))).astype(np.int8)


def _median_price(histories: Histories, bought: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the lower median of the prices that each customer paid."""
    known = bought & np.isfinite(histories.price)
    customer, price = histories.customer()[known], histories.price[known].astype(np.float64)
    order = np.lexsort((price, customer))
    count = np.bincount(customer, minlength=len(histories))
    middle = np.cumsum(count) - count + (count - 1) // 2
    median = np.full(len(histories), np.nan)
    median[count > 0] = price[order][middle[count > 0]]
    return median


def summary(histories: Histories, now: int, spent_well: float) -> dict[str, Any]:
    """Return one customer's summary in the words of the API."""
    found = summaries(histories, np.full(1, now, np.int64), spent_well)
    recency, price = float(found.recency_days[0]), float(found.price[0])
    return {
        "stage": STAGES[found.stage[0]],
        "tier": TIERS[found.tier[0]],
        "recency_days": None if np.isnan(recency) else round(recency, 2),
        "orders": int(found.orders[0]),
        "spent": round(float(found.spent[0]), 2),
        "typical_price": None if np.isnan(price) else round(price, 2),
        "events": len(histories.item),
    }

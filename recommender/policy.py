"""What may be shown to whom: eligibility, exclusions, pins, boosts and diversity, as arrays applied before the cut."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs
from recommender.catalogue import Catalogue, Coded
from recommender.config import Diversity, Exclusions
from recommender.times import DAY
from recommender.values import EventType, Histories

CART = (EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.PURCHASE)
OWNERSHIP = (EventType.PURCHASE, EventType.REFUND)
OPINION = (EventType.LIKE, EventType.DISLIKE)
CLICK = (
    EventType.SELECT_ITEM,
    EventType.VIEW_ITEM,
    EventType.ADD_TO_CART,
    EventType.ADD_TO_WISHLIST,
    EventType.PURCHASE,
    EventType.LIKE,
)
"""Any of these ends a run of impressions."""


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What the lists of B customers over N items must obey, whichever path makes them."""

    eligible: NDArray[np.bool_]
    """(N,) the items that may be shown at all: always eligible, and let through by the request's filter."""
    excluded: csr_array
    """(B × N) a stored entry is an item that this customer must not see."""
    count: int
    """How many items a list holds where so many are left."""
    boost: NDArray[np.float32] | None = None
    """(N,) as ``boosted`` takes it; None changes nothing."""
    diversity: Diversity | None = None
    pins: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """(P,) distinct item rows that come first, in this order, in the list of every customer who may see them."""

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        items = len(self.eligible)
        if self.excluded.shape[1] != items or (self.boost is not None and len(self.boost) != items):
            raise ValueError(f"rules: {items} items, but excluded has {self.excluded.shape[1]} or boost another number")
        if self.count < 1:
            raise ValueError(f"rules: count {self.count} is less than 1")
        if len(self.pins) and not (0 <= self.pins.min() <= self.pins.max() < items):
            raise ValueError(f"rules: {items} items, but pins are {self.pins.tolist()}")
        if len(np.unique(self.pins)) < len(self.pins):
            raise ValueError(f"rules: pins {self.pins.tolist()} are not distinct")

    @classmethod
    def none(cls, customers: int, items: int, count: int) -> "Rules":
        """Return rules that leave everything open to everyone."""
        return cls(np.ones(items, np.bool_), csr_array((customers, items), dtype=np.bool_), count)


def always_eligible(catalogue: Catalogue, now: int) -> NDArray[np.bool_]:
    """Return (N,) which items may be shown at ``now``, in seconds: in stock, not hidden, within their dates."""
    return np.asarray(catalogue.in_stock & ~catalogue.hidden & catalogue.within_dates(now))


def why_ineligible(catalogue: Catalogue, row: int, now: int) -> str | None:
    """Return the name of the rule by which ``always_eligible`` drops an item, or None if it may be shown."""
    rules = {
        "sold_out": not catalogue.in_stock[row],
        "hidden": bool(catalogue.hidden[row]),
        "not_yet_available": bool(now < catalogue.available_from[row]),
        "expired": bool(now > catalogue.available_until[row]),
    }
    return next((name for name, holds in rules.items() if holds), None)


def exclusions(histories: Histories, settings: Exclusions, catalogue: Catalogue, now: NDArray[np.int64]) -> csr_array:
    """Return (B × N) what each customer must not see, as ``exclusions_by_rule`` finds it."""
    found = [np.zeros(0, np.int64), *_excluded_pairs(histories, settings, catalogue, now).values()]
    return pairs.matrix(np.unique(np.concatenate(found)), (len(histories), len(catalogue)))


def exclusions_by_rule(
    histories: Histories, settings: Exclusions, catalogue: Catalogue, now: NDArray[np.int64]
) -> Mapping[str, csr_array]:
    """Return a (B × N) matrix for each rule that ``settings`` turns on; ``now`` is (B,) seconds since 1970."""
    found = _excluded_pairs(histories, settings, catalogue, now)
    return {name: pairs.matrix(some, (len(histories), len(catalogue))) for name, some in found.items()}


def _excluded_pairs(
    histories: Histories, settings: Exclusions, catalogue: Catalogue, now: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return, for each rule, ``customer × N + item`` of what it excludes, ascending.

    The last word counts: an item is in the cart if it was added, not too long ago, and since neither removed nor
    bought; bought if it was purchased and not since refunded; refunded or disliked until it is bought or liked again.
    Impressions count from the last click on the item.
    """
    log = _Log(histories, len(catalogue))
    found: dict[str, NDArray[np.int64]] = {}
    if settings.in_cart:
        found["in_cart"] = _in_cart(log, settings, now)
    if settings.bought_within_days > 0:
        found["bought"] = _bought(log, settings, catalogue, now)
    if settings.refunded_or_disliked:
        refunded = log.pairs_ending_in(EventType.REFUND, OWNERSHIP)
        disliked = log.pairs_ending_in(EventType.DISLIKE, OPINION)
        found["refunded_or_disliked"] = np.union1d(refunded, disliked)
    if settings.seen_without_click > 0:
        found["seen_without_click"] = _seen(log, settings.seen_without_click)
    return found


def union(parts: list[csr_array], shape: tuple[int, int]) -> csr_array:
    """Return the (B × N) matrix that stores an entry wherever one of ``parts`` does."""
    known = [pairs.stored(part) for part in parts]
    return pairs.matrix(np.unique(np.concatenate([np.zeros(0, np.int64), *known])), shape)


class _Log:
    """Events keyed by (customer, item) pair: ``customer × N + item``, in the order in which they happened."""

    def __init__(self, histories: Histories, items: int) -> None:
        self.items = items
        self.event, self.time = histories.event, histories.time
        self.pair = pairs.keys(histories.customer(), histories.item, items)

    def last(self, among: tuple[EventType, ...]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Return the pairs that have an event ``among`` these, ascending, and the position of the last one of each."""
        at = np.flatnonzero(np.isin(self.event, among))[::-1]
        known, first = np.unique(self.pair[at], return_index=True)
        return known, at[first]

    def pairs_ending_in(self, event: EventType, among: tuple[EventType, ...]) -> NDArray[np.int64]:
        """Return the pairs whose last event ``among`` these is ``event``."""
        known, at = self.last(among)
        return np.asarray(known[self.event[at] == event], np.int64)


def _in_cart(log: _Log, settings: Exclusions, now: NDArray[np.int64]) -> NDArray[np.int64]:
    known, at = log.last(CART)
    recent = log.time[at] > now[known // max(log.items, 1)] - settings.in_cart_days * DAY
    return np.asarray(known[(log.event[at] == EventType.ADD_TO_CART) & recent], np.int64)


def _bought(log: _Log, settings: Exclusions, catalogue: Catalogue, now: NDArray[np.int64]) -> NDArray[np.int64]:
    had, at = log.last(OWNERSHIP)
    customer, item = np.divmod(had, log.items)
    recent = log.time[at] > now[customer] - settings.bought_within_days * DAY
    exempt = _consumable(catalogue.category, settings.consumable_categories, item)
    return np.asarray(had[(log.event[at] == EventType.PURCHASE) & recent & ~exempt], np.int64)


def _consumable(category: Coded, paths: tuple[str, ...], item: NDArray[np.int64]) -> NDArray[np.bool_]:
    exempt = np.zeros(len(item), np.bool_)
    for path in paths:
        exempt |= category.under(path, item)
    return exempt


def _seen(log: _Log, most: int) -> NDArray[np.int64]:
    clicked, at = log.last(CLICK)
    impressions = np.flatnonzero(log.event == EventType.VIEW_ITEM_LIST)
    place = pairs.places(clicked, log.pair[impressions])
    unclicked = impressions > np.append(at, -1)[place]
    shown, times = np.unique(log.pair[impressions[unclicked]], return_counts=True)
    return shown[times >= most]


def pinned_rows(row_of: Callable[[str], int], item_ids: Iterable[str]) -> NDArray[np.int32]:
    """Return (P,) the rows of the items that ``row_of`` knows (−1: it does not), each once, in the given order."""
    rows = (row_of(one) for one in item_ids)
    return np.fromiter(dict.fromkeys(row for row in rows if row >= 0), np.int32)


def boosted(scores: NDArray[np.float32], boost: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (B × C) scores raised by ``boost`` (B × C) standard deviations of their own list's scores.

    Sources and rankers score on scales of their own; measured in its spread a boost of 1 means the same on all of them.
    Items without a score (NaN) stay without one; where all scores are equal a boost is added as it is.
    """
    known = np.isfinite(scores)
    size = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, scores, 0).sum(axis=1, keepdims=True) / size
    spread = np.sqrt(np.where(known, (scores - mean) ** 2, 0).sum(axis=1, keepdims=True) / size)
    return np.asarray(scores + boost * np.where(spread > 0, spread, 1), np.float32)


def diversify(
    rows: NDArray[np.int32],
    codes: NDArray[np.int32],
    diversity: Diversity,
    count: int,
    leading: NDArray[np.intp] | None = None,
    room: NDArray[np.integer] | None = None,
) -> NDArray[np.intp]:
    """Return (B × k) columns of ``rows`` in the order to show, at most ``most`` of one code in any window.

    Where ``room`` (B × C) is larger than ``most``, so many of the candidate's code instead.

    ``rows`` is (B × C) candidates, best first, padded with −1; ``codes`` (N,) is the column that ``diversity`` names,
    and −1 in it is never too many. Each place takes the best candidate that the rule allows, or else one whose code is
    least beyond its room: a list is never short while candidates are left. k is the smaller of ``count`` and C.
    The first ``leading`` (B,) candidates keep their places, whatever the rule says, and count for those that follow.
    """
    width, least = rows.shape[1], np.int32(diversity.most)
    code = np.where(rows >= 0, codes[rows], -1)
    code = np.where(code >= 0, code, -2 - np.arange(width))
    most = np.full(rows.shape, least) if room is None else np.maximum(room, least).astype(np.int32)
    order = np.tile(np.arange(min(count, width)), (len(rows), 1))
    crowded = np.flatnonzero((_before(code[:, :count], diversity.window) >= most[:, :count]).any(axis=1))
    if len(crowded):
        fixed = None if leading is None else leading[crowded]
        order[crowded] = _spread(code[crowded], rows[crowded] < 0, most[crowded], diversity.window, count, fixed)
    return order


def _before(code: NDArray[np.integer], window: int) -> NDArray[np.int32]:
    """Return (B × k) how often each place's ``code`` (B × k) stands in the ``window`` that ends with it, before it."""
    found = np.zeros(code.shape, np.int32)
    for back in range(1, min(window, code.shape[1])):
        found[:, back:] += code[:, back:] == code[:, :-back]
    return found


def _spread(
    code: NDArray[np.integer],
    blank: NDArray[np.bool_],
    most: NDArray[np.int32],
    window: int,
    count: int,
    leading: NDArray[np.intp] | None,
) -> NDArray[np.intp]:
    """Return (B × k) columns place by place, each the best one left that is least beyond its code's room."""
    lists, width = code.shape
    fixed = 0 if leading is None else int(leading.max(initial=0))
    taken, padding = np.int32(2**30), np.int32(2**29)
    frequency = np.where(blank, padding, np.int32(0))
    order = np.empty((lists, min(count, width)), np.intp)
    every = np.arange(lists)
    recent: list[NDArray[np.bool_]] = []
    for place in range(order.shape[1]):
        best = np.maximum(frequency - most, -1).argmin(axis=1)
        if leading is not None and place < fixed:
            best = np.where(place < leading, place, best)
        order[:, place] = best
        recent.append(code == code[every, best, None])
        frequency += recent[-1]
        if place >= window - 1:
            frequency -= recent[place - window + 1]
        frequency[every, best] = taken
    return order

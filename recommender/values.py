"""The values that travel between retrieval, ranking, rules and answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender import pairs

EARLIEST, LATEST = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)
"""What stands where there is no time, in seconds since 1970: unknown or without a beginning, and without an end."""


class EventType(IntEnum):
    """What happened; the number is what arrays hold. GA4's names in lower case are the canonical names."""

    OTHER = 0
    VIEW_ITEM_LIST = 1
    SELECT_ITEM = 2
    VIEW_ITEM = 3
    ADD_TO_CART = 4
    REMOVE_FROM_CART = 5
    ADD_TO_WISHLIST = 6
    VIEW_CART = 7
    PURCHASE = 8
    REFUND = 9
    SEARCH = 10
    RATE = 11
    LIKE = 12
    DISLIKE = 13
    EMAIL_OPEN = 14
    EMAIL_CLICK = 15
    UNSUBSCRIBE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """What B customers did: the events of customer ``b`` are rows ``indptr[b]:indptr[b + 1]``, oldest first.

    One basket's lines share one time. Every item row is that of a known item.
    """

    indptr: NDArray[np.int64]
    """B + 1 positions."""
    item: NDArray[np.int32]
    event: NDArray[np.int8]
    """An ``EventType`` each."""
    time: NDArray[np.int64]
    """Seconds since 1970, UTC."""
    quantity: NDArray[np.float32]
    price: NDArray[np.float32]
    """Unit price paid; NaN where unknown."""

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        size = int(self.indptr[-1]) if len(self.indptr) else -1
        lengths = {len(a) for a in (self.item, self.event, self.time, self.quantity, self.price)}
        if lengths != {size} or self.indptr[0] != 0:
            raise ValueError(f"histories: indptr ends at {size}, columns have {sorted(lengths)} rows")

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.indptr) - 1

    @classmethod
    def empty(cls, customers: int = 1) -> "Histories":
        """Return histories of customers who did nothing yet."""
        none = np.zeros(0, np.float32)
        return cls(
            np.zeros(customers + 1, np.int64),
            np.zeros(0, np.int32),
            np.zeros(0, np.int8),
            np.zeros(0, np.int64),
            none,
            none,
        )

    def customer(self) -> NDArray[np.int32]:
        """Return, for each event, the row of its customer in this batch."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.indptr))

    def where(self, keep: NDArray[np.bool_]) -> "Histories":
        """Return the same customers with only the events that ``keep`` marks."""
        indptr = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])[self.indptr]
        return Histories(
            indptr, self.item[keep], self.event[keep], self.time[keep], self.quantity[keep], self.price[keep]
        )

    def take(self, rows: NDArray[np.intp]) -> "Histories":
        """Return the histories of ``rows``, in that order; −1 gives an empty history."""
        known = rows >= 0
        start = np.where(known, self.indptr[rows], 0)
        size = np.where(known, self.indptr[rows + 1] - self.indptr[rows], 0)
        indptr = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        at = pairs.spans(start, size)
        return Histories(indptr, self.item[at], self.event[at], self.time[at], self.quantity[at], self.price[at])


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """B questions of one placement: who asks, when, and about which items."""

    histories: Histories
    now: NDArray[np.int64]
    """(B,) seconds since 1970, UTC."""
    anchors: csr_array
    """(B × N) the items the page is about (product, cart), weight 1; empty rows for the home page."""
    tags: csr_array
    """(B × T) weights of the customer's tags, declared and behavioural, in the catalogue's tag vocabulary."""

    @classmethod
    def about_nothing(
        cls, histories: Histories, now: int | NDArray[np.int64], tags: csr_array, items: int
    ) -> "Queries":
        """Return questions about none of the ``items``, as a home page asks; at one moment, or each at its own (B,)."""
        moments = np.broadcast_to(np.asarray(now, np.int64), len(histories))
        return cls(histories, moments, csr_array((len(histories), items), dtype=np.float32), tags)

    def __len__(self) -> int:
        """Return the number of questions."""
        return len(self.histories)

    def take(self, rows: NDArray[np.intp]) -> "Queries":
        """Return the questions of ``rows``, in that order."""
        return Queries(self.histories.take(rows), self.now[rows], self.anchors[rows], self.tags[rows])


ReasonCode = Literal[
    "bought_together",
    "followed",
    "preceded",
    "similar_to",
    "tag",
    "due_again",
    "because_of_history",
    "popular",
    "trending",
    "new",
    "catalogue",
    "pinned",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item is in a list: a code and its evidence (``bought_together``, item id)."""

    code: ReasonCode
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """One item of a list."""

    row: int
    score: float
    source: str
    reasons: tuple[Reason, ...] = ()
    contributions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The list for one query, best first."""

    items: tuple[Scored, ...]
    fallback: str | None = None
    """The name of the cheapest fallback that had to fill the list; None if the ranker ordered all of it."""

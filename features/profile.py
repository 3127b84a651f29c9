"""What is known of one customer right now, as a value, and the question that it becomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.bundle import Bundle
from recommender.values import Histories, Queries


@dataclass(frozen=True, slots=True, eq=False)
class LiveEvents:
    """A customer's latest events as columns of equal length, oldest first."""

    item_id: tuple[str, ...]
    event: NDArray[np.int8]
    """An ``EventType`` each."""
    time: NDArray[np.int64]
    """Seconds since 1970, UTC."""
    quantity: NDArray[np.float32]
    price: NDArray[np.float32]
    """NaN where unknown."""

    def __post_init__(self) -> None:
        """Refuse columns that do not belong together."""
        lengths = {len(c) for c in (self.item_id, self.event, self.time, self.quantity, self.price)}
        if len(lengths) != 1:
            raise ValueError(f"live events: columns have {sorted(lengths)} rows")

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.item_id)

    @classmethod
    def none(cls) -> "LiveEvents":
        """Return no events."""
        nothing = np.zeros(0, np.float32)
        return cls((), np.zeros(0, np.int8), np.zeros(0, np.int64), nothing, nothing)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The live state of one customer or visitor."""

    user_id: str
    """Under which history is looked up in the bundle: a merged visitor has the customer's id here."""
    events: LiveEvents = field(default_factory=LiveEvents.none)
    tags: Mapping[str, float] = field(default_factory=dict)
    """Weight now by tag name as the shop writes it (``camping``); declared and behavioural."""
    muted: frozenset[str] = frozenset()
    """Tags that the customer removed and that no source may bring back."""
    personalize: bool = True
    """False where the customer chose lists that know nothing of them."""
    erased: bool = False
    """True where the customer asked to be forgotten: the bundle's history of them is not used."""


COLUMNS = ("item", "event", "time", "quantity", "price")

RowOf = Callable[[str], int]
"""From an item's id to its row, −1 where unknown."""


def queries(
    bundle: Bundle, profiles: Sequence[Profile], now: int, anchors: csr_array, row_of: RowOf | None = None
) -> Queries:
    """Return one question for each profile: the bundle's history with the live events after it, and all tags.

    ``anchors`` is (B × N). Events of items that the catalogue does not know are left out.
    """
    rows = [-1 if p.erased else bundle.users.row(p.user_id) for p in profiles]
    past = bundle.histories.take(np.array(rows, np.intp))
    recent = _recent(profiles, row_of or bundle.catalogue.items.row)
    tags = _tags(bundle, profiles, np.array(rows, np.intp))
    return Queries(_merged(past, recent), np.full(len(profiles), now, np.int64), anchors, tags)


def _recent(profiles: Sequence[Profile], row_of: RowOf) -> Histories:
    columns = [p.events for p in profiles]
    item = np.fromiter((row_of(i) for c in columns for i in c.item_id), np.int32)
    found = Histories(
        np.concatenate([[0], np.cumsum([len(c) for c in columns])]).astype(np.int64),
        item,
        np.concatenate([c.event for c in columns]),
        np.concatenate([c.time for c in columns]),
        np.concatenate([c.quantity for c in columns]),
        np.concatenate([c.price for c in columns]),
    )
    return found.where(item >= 0)


def _merged(past: Histories, recent: Histories) -> Histories:
    """Return both in order of time, equal times in the order given; an event that is in both counts once."""
    if not len(recent.item):
        return past
    recent = recent.where(~_known(past, recent))
    customer = np.concatenate([past.customer(), recent.customer()])
    order = np.lexsort((np.concatenate([past.time, recent.time]), customer))
    indptr = np.searchsorted(customer[order], np.arange(len(past) + 1)).astype(np.int64)
    both = {name: np.concatenate([getattr(past, name), getattr(recent, name)])[order] for name in COLUMNS}
    return Histories(indptr, **both)


def _known(past: Histories, recent: Histories) -> NDArray[np.bool_]:
    """Return which of the recent events the past holds: same customer, time, item and event."""
    parts = [(h.customer(), h.time, h.item, h.event) for h in (past, recent)]
    keys = [np.concatenate(pair) for pair in zip(*parts, strict=True)]
    order = np.lexsort((np.arange(len(keys[0])), *keys))
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    group = np.concatenate([[0], np.cumsum(~same)])
    in_past = order < len(past.item)
    known = np.zeros(len(order), np.bool_)
    known[order] = np.bincount(group, in_past)[group] > 0
    return known[len(past.item) :]


def _tags(bundle: Bundle, profiles: Sequence[Profile], rows: NDArray[np.intp]) -> csr_array:
    """Return (B × T): declared at training time, overridden by the live weight of the same tag, without muted ones."""
    names = bundle.catalogue.tag_names
    declared = bundle.declared
    data: list[float] = []
    indices: list[int] = []
    indptr = [0]
    for profile, row in zip(profiles, rows, strict=True):
        weights: dict[int, float] = {}
        if row >= 0:
            part = slice(declared.indptr[row], declared.indptr[row + 1])
            weights = dict(zip(declared.indices[part].tolist(), declared.data[part].tolist(), strict=True))
        weights |= {names.row(f"tag:{tag}"): weight for tag, weight in profile.tags.items()}
        for gone in (-1, *(names.row(f"tag:{tag}") for tag in profile.muted)):
            weights.pop(gone, None)
        indices += weights.keys()
        data += weights.values()
        indptr.append(len(indices))
    shape = (len(profiles), len(names))
    return csr_array((np.array(data, np.float32), np.array(indices, np.int32), np.array(indptr)), shape=shape)

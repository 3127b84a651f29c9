"""What is known of one customer right now, as a value, and the history that it and the bundle make together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.histories import continued
from features.live_events import LiveEvents
from features.tag_rules import CustomerTag
from features.tagging import Tagging, tags_of
from recommender.bundle import Bundle
from recommender.values import EARLIEST, Histories


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The live state of one customer or visitor."""

    user_id: str
    """Under which history is looked up in the bundle: a merged visitor has the customer's id here."""
    also: tuple[str, ...] = ()
    """Visitors who turned out to be this customer: their history in the bundle is the customer's too."""
    events: LiveEvents = field(default_factory=LiveEvents.empty)
    given: tuple[CustomerTag, ...] = ()
    """Declared, added by hand, or earned by events that are no longer among ``events``; faded to the present."""
    declares: bool = False
    """``given`` holds what the customer declares; otherwise it is what the bundle says."""
    muted: frozenset[str] = frozenset()
    """Tags that the customer removed and that no behaviour may bring back."""
    personalize: bool = True
    """False where the customer chose lists that know nothing of them."""
    erased_at: int | None = None
    """When the customer asked to be forgotten, seconds since 1970: nothing that the bundle holds of before is used."""
    revision: int = 0
    """Rises with every change of the live state."""


RowOf = Callable[[str], int]
"""From an item's id to its row, −1 where unknown."""


def work_out_tags(
    bundle: Bundle, profiles: Sequence[Profile], history: Histories, now: int, tagging: Tagging
) -> list[tuple[CustomerTag, ...]]:
    """Return the tags of each profile at ``now``, the heaviest first; ``history`` as ``join_histories`` makes it."""
    given = [p.given if p.declares else (*_declared(bundle, p), *p.given) for p in profiles]
    return tags_of(tagging, history, given, [p.muted for p in profiles], now)


def _declared(bundle: Bundle, profile: Profile) -> tuple[CustomerTag, ...]:
    row = -1 if profile.erased_at else bundle.users.row(profile.user_id)
    if row < 0:
        return ()
    part = slice(bundle.declared.indptr[row], bundle.declared.indptr[row + 1])
    names = [bundle.catalogue.tag_names[int(i)].removeprefix("tag:") for i in bundle.declared.indices[part]]
    weights = bundle.declared.data[part].tolist()
    return tuple(CustomerTag(n, w, "declared", bundle.info.data_until) for n, w in zip(names, weights, strict=True))


def join_histories(bundle: Bundle, profiles: Sequence[Profile], row_of: RowOf) -> Histories:
    """Return what each customer did, in the bundle and since, in order of time; what is in both counts once.

    Events of items that the catalogue does not know are left out.
    """
    return continued(_past(bundle, profiles), _recent(profiles, row_of))


def _past(bundle: Bundle, profiles: Sequence[Profile]) -> Histories:
    """Return what the bundle holds of each profile, id by id, since it was erased."""
    ids = [(b, one) for b, p in enumerate(profiles) for one in (p.user_id, *p.also)]
    every = bundle.histories.take(np.array([bundle.users.row(one) for _, one in ids], np.intp))
    begins = np.searchsorted(np.array([b for b, _ in ids]), np.arange(len(profiles) + 1))
    past = replace(every, indptr=every.indptr[begins])
    erased = np.array([p.erased_at or EARLIEST for p in profiles], np.int64)
    return past.where(past.time > erased[past.customer()])


def _recent(profiles: Sequence[Profile], row_of: RowOf) -> Histories:
    columns = [p.events for p in profiles]
    item = np.fromiter((row_of(i) for c in columns for i in c.items), np.int32)
    indptr = np.concatenate([[0], np.cumsum([len(c) for c in columns])]).astype(np.int64)

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(c, name) for c in columns])

    found = Histories(indptr, item, joined("event"), joined("time"), joined("quantity"), joined("price"))
    return found.where(item >= 0)

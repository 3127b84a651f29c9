"""Takes events in: checks each, stores the good ones at once, and says what became of every part."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from recommender.errors import InvalidInput, TagalongError
from recommender.values import EventType
from serving.event_records import MOST_EVENTS, Record, Rejected, read
from serving.services import Services
from serving.settle import settle
from serving.storing import Stored, store

SLACK = 14
"""A customer's state is condensed once in so many live events, beyond the configured number: not for every one."""


FORGOTTEN = "timestamp: the customer asked later to be forgotten"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one call."""

    accepted: int
    duplicates: int
    rejected: Sequence[Rejected]
    unknown_events: Sequence[str]
    """Names among the good parts that nobody knows: kept, and weighing nothing."""
    unknown_items: Sequence[str]
    """Ids among them that the catalogue does not hold: kept, and in no list until it does."""


def ingest(services: Services, parts: Any, *, validate_only: bool = False, private: bool = False) -> Receipt:
    """Store every good part of a call, or with ``validate_only`` only judge them.

    Of a ``private`` call nothing is learned: its events count as without consent, whatever they say.

    Raises InvalidInput for what is no list of events, Unavailable where they could not be stored; then none was.
    """
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_EVENTS:
        raise InvalidInput("events", f"give a list of 1 to {MOST_EVENTS} events")
    if private:
        parts = [part | {"consent": False} if isinstance(part, dict) else part for part in parts]
    now = services.clock()
    records, rejected = read(parts, now, services.live)
    if validate_only:
        return Receipt(len({r.index for r in records}), 0, rejected, *_unknown(services, records))
    stored = store(services.events, records, now, services.live)
    _condense(services, records, stored)
    gone = stored.forgotten - stored.fresh
    forgotten = [Rejected(index, "erased", FORGOTTEN) for index in gone]
    rejected = sorted([*rejected, *forgotten], key=lambda one: one.index)
    _count(services, records, stored, len(rejected))
    unknown = _unknown(services, [record for record in records if record.index not in gone])
    return Receipt(len(stored.fresh), len(stored.repeated - stored.fresh), rejected, *unknown)


def _unknown(services: Services, records: Sequence[Record]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the distinct names of events, and ids of items, that are not known."""
    row_of = services.shelves.shelf.row_of
    events = {orjson.loads(record.payload)["event"] for record in records if record.event is EventType.OTHER}
    items = {record.item_id for record in records if record.item_id is not None}
    return sorted(events), sorted(item for item in items if row_of(item) < 0)


def _condense(services: Services, records: Sequence[Record], stored: Stored) -> None:
    """Shorten long live states; the events are safely stored, so a failure here costs memory until the next event."""
    came, recent = Counter(record.user_id for record in records), services.live.recent_events
    customers = [n for n, size in stored.lengths.items() if _is_long(size - recent, came.get(n, SLACK))]
    if not customers:
        return
    try:
        settle(services, customers)
    except TagalongError:
        services.metrics.settle_failures.inc()


def _is_long(beyond: int, came: int) -> bool:
    """Return whether the number of events ``beyond`` those to keep has passed a multiple of ``SLACK`` as some ``came``.

    What lasts is kept however old it is, so a state may stay long, and must not be condensed for every event.
    """
    return (beyond - 1) // SLACK > max((beyond - came - 1) // SLACK, 0)


def _count(services: Services, records: Sequence[Record], stored: Stored, rejected: int) -> None:
    count = services.metrics.count_events
    count("accepted", len(stored.fresh))
    count("duplicate", len(stored.repeated - stored.fresh))
    count("conflicting_duplicate", stored.different)
    count("rejected", rejected)
    count("unknown_event", sum(r.event is EventType.OTHER for r in records))
    row_of = services.shelves.shelf.row_of
    count("unknown_item", sum(r.item_id is not None and row_of(r.item_id) < 0 for r in records))

"""Takes events in: checks each, stores the good ones at once, and says what became of every part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from recommender.errors import InvalidInput, TagalongError
from recommender.values import EventType
from serving.compact import compact
from serving.event_records import MOST_EVENTS, Record, Rejected, read
from serving.services import Services
from serving.storing import Stored, store

SLACK = 14
"""So many live events may come beyond those that compaction keeps before a state is compacted anew."""


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
    _compact(services, stored)
    gone = stored.forgotten - stored.fresh
    forgotten = [Rejected(index, "erased", FORGOTTEN) for index in gone]
    rejected = sorted([*rejected, *forgotten], key=lambda one: one.index)
    _count(services, records, stored, len(rejected))
    unknown = _unknown(services, [record for record in records if record.index not in gone])
    return Receipt(len(stored.fresh), len(stored.repeated - stored.fresh), rejected, *unknown)


def _unknown(services: Services, records: Sequence[Record]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the distinct names of events, and ids of items, that are not known."""
    row_of = services.snapshots.current.row_of
    events = {orjson.loads(record.payload)["event"] for record in records if record.event is EventType.OTHER}
    items = {record.item_id for record in records if record.item_id is not None}
    return sorted(events), sorted(item for item in items if row_of(item) < 0)


def _compact(services: Services, stored: Stored) -> None:
    """Shorten long live states; the events are safely stored, so a failure here costs memory until the next event."""
    customers = [customer for customer, events in stored.beyond.items() if events > SLACK]
    if not customers:
        return
    try:
        compact(services, customers)
    except TagalongError:
        services.metrics.compaction_failures.inc()


def _count(services: Services, records: Sequence[Record], stored: Stored, rejected: int) -> None:
    count = services.metrics.count_events
    count("accepted", len(stored.fresh))
    count("duplicate", len(stored.repeated - stored.fresh))
    count("conflicting_duplicate", stored.different)
    count("rejected", rejected)
    count("unknown_event", sum(r.event is EventType.OTHER for r in records))
    row_of = services.snapshots.current.row_of
    count("unknown_item", sum(r.item_id is not None and row_of(r.item_id) < 0 for r in records))

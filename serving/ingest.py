"""Takes events in: checks each, stores the good ones at once, and says what became of every part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recommender.errors import InvalidInput, TagalongError
from recommender.values import EventType
from serving.event_records import MOST_EVENTS, Record, Rejected, read
from serving.services import Services
from serving.settle import settle
from serving.storing import Stored, store

SLACK = 14
"""Live events beyond the configured number before a customer's state is condensed: it is not worth it for one event."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one call."""

    accepted: int
    duplicates: int
    rejected: Sequence[Rejected]


def ingest(services: Services, parts: Any, *, validate_only: bool = False) -> Receipt:
    """Store every good part of a call, or with ``validate_only`` only judge them.

    Raises InvalidInput for what is no list of events, Unavailable where they could not be stored; then none was.
    """
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_EVENTS:
        raise InvalidInput("events", f"give a list of 1 to {MOST_EVENTS} events")
    now = services.clock()
    records, rejected = read(parts, now, services.live)
    if validate_only:
        return Receipt(len({r.index for r in records}), 0, rejected)
    stored = store(services.events, records, now, services.live)
    _condense(services, stored)
    _count(services, records, stored, len(rejected))
    return Receipt(len(stored.fresh), len(stored.repeated - stored.fresh), rejected)


def _condense(services: Services, stored: Stored) -> None:
    """Shorten long live states; the events are safely stored, so a failure here costs memory until the next event."""
    customers = [name for name, size in stored.lengths.items() if size > services.live.recent_events + SLACK]
    if not customers:
        return
    try:
        settle(services, customers)
    except TagalongError:
        services.metrics.settle_failures.inc()


def _count(services: Services, records: Sequence[Record], stored: Stored, rejected: int) -> None:
    count = services.metrics.count_events
    count("accepted", len(stored.fresh))
    count("duplicate", len(stored.repeated - stored.fresh))
    count("conflicting_duplicate", stored.different)
    count("rejected", rejected)
    count("unknown_event", sum(r.event is EventType.OTHER for r in records))
    row_of = services.shelves.shelf.row_of
    count("unknown_item", sum(r.item_id is not None and row_of(r.item_id) < 0 for r in records))

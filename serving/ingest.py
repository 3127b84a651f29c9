"""Takes events in: checks each, stores the good ones at once, and says what became of every part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recommender.errors import InvalidInput, TagalongError
from recommender.values import EventType
from serving.event_records import MOST_EVENTS, Record, Rejected, read
from serving.services import Services
from serving.settle import settle

SLACK = 14
"""Live events beyond the configured number before a customer's state is condensed: it is not worth it for one event."""
MOST_MOVES = 3
"""How many merges are followed from one visitor to the customer."""


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
    fresh, repeated, different = _store(services, records, now) if records else (set(), set(), 0)
    _count(services, records, fresh, repeated, different, len(rejected))
    return Receipt(len(fresh), len(repeated - fresh), rejected)


def _store(services: Services, records: Sequence[Record], now: float) -> tuple[set[int], set[int], int]:
    """Return the parts of which anything was stored, the parts seen before, and how many of these had other content."""
    fresh: set[int] = set()
    repeated: set[int] = set()
    different = 0
    for _ in range(1 + MOST_MOVES):
        done = services.events.append(records, now, services.live)
        of = {letter: [r for r, each in zip(records, done.status, strict=True) if each == letter] for letter in "adcm"}
        fresh.update(r.index for r in of["a"])
        repeated.update(r.index for r in [*of["d"], *of["c"]])
        different += len(of["c"])
        _condense(services, [name for name, size in done.lengths.items() if size > services.live.recent_events + SLACK])
        records = [r.moved(done.same_as[r.user_id]) for r in of["m"]]
        if not records:
            break
    return fresh, repeated, different


def _condense(services: Services, customers: Sequence[str]) -> None:
    """Shorten long live states; the events are safely stored, so a failure here costs memory until the next event."""
    if not customers:
        return
    try:
        settle(services, customers)
    except TagalongError:
        services.metrics.settle_failures.inc()


def _count(
    services: Services, records: Sequence[Record], fresh: set[int], repeated: set[int], different: int, rejected: int
) -> None:
    outcomes = services.metrics.events
    outcomes.labels("accepted").inc(len(fresh))
    outcomes.labels("duplicate").inc(len(repeated - fresh))
    outcomes.labels("conflicting_duplicate").inc(different)
    outcomes.labels("rejected").inc(rejected)
    outcomes.labels("unknown_event").inc(sum(r.event is EventType.OTHER for r in records))

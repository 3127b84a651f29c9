"""Stores checked events in the log, following visitors to the customers that they turned out to be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from recommender.config import LiveSettings
from recommender.errors import Unavailable
from serving.event_records import Record
from serving.ports import EventLog

MOST_MOVES = 3
"""How many merges are followed from one visitor to the customer."""
AT_ONCE = 2_000
"""Records that are stored in one step; nobody else is answered meanwhile."""


@dataclass(slots=True)
class Stored:
    """What became of the parts of a call, by their index."""

    fresh: set[int] = field(default_factory=set)
    """Parts of which anything was stored."""
    repeated: set[int] = field(default_factory=set)
    """Parts that were stored before."""
    forgotten: set[int] = field(default_factory=set)
    """Parts about what customers did before they asked to be forgotten."""
    different: int = 0
    """How many of the repeated came with other content: the first stands."""
    beyond: dict[str, int] = field(default_factory=dict)
    """How many live events customers have beyond those that compaction keeps."""


def store(log: EventLog, records: Sequence[Record], now: float, limits: LiveSettings) -> Stored:
    """Store ``records``, each event id once. Raises Unavailable; what is sent again then counts once."""
    stored = Stored()
    for at in range(0, len(records), AT_ONCE):
        _store(log, records[at : at + AT_ONCE], now, limits, stored)
    return stored


def _store(log: EventLog, records: Sequence[Record], now: float, limits: LiveSettings, stored: Stored) -> None:
    for _ in range(1 + MOST_MOVES):
        if not records:
            return
        done = log.append(records, now, limits)
        stored.beyond.update(done.beyond)
        moved = []
        for record, letter in zip(records, done.status, strict=True):
            if letter == "m":
                moved.append(record.moved(done.same_as[record.user_id]))
            elif letter == "a":
                stored.fresh.add(record.index)
            elif letter == "e":
                stored.forgotten.add(record.index)
            else:
                stored.repeated.add(record.index)
                stored.different += letter == "c"
        records = moved
    if records:
        raise Unavailable("the event log, whose customers are being merged,", retry_after=2)

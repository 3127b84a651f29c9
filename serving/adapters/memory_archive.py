"""Twins of the archiver's stream, of the erasure requests and of the archive's files; all in this process."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from serving.ports import Erasure
from serving.stream import NOTHING, Entry, StreamId


class MemoryStream:
    """Keeps entries in a list, oldest first."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: list[Entry] = []
        self._last = NOTHING

    def add(self, fields: Mapping[bytes, bytes], now: float) -> None:
        """Append an entry, with an id greater than all before."""
        self._last = max(StreamId(int(now * 1000), 0), _after(self._last))
        self.entries.append(Entry(self._last, fields))

    def waiting(self, most: int) -> list[Entry]:
        """Return the oldest entries, at most ``most``."""
        return self.entries[:most]

    def length(self) -> int:
        """Return how many entries wait."""
        return len(self.entries)

    def trim(self, last: StreamId) -> None:
        """Let go of everything up to and with ``last``."""
        self.entries = [entry for entry in self.entries if entry.id > last]

    def stay_after(self, last: StreamId) -> None:
        """Make every id to come greater than ``last``."""
        self._last = max(self._last, _after(last))


def _after(last: StreamId) -> StreamId:
    return StreamId(last.ms, last.number + 1)


class MemoryErasures:
    """Keeps requests in a dictionary; no training is kept from anything."""

    def __init__(self) -> None:
        """Begin with no request."""
        self._erasures: dict[str, Erasure] = {}
        self._open: set[str] = set()

    def ask(self, erasure: Erasure) -> None:
        """Keep the request."""
        self._erasures[erasure.receipt] = erasure
        self._open.add(erasure.receipt)

    def get(self, receipt: str) -> Erasure | None:
        """Return the request with this receipt, or None."""
        return self._erasures.get(receipt)

    def open(self) -> Sequence[Erasure]:
        """Return the requests that the files do not fulfil yet, oldest first."""
        return sorted(
            (self._erasures[one] for one in self._open), key=lambda erasure: (erasure.asked_at, erasure.receipt)
        )

    def add(self, receipt: str, removed: Mapping[str, int], *, done: bool) -> Erasure | None:
        """Note what was removed, and that the request is fulfilled where it is ``done``; return the request."""
        erasure = self._erasures.get(receipt)
        if erasure is None:
            return None
        self._erasures[receipt] = replace(erasure, removed={**erasure.removed, **removed}, done=erasure.done or done)
        if done:
            self._open.discard(receipt)
        return self._erasures[receipt]


@dataclass(slots=True)
class MemoryArchive:
    """Keeps what the files hold in lists."""

    events: list[Mapping[str, Any]] = field(default_factory=list)
    """As the log writes them; ``timestamp`` in milliseconds since 1970."""
    declared: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the file of customers says, by id."""
    merged: list[str] = field(default_factory=list)
    """The visitors who are in the file of merges."""
    unreadable: list[str] = field(default_factory=list)
    """Whom each line of what could not be read names."""

    def events_of(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield the events of these ids, the oldest first."""
        theirs = [event for event in self.events if event["user_id"] in ids]
        for event in sorted(theirs, key=lambda event: (event["timestamp"], event["event_id"])):
            yield {"quantity": 1.0, **event, "timestamp": _time(event)}

    def rows_left(self, erasure: Erasure) -> int:
        """Return how many events of these customers, up to their request, are held."""
        return sum(_asked_for(event, erasure) for event in self.events)

    def letters_left(self, erasure: Erasure) -> int:
        """Return how many lines of what could not be read name one of these customers."""
        return sum(one in erasure.ids for one in self.unreadable)

    def declared_of(self, one: str) -> Mapping[str, Any]:
        """Return what the file of customers says of one id."""
        return self.declared.get(one, {})

    def remove(self, erasure: Erasure) -> dict[str, int]:
        """Take these customers out of everything, and return how many rows of each kind went."""
        before = self._sizes()
        self.events = [event for event in self.events if not _asked_for(event, erasure)]
        self.declared = {one: says for one, says in self.declared.items() if one not in erasure.ids}
        self.merged, self.unreadable = (
            [one for one in ids if one not in erasure.ids] for ids in (self.merged, self.unreadable)
        )
        return {kind: before[kind] - size for kind, size in self._sizes().items()}

    def _sizes(self) -> dict[str, int]:
        return {
            "archive_rows": len(self.events),
            "declared_rows": len(self.declared),
            "merges": len(self.merged),
            "dead_letters": len(self.unreadable),
        }


def _time(event: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["timestamp"] / 1000, UTC)


def _asked_for(event: Mapping[str, Any], erasure: Erasure) -> bool:
    """Return whether an event is one of these customers', and not after their request."""
    return event["user_id"] in erasure.ids and event["timestamp"] <= erasure.until

"""Puts events back that could not be read: each dead letter is judged again, as if it came in now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from features.tables import EVENTS
from features.whole_files import put
from recommender.config import LiveSettings
from serving.archive import letters
from serving.event_records import read
from serving.ports import EventLog
from serving.storing import store


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the dead letters."""

    restored: int
    left: int
    """Still unreadable; they stay, with the latest reason."""


def replay(folder: Path, events: EventLog, now: float, limits: LiveSettings) -> Replayed:
    """Store every letter that can be read by now, and keep the others. Raises Unavailable.

    Letters leave their file only after their events are stored, and an event id counts once: a crash repeats nothing.
    """
    restored, left = 0, 0
    for path, found in letters(folder):
        reasons = [_restore(letter, events, now, limits) for letter in found]
        kept = [letter | {"reason": reason} for letter, reason in zip(found, reasons, strict=True) if reason]
        restored, left = restored + len(found) - len(kept), left + len(kept)
        if kept:
            put(path, b"".join(orjson.dumps(letter) + b"\n" for letter in kept))
        else:
            path.unlink()
    return Replayed(restored, left)


def _restore(letter: dict[str, Any], events: EventLog, now: float, limits: LiveSettings) -> str | None:
    """Store one letter's event, or return why it cannot be read; a letter of anything else stays as it is."""
    if "event" not in letter["entry"]:
        return str(letter["reason"])
    try:
        part = orjson.loads(letter["entry"]["event"])
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        return f"{type(error).__name__}: {error}"
    known = {key: value for key, value in part.items() if key in EVENTS.names} if isinstance(part, dict) else part
    records, rejected = read([known], now, limits)
    if rejected:
        return f"{rejected[0].code}: {rejected[0].detail}"
    store(events, records, now, limits)
    return None

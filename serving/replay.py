"""Puts events back that could not be read: each dead letter is judged again, as if it came in now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from features.tables import EVENTS
from machine.shop_folder import ShopFolder
from machine.whole_files import alone, put
from recommender.config import LiveSettings
from serving.event_records import read
from serving.ports import EventLog
from serving.storing import store


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the dead letters."""

    restored: int
    left: int
    """Still unreadable; they stay, with the latest reason."""


def replay(shop: ShopFolder, events: EventLog, now: float, limits: LiveSettings) -> Replayed:
    """Store every dead letter of a shop that can be read by now, and keep the others. Raises Unavailable.

    Letters leave their file only after their events are stored, and an event id counts once: a crash repeats nothing.
    """
    restored, left = 0, 0
    for path in sorted(shop.dead_letters.glob("live-*.jsonl")):
        with alone(shop.root):  # an erasure may strike lines out of the same file
            found, kept = _replayed(path, events, now, limits)
        restored, left = restored + found - kept, left + kept
    return Replayed(restored, left)


def _replayed(path: Path, events: EventLog, now: float, limits: LiveSettings) -> tuple[int, int]:
    """Restore what can be of one file; return how many letters were in it, and how many still are."""
    found = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    reasons = [_restore(letter, events, now, limits) for letter in found]
    kept = [letter | {"reason": reason} for letter, reason in zip(found, reasons, strict=True) if reason]
    if kept:
        put(path, b"".join(orjson.dumps(letter) + b"\n" for letter in kept))
    else:
        path.unlink()
    return len(found), len(kept)


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
    stored = store(events, records, now, limits)
    if stored.fresh or stored.forgotten:
        return None
    return f"its id was given to an event within {limits.remember_ids_hours:g} hours; replay it again after that"

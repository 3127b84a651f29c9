"""The archive of the log: which entries it holds, and how a batch of the stream goes into it exactly once.

Every file is named after its first entry and the last one of its batch. An entry is archived when a file of its day
(unreadable: of the dead letters) reaches as far as its id. So the next archiver sees what a killed one left half done,
and finishes it: nothing is remembered anywhere else. An event whose id no file of its day holds though they reach
further came from a Redis that lost its data, and whose clock is behind: it is archived in a file of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.consent import without_erased_events
from features.tables import ERASED, EVENTS, ITEMS, MERGES, USERS, WITHDRAWN, conform
from features.upsert import upsert
from machine.shop_folder import ShopFolder
from machine.whole_files import alone, encoded, put, read_whole, write_sorted
from recommender.times import DAY
from serving.stream import NOTHING, Entry, StreamId

FACTS = {b"item": ITEMS, b"user": USERS, b"merge": MERGES}
"""Fields of entries that are no events, and what each one is a row of."""


Row = Mapping[str, Any]
UNREADABLE = (ValueError, TypeError, AttributeError, pa.ArrowException)
"""What reading an entry may raise."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that makes neither an event nor a fact, and why."""

    entry: Entry
    reason: str


class Archive:
    """The archive in one shop's folder. One process at a time may write to it."""

    def __init__(self, root: Path) -> None:
        """See how far each day's files reach."""
        self.folder = ShopFolder(root)
        self._reached: dict[str, StreamId] = {}
        path = self.folder.archived
        self._facts = StreamId.read(path.read_text()) if path.exists() else NOTHING
        for path in self.folder.events.glob("day=*/live-*.parquet"):
            self._reach(path.parent.name, path.stem)
        for path in self.dead_letters.glob("live-*.jsonl*"):
            self._reach(self.dead_letters.name, path.name.split(".")[0])
        with alone(root):
            for day in self.folder.events.glob("day=*"):
                _drop_merged(day)

    @property
    def dead_letters(self) -> Path:
        """Return the folder of entries that could not be read."""
        return self.folder.dead_letters

    def _reach(self, place: str, stem: str) -> None:
        last = StreamId.read(stem.rpartition("_")[2])
        self._reached[place] = max(last, self._reached.get(place, NOTHING))

    def end(self) -> StreamId:
        """Return the last entry that is in any file."""
        return max(self._reached.values(), default=NOTHING)

    def add(self, entries: Sequence[Entry]) -> int:
        """Archive a batch, in order of its ids, and return how many entries were not there before."""
        if not entries:
            return 0
        last = entries[-1].id
        rows, bad = _read(entries)
        facts, unread = _read_facts(entries)
        added = sum(self._add_day(day, part, last) for day, part in _by_day(rows).items())
        self._add_facts(facts)
        if last > self._facts:
            self._facts = last
            put(self.folder.archived, str(last).encode())
        return added + self._bury(sorted([*bad, *unread], key=lambda each: each.entry.id), last)

    def _add_day(self, day: str, rows: Sequence[tuple[StreamId, dict[str, Any]]], last: StreamId) -> int:
        reached = self._reached.get(day, NOTHING)
        fresh = [(at, row) for at, row in rows if at > reached]
        late = self._unheld(day, [row for at, row in rows if at <= reached])
        if len(late):
            put(self.folder.events / day / f"late-{uuid4().hex}.parquet", encoded(late))
        if fresh:
            path = self.folder.events / day / f"live-{fresh[0][0]}_{last}.parquet"
            put(path, encoded(_table([row for _, row in fresh])))
            self._reach(day, path.stem)
        return len(fresh) + len(late)

    def _unheld(self, day: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
        """Return the rows whose event ids no file of their day holds, unless an erasure took them out of it."""
        late = _table(rows)
        if not rows:
            return late
        for path in (self.folder.events / day).glob("*.parquet"):
            held = pq.read_table(path, columns=["event_id"], partitioning=None)["event_id"]
            late = late.filter(pc.invert(pc.is_in(late["event_id"], value_set=held)))
        return without_erased_events(late, conform(read_whole(self.folder.erased, ERASED), ERASED))

    def _bury(self, bad: Sequence[Unreadable], last: StreamId) -> int:
        reached = self._reached.get(self.dead_letters.name, NOTHING)
        fresh = [each for each in bad if each.entry.id > reached]
        if fresh:
            path = self.dead_letters / f"live-{fresh[0].entry.id}_{last}.jsonl"
            put(path, b"".join(_letter(each) for each in fresh))
            self._reach(self.dead_letters.name, path.stem)
        return len(fresh)

    def tidy(self, most: int) -> None:
        """Make one file of every day that has more than ``most``.

        Between the new file and the end of the old ones a crash leaves both: readers count an event id once, and the
        next archiver drops files whose entries another one holds.
        """
        for day in self.folder.events.glob("day=*"):
            parts = _parts(day)
            if len(parts) > most:
                name = f"live-{parts[0][0]}_{max(last for _, last, _ in parts)}.parquet"
                with alone(self.folder.root):
                    put(day / name, encoded(pa.concat_tables([pq.read_table(p, partitioning=None) for *_, p in parts])))
                    _drop_merged(day)

    def _add_facts(self, facts: Mapping[bytes, Mapping[str, Row]]) -> None:
        """Bring items, declared customers and merges up to date; doing it again changes nothing."""
        if facts:
            with alone(self.folder.root):
                for kind, path in zip(FACTS, (self.folder.items, self.folder.users, self.folder.merges), strict=True):
                    _upsert(path, facts.get(kind, {}), FACTS[kind])


def _parts(day: Path) -> list[tuple[StreamId, StreamId, Path]]:
    """Return the first and the last entry of each of a day's files, in their order."""
    names = [(path.stem.removeprefix("live-").split("_"), path) for path in day.glob("live-*.parquet")]
    return sorted(((StreamId.read(a), StreamId.read(b), path) for (a, b), path in names), key=lambda part: part[:2])


def _drop_merged(day: Path) -> None:
    """Delete the files whose entries a wider one holds: it was made of them."""
    parts = _parts(day)
    for first, last, path in parts:
        if any(a <= first and last <= b and path != wider for a, b, wider in parts):
            path.unlink(missing_ok=True)


def _upsert(path: Path, rows: Mapping[str, Row], schema: pa.Schema) -> None:
    if rows:
        held = _without(read_whole(path, schema), rows, schema)
        try:
            told = [_facts([*rows.values()], schema)]
        except UNREADABLE:  # of two kinds, such as a number and a truth value for what is in stock
            told = [_facts([row], schema) for row in rows.values()]
        write_sorted(path, upsert([held, *told], schema))


def _without(held: pa.Table, rows: Mapping[str, Row], schema: pa.Schema) -> pa.Table:
    """Return the table without the cells that ``rows`` take away: null in a fact is no cell left out, as in a file."""
    key = schema.names[0]
    for name in {name for row in rows.values() for name, value in row.items() if value is None}:
        if name in held.column_names:
            emptied = pa.array([one for one, row in rows.items() if name in row and row[name] is None], pa.string())
            column = held[name]
            kept = pc.if_else(pc.is_in(held[key], emptied), pa.scalar(None, column.type), column)
            held = held.set_column(held.column_names.index(name), name, kept)
    return held


def _read_facts(entries: Sequence[Entry]) -> tuple[dict[bytes, dict[str, Row]], list[Unreadable]]:
    """Return, kind by kind, the row that the facts about each thing add up to, and what cannot be read."""
    facts: dict[bytes, dict[str, Row]] = {}
    bad: list[Unreadable] = []
    for kind, schema in FACTS.items():
        given = [entry for entry in entries if kind in entry.fields]
        rows, unread = _judged(given, kind, schema)
        bad += unread
        for row in rows:
            if len(row) > 1 or kind != b"user":
                about, key = facts.setdefault(kind, {}), str(row[schema.names[0]])
                about[key] = {**about.get(key, {}), **row}
    return facts, bad


def _judged(entries: Sequence[Entry], kind: bytes, schema: pa.Schema) -> tuple[list[Row], list[Unreadable]]:
    """Return the facts that can be read, in their order, and the entries of the others.

    All are tried at once: only where that fails is each looked at by itself, which takes twenty times as long.
    """
    try:
        rows: list[Row] = [orjson.loads(entry.fields[kind]) for entry in entries]
        _facts(rows, schema)
        return rows, []
    except UNREADABLE as error:
        if len(entries) == 1:
            return [], [Unreadable(entries[0], f"{type(error).__name__}: {error}")]
    each = [_judged([entry], kind, schema) for entry in entries]
    return [row for good, _ in each for row in good], [one for _, unread in each for one in unread]


def _facts(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return facts as a table; each must have what its kind is known by."""
    typed = [_typed(row, schema) for row in rows]
    if not all(row.get(schema.names[0]) for row in typed):
        raise ValueError(f"{schema.names[0]} is missing")
    names = dict.fromkeys(name for row in typed for name in row)
    return conform(pa.table({name: [row.get(name) for row in typed] for name in names}), schema)


def _typed(row: Mapping[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Return a row whose further columns are text, as in the files that shops give."""
    if schema is USERS:
        row = {**row, **{column: row[consent] is False for consent, column in WITHDRAWN.items() if consent in row}}
    return {k: v if k in schema.names or v is None else _text(v) for k, v in row.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _read(entries: Sequence[Entry]) -> tuple[list[tuple[StreamId, dict[str, Any]]], list[Unreadable]]:
    """Return the rows of all readable events with their ids, and what cannot be read."""
    rows: list[tuple[StreamId, dict[str, Any]]] = []
    bad: list[Unreadable] = []
    for entry in entries:
        if entry.fields.keys() & FACTS:
            continue
        try:
            rows.append((entry.id, _row(entry.fields)))
        except (*UNREADABLE, KeyError) as error:
            bad.append(Unreadable(entry, f"{type(error).__name__}: {error}"))
    return rows, bad


_KINDS = {f.name: {pa.string(): (str,), pa.bool_(): (bool,)}.get(f.type, (int, float)) for f in EVENTS}
"""As what JSON may hold each column."""
_NEEDED = frozenset({"event_id", "user_id", "event", "timestamp"})
_END_OF_TIME = 2**42
"""In milliseconds: the year 2109."""


def _row(fields: Mapping[bytes, bytes]) -> dict[str, Any]:
    row: dict[str, Any] = orjson.loads(fields[b"event"])
    for name, kinds in _KINDS.items():
        value = row.get(name)
        if type(value) not in kinds and (value is not None or name in _NEEDED):
            raise TypeError(f"{name} is {value!r}")
        if type(value) is int:
            row[name] = float(value)
    if not 0 <= row["timestamp"] < _END_OF_TIME:
        raise ValueError(f"timestamp is {row['timestamp']!r}")
    row["timestamp"] = int(row["timestamp"])
    return row | {"consent": False} if b"unlearned" in fields else row


def _table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    columns = {f.name: [row.get(f.name) for row in rows] for f in EVENTS}
    columns["quantity"] = [1.0 if q is None else q for q in columns["quantity"]]
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in EVENTS}, schema=EVENTS)


def _by_day(
    rows: Sequence[tuple[StreamId, dict[str, Any]]],
) -> dict[str, list[tuple[StreamId, dict[str, Any]]]]:
    days: dict[str, list[tuple[StreamId, dict[str, Any]]]] = {}
    for at, row in rows:
        days.setdefault(f"day={np.datetime64(row['timestamp'] // (1000 * DAY), 'D')}", []).append((at, row))
    return days


def _letter(bad: Unreadable) -> bytes:
    fields = {
        name.decode(errors="replace"): value.decode(errors="backslashreplace")
        for name, value in bad.entry.fields.items()
    }
    return orjson.dumps({"stream_id": str(bad.entry.id), "reason": bad.reason, "entry": fields}) + b"\n"

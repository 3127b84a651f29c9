"""Reads one file of events, items or customers: the rows that can be read, and why the others cannot."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from features.event_names import ALIASES, SEPARATORS, WITHOUT_ITEM, canonical_name
from features.sql import connect, literal, literals, quoted
from features.tables import EVENTS, ITEMS, USERS, conform
from recommender.errors import UnreadableFile
from training import cells
from training.file_columns import ATTRIBUTE, EVENT_COLUMNS, ITEM_COLUMNS, SPELLINGS, USER_COLUMNS, Column
from training.raw_files import RawFile, first_reading, open_raw

WIDE = 100
"""Columns, from which on looking for what they have in common costs more than it saves: a minute for a thousand."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be read, or not all of it."""

    file: str
    row: int
    """From 1, the header not counted."""
    reason: str
    content: Any
    """The row as its columns, or the line as it stands."""
    kept: bool = False
    """Only a cell is missing: of an item or a customer the rest counts, such as being sold out or having refused."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """What one file held."""

    table: pa.Table
    """Rows in canonical columns, repeats included, in the file's order."""
    rejects: list[Reject]


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """An open file whose rows have been read and judged; lives as long as its connection."""

    connection: duckdb.DuckDBPyConnection
    raw: RawFile
    schema: pa.Schema

    def batches(self, size: int) -> Iterator[pa.Table]:
        """Yield the good rows in canonical columns, in the file's order, ``size`` or a few more at a time."""
        good = self.connection.sql('SELECT * EXCLUDE ("#row", reason, fatal) FROM judged WHERE NOT fatal')
        held: list[pa.RecordBatch] = []
        for batch in good.to_arrow_reader(size):
            held.append(batch)
            if sum(part.num_rows for part in held) >= size:
                yield conform(pa.Table.from_batches(held), self.schema)
                held = []
        if held:
            yield conform(pa.Table.from_batches(held), self.schema)

    def count(self) -> int:
        """Return the number of good rows."""
        return int(self.connection.execute("SELECT count(*) FROM judged WHERE NOT fatal").fetchall()[0][0])

    def keep_first(self, column: str) -> None:
        """Leave out good rows whose ``column`` an earlier good row has."""
        good = f"FROM judged WHERE NOT fatal GROUP BY {column}"
        if self.connection.execute(f"SELECT 1 {good} HAVING count(*) > 1 LIMIT 1").fetchall():
            self.connection.execute(
                f"DELETE FROM judged WHERE NOT fatal AND rowid NOT IN (SELECT min(rowid) {good})"
            ).fetchall()

    def table(self) -> pa.Table:
        """Return all good rows at once."""
        good = self.connection.sql('SELECT * EXCLUDE ("#row", reason, fatal) FROM judged WHERE NOT fatal')
        return conform(good.to_arrow_table(), self.schema)

    def unread(self) -> tuple[str, ...]:
        """Return the file's columns that no column of the schema is."""
        return tuple(
            given for name, given in _given(self.raw, self.schema.names).items() if name not in self.schema.names
        )

    def rejects(self) -> list[Reject]:
        """Return the rows that could not be read, torn lines first."""
        torn = [Reject(self._file, row, _swallowed(reason, line), line) for row, reason, line in self._torn()]
        shift = np.array([reject.row for reject in torn]) - np.arange(len(torn))
        return torn + [
            Reject(self._file, row + int(np.searchsorted(shift, row, "right")), reason, json.loads(content), kept)
            for row, reason, content, kept in self._wrong()
        ]

    @property
    def _file(self) -> str:
        return str(self.raw.path)

    def _torn(self) -> list[tuple[int, str, str]]:
        return self.connection.execute(self.raw.torn).fetchall() if self.raw.torn else []

    def _wrong(self) -> list[tuple[int, str, str, bool]]:
        """Return row number, reason, content and whether the rest is kept; reads again only where some row is wrong."""
        some = self.connection.execute("SELECT 1 FROM judged WHERE reason IS NOT NULL LIMIT 1").fetchall()
        query = (
            'SELECT "#row", reason, to_json(cell), NOT fatal FROM judged '
            f'JOIN (SELECT "#row", {self.raw.content} AS cell FROM ({self.raw.query}) AS raw) USING ("#row") '
            'WHERE reason IS NOT NULL ORDER BY "#row"'
        )
        return self.connection.execute(query).fetchall() if some else []


def _swallowed(reason: str, content: str) -> str:
    """Return the reason, with how many lines it cost: a quote that nobody closed takes all that follows."""
    more = content.strip().count("\n")
    return f"{reason}; {more} more lines were taken for a part of this one" if more else reason


def read_events(path: Path, latest: float | None = None) -> FileRows:
    """Read one file of interactions into the columns of ``EVENTS``; none after ``latest`` (seconds since 1970)."""
    with judged_events(path, latest) as file:
        return FileRows(file.table(), file.rejects())


def read_items(path: Path) -> FileRows:
    """Read one file of items into the columns of ``ITEMS`` and its attributes."""
    return _read_entities(path, ITEM_COLUMNS, ITEMS)


def read_users(path: Path) -> FileRows:
    """Read one file of customers into the columns of ``USERS`` and their attributes."""
    return _read_entities(path, USER_COLUMNS, USERS)


@contextmanager
def judged_events(path: Path, latest: float | None = None) -> Iterator[JudgedFile]:
    """Open one file of interactions; for files too large to hold at once. An event after ``latest`` is a mistake."""
    with connect() as connection:
        raw = _opened(connection, path, ("user_id", "item_id", "timestamp"))
        yield _judge(connection, raw, lambda file: _event_query(file, latest), EVENTS)


def encode_rejects(rejects: Iterable[Reject]) -> bytes:
    """Return rejects as JSON Lines."""
    return b"".join(orjson.dumps(reject, option=orjson.OPT_APPEND_NEWLINE) for reject in rejects)


def _read_entities(path: Path, columns: Mapping[str, Column], schema: pa.Schema) -> FileRows:
    key = schema.names[0]
    with connect() as connection:
        raw = _opened(connection, path, (key,))
        if len(raw.columns) > WIDE:
            connection.execute("SET disabled_optimizers = 'common_subexpressions'")
        known = {*columns, *schema.names}  # a column of the schema that no file may give is no attribute either
        attributes = {name: ATTRIBUTE for name in _given(raw, known) if name not in known}
        whole = f'coalesce("#broken", {_id_reason(key)})'
        reason = f"coalesce({whole}, reason || '; the rest of the row is kept')"

        def query(file: RawFile) -> str:
            told = f"REPLACE ({reason} AS reason), {whole} IS NOT NULL AS fatal"
            return f'SELECT * EXCLUDE ("#broken") {told} FROM ({_typed(file, {**columns, **attributes})})'

        file = _judge(connection, raw, query, schema)
        return FileRows(file.table(), file.rejects())


def _opened(connection: duckdb.DuckDBPyConnection, path: Path, needed: tuple[str, ...]) -> RawFile:
    raw = open_raw(connection, path)
    present = _given(raw, needed)
    for name in needed:
        if name not in present:
            raise UnreadableFile(str(path), f"column {name} is missing (found: {', '.join(raw.columns)})")
    return raw


def _given(raw: RawFile, known: Collection[str]) -> dict[str, str]:
    """Return the file's columns by their canonical names; case and what parts words do not matter in known ones.

    A column of the very name goes before one that is spelled otherwise.
    """
    given: dict[str, str] = {}
    exact = {*chain.from_iterable(SPELLINGS.values()), *known}
    names = {_run_together(name): name for name in exact}
    for name in sorted(raw.columns, key=lambda name: name.strip().lower() not in exact):
        plain = name.strip().lower()
        given.setdefault(names.get(_run_together(plain), plain), name)
    for name, others in SPELLINGS.items():
        found = next((other for other in others if other in given), None)
        if name in known and name not in given and found:
            given[name] = given.pop(found)
    return given


def _run_together(name: str) -> str:
    return name.translate(str.maketrans("", "", " -_"))


def _typed(raw: RawFile, columns: Mapping[str, Column]) -> str:
    """Return SQL for ``#row``, ``#broken``, ``reason`` (of a cell that makes no sense) and every column's value."""
    given = _given(raw, columns)
    values, reasons = [], ['"#broken"']
    for name, column in columns.items():
        if name not in given:
            values.append(f"CAST(NULL AS {column.kind}) AS {quoted(name)}")
            continue
        cell, kind = quoted(given[name]), raw.columns[given[name]]
        value = column.read(cell, kind)
        wrong = cells.unread(cell, kind, value)
        if column.complaint:
            reasons.append(f"CASE WHEN {wrong} THEN {literal(f'{name} {column.complaint}')} END")
        read = value if column.otherwise == "NULL" else f"CASE WHEN {wrong} THEN {column.otherwise} ELSE {value} END"
        values.append(f"{read} AS {quoted(name)}")
    reason = f"nullif(concat_ws('; ', {', '.join(reasons)}), '') AS reason"
    return f'SELECT "#row", "#broken", {reason}, {", ".join(values)} FROM ({raw.query})'


def _id_reason(name: str) -> str:
    return cells.wrong_id(name, quoted(name))


def _derived_id(raw: RawFile) -> str:
    """Return SQL for the digest of what a row says; empty cells do not count, so a missing column changes nothing."""
    given = {"event", "quantity", *_given(raw, EVENT_COLUMNS)} - {"event_id", "consent"}
    parts = ", ".join(f"'{name}=' || {quoted(name)}" for name in EVENTS.names if name in given)
    return f"md5(concat_ws(chr(31), {parts}))"


def _event_query(raw: RawFile, latest: float | None) -> str:
    """Return SQL for judged events in the file's order; joins mix the rows, and IN is one, so there is neither."""
    itemless = f"list_position({literals(canonical_name(event) for event in sorted(WITHOUT_ITEM))}, event) > 0"
    reason = (
        f"coalesce({_id_reason('user_id')}, CASE WHEN item_id IS NULL AND {itemless} THEN NULL "
        f"ELSE {_id_reason('item_id')} END, CASE WHEN timestamp IS NULL THEN 'timestamp is empty' "
        f"WHEN timestamp > {int(1000 * latest) if latest else 'NULL'} THEN 'timestamp lies in the future' END)"
    )
    named = (
        f"SELECT * REPLACE (coalesce({_canonical_event()}, event, 'purchase') AS event, "
        f"coalesce(quantity, 1) AS quantity) FROM ({_typed(raw, EVENT_COLUMNS)})"
    )
    whole = f"coalesce(reason, {reason})"
    return (
        f'SELECT * EXCLUDE ("#broken") REPLACE (coalesce(event_id, {_derived_id(raw)}) AS event_id, '
        f"{whole} AS reason), {whole} IS NOT NULL AS fatal FROM ({named})"
    )


def _canonical_event() -> str:
    """Return SQL for the canonical name of the column ``event``; null where nobody knows it."""
    names = literals(canonical_name(event) for event in ALIASES.values())
    return f"{names}[list_position({literals(ALIASES)}, translate(lower(event), {literal(SEPARATORS)}, ''))]"


def _judge(
    connection: duckdb.DuckDBPyConnection, raw: RawFile, query: Callable[[RawFile], str], schema: pa.Schema
) -> JudgedFile:
    """Read and judge all rows; ``query`` is made of the file as it can be read."""

    def read(file: RawFile) -> JudgedFile:
        connection.execute(f"CREATE TEMP TABLE judged AS {query(file)}")
        return JudgedFile(connection, file, schema)

    return first_reading(raw, read)

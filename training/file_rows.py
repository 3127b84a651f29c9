"""Reads one file of events, items or customers: the rows that can be read, and why the others cannot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from features.event_names import ALIASES, SEPARATORS, WITHOUT_ITEM, canonical_name
from features.tables import EVENTS, ITEMS, USERS, conform
from recommender.errors import UnreadableFile
from training import cells
from training.columns import ATTRIBUTE, EVENT_COLUMNS, ITEM_COLUMNS, USER_COLUMNS, Column
from training.raw_files import RawFile, connect, literal, open_raw, quoted, unreadable


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be read."""

    file: str
    row: int
    """From 1, the header not counted."""
    reason: str
    content: Any
    """The row as its columns, or the line as it stands."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """What one file held."""

    table: pa.Table
    """Rows in canonical columns, repeats included, in the file's order."""
    rejects: list[Reject]


def read_events(path: Path) -> FileRows:
    """Read one file of interactions into the columns of ``EVENTS``."""
    with connect() as connection:
        raw = _opened(connection, path, ("user_id", "item_id", "timestamp"))
        connection.register("alias", _aliases())
        typed = _typed(raw, EVENT_COLUMNS)
        itemless = ", ".join(literal(canonical_name(event)) for event in sorted(WITHOUT_ITEM))
        reason = (
            f"coalesce({_id_reason('user_id')}, CASE WHEN item_id IS NULL AND event IN ({itemless}) THEN NULL "
            f"ELSE {_id_reason('item_id')} END, CASE WHEN timestamp IS NULL THEN 'timestamp is empty' END)"
        )
        named = (
            "SELECT * EXCLUDE (key, name) "
            "REPLACE (coalesce(alias.name, event, 'purchase') AS event, coalesce(quantity, 1) AS quantity) "
            f"FROM ({typed}) LEFT JOIN alias ON alias.key = translate(lower(event), {literal(SEPARATORS)}, '')"
        )
        judged = (
            f"SELECT * REPLACE (coalesce(event_id, {_derived_id()}) AS event_id, coalesce(reason, {reason}) AS reason) "
            f"FROM ({named})"
        )
        return _rows(connection, raw, judged, EVENTS)


def read_items(path: Path) -> FileRows:
    """Read one file of items into the columns of ``ITEMS`` and its attributes."""
    return _read_entities(path, ITEM_COLUMNS, ITEMS)


def read_users(path: Path) -> FileRows:
    """Read one file of customers into the columns of ``USERS`` and their attributes."""
    return _read_entities(path, USER_COLUMNS, USERS)


def encode_rejects(rejects: Iterable[Reject]) -> bytes:
    """Return rejects as JSON Lines."""
    return b"".join(orjson.dumps(reject, option=orjson.OPT_APPEND_NEWLINE) for reject in rejects)


def _read_entities(path: Path, columns: Mapping[str, Column], schema: pa.Schema) -> FileRows:
    key = schema.names[0]
    with connect() as connection:
        raw = _opened(connection, path, (key,))
        attributes = {_canonical(name): ATTRIBUTE for name in raw.columns if _canonical(name) not in columns}
        typed = _typed(raw, {**columns, **attributes})
        judged = f"SELECT * REPLACE (coalesce(reason, {_id_reason(key)}) AS reason) FROM ({typed})"
        return _rows(connection, raw, judged, schema)


def _opened(connection: duckdb.DuckDBPyConnection, path: Path, needed: tuple[str, ...]) -> RawFile:
    raw = open_raw(connection, path)
    present = {_canonical(name) for name in raw.columns}
    for name in needed:
        if name not in present:
            raise UnreadableFile(str(path), f"column {name} is missing (found: {', '.join(raw.columns)})")
    return raw


def _canonical(name: str) -> str:
    return name.strip().lower()


def _aliases() -> pa.Table:
    return pa.table({"key": list(ALIASES), "name": [canonical_name(event) for event in ALIASES.values()]})


def _typed(raw: RawFile, columns: Mapping[str, Column]) -> str:
    """Return SQL for ``#row``, ``reason`` (a cell that makes no sense, or null) and the value of every column."""
    given = {_canonical(name): name for name in raw.columns}
    values, reasons = [], ['"#broken"']
    for name, column in columns.items():
        if name not in given:
            values.append(f"CAST(NULL AS {column.kind}) AS {quoted(name)}")
            continue
        cell, kind = quoted(given[name]), raw.columns[given[name]]
        value = column.read(cell, kind)
        values.append(f"{value} AS {quoted(name)}")
        if column.complaint:
            reasons.append(
                f"CASE WHEN {cells.unread(cell, kind, value)} THEN {literal(f'{name} {column.complaint}')} END"
            )
    return f'SELECT "#row", coalesce({", ".join(reasons)}, NULL) AS reason, {", ".join(values)} FROM ({raw.query})'


def _id_reason(name: str) -> str:
    return cells.wrong_id(name, quoted(name))


def _derived_id() -> str:
    """Return SQL for the digest of what a row says; empty cells do not count, so a missing column changes nothing."""
    parts = [f"'{name}=' || {quoted(name)}" for name in EVENTS.names if name not in ("event_id", "consent")]
    return f"md5(concat_ws(chr(31), {', '.join(parts)}))"


def _rows(connection: duckdb.DuckDBPyConnection, raw: RawFile, judged: str, schema: pa.Schema) -> FileRows:
    try:
        connection.execute(f"CREATE TEMP TABLE judged AS {judged}")
    except duckdb.Error as error:
        raise unreadable(raw.path, error) from error
    good = connection.sql('SELECT * EXCLUDE ("#row", reason) FROM judged WHERE reason IS NULL')
    table = conform(good.to_arrow_table(), schema)
    return FileRows(table, _rejects(connection, raw))


def _rejects(connection: duckdb.DuckDBPyConnection, raw: RawFile) -> list[Reject]:
    torn = [Reject(str(raw.path), *line) for line in connection.execute(raw.torn).fetchall()] if raw.torn else []
    if connection.execute("SELECT 1 FROM judged WHERE reason IS NOT NULL LIMIT 1").fetchone() is None:
        return torn
    wrong = connection.execute(
        f'SELECT "#row", reason, to_json(cell) FROM judged JOIN ('
        f'SELECT "#row", {raw.content} AS cell FROM ({raw.query}) AS raw) USING ("#row") '
        f'WHERE reason IS NOT NULL ORDER BY "#row"'
    ).fetchall()
    shift = np.array([reject.row for reject in torn]) - np.arange(len(torn))
    return torn + [
        Reject(str(raw.path), row + int(np.searchsorted(shift, row, "right")), reason, orjson.loads(content))
        for row, reason, content in wrong
    ]

"""DuckDB as this product asks it: names and texts as SQL writes them, and a connection that needs no network."""

import glob
from collections.abc import Iterable
from pathlib import Path

import duckdb


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def located(path: Path) -> str:
    """Return a file's place as an SQL literal; its name is no pattern, whatever it holds."""
    return literal(glob.escape(str(path)))


def literals(texts: Iterable[str]) -> str:
    """Return texts as an SQL list."""
    return f"[{', '.join(literal(text) for text in texts)}]"


def connect() -> "duckdb.DuckDBPyConnection":
    """Return an own in-memory DuckDB that works in UTC and loads nothing over the network.

    The annotation is a text: a type that a function holds on to is reported as leaked when the process ends.
    """
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    return connection

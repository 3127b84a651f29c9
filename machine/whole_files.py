"""Writes files so that a crash leaves whole files or none: a hidden file first, then its name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

LOCK = ".files.lock"
_DISTINCT = "event_id"
"""A column that no dictionary makes smaller."""
_FEW = 20_000
"""Rows that are read for one."""


def write_whole(path: Path, table: pa.Table) -> None:
    """Write a table in place of the file at ``path``."""
    put(path, encoded(table))


def write_sorted(path: Path, table: pa.Table) -> None:
    """Write a table in place of the file at ``path``, by its first column, so that who seeks one row reads few."""
    put(path, encoded(table.sort_by(table.column_names[0]), _FEW))


def read_whole(path: Path, schema: pa.Schema) -> pa.Table:
    """Return the table in the file at ``path``, or one without rows where there is none; folders name no columns."""
    return pq.read_table(path, partitioning=None) if path.exists() else schema.empty_table()


def encoded(table: pa.Table, together: int | None = None) -> memoryview:
    """Return the table as the bytes of a Parquet file, so many rows ``together``."""
    sink = pa.BufferOutputStream()
    repeated = [name for name in table.column_names if name != _DISTINCT]
    pq.write_table(table, sink, compression="zstd", use_dictionary=repeated, row_group_size=together)
    return memoryview(sink.getvalue())


def put(path: Path, content: bytes | memoryview) -> None:
    """Write ``content`` in place of the file at ``path``; when this returns it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with hidden.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)  # still there on a full disk, say
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the lock of a shop's folder while its files change: requests may wait for it, so never for long."""
    with locked(root / LOCK):
        yield


@contextmanager
def unchanging(root: Path) -> Iterator[None]:
    """Keep the files of a shop's folder from being replaced while some of them are listed and read."""
    with locked(root / LOCK, shared=True):
        yield


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold the lock that the file at ``path`` stands for; the system lets go of it when a process dies.

    Raises BlockingIOError where another one holds it and this one does not ``wait``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        flock(file, (LOCK_SH if shared else LOCK_EX) | (0 if wait else LOCK_NB))
        yield

"""Writes Parquet so that a crash leaves whole files or none: a hidden file first, then its name."""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.columns import milliseconds

_DAY_MS = 86_400_000
_THREADS = 4
"""Encoding leaves the interpreter's lock, and a file's fsync waits for the disk."""
_DISTINCT = "event_id"
"""A column that no dictionary makes smaller."""


def write_days(folder: Path, events: pa.Table) -> list[Path]:
    """Write events to ``day=YYYY-MM-DD/import-<digest>.parquet`` by their UTC day, and return the files.

    The digest is that of the file's content, so that the same rows make the same file.
    """
    day = milliseconds(events["timestamp"]) // _DAY_MS
    order = np.argsort(day, kind="stable")
    ordered, days = (events, day) if np.all(np.diff(day) >= 0) else (events.take(order), day[order])
    starts = np.flatnonzero(np.r_[True, np.diff(days) != 0][: len(days)])
    ends = np.r_[starts[1:], len(days)][: len(starts)]
    parts = [(int(days[a]), ordered.slice(a, b - a)) for a, b in zip(starts, ends, strict=True)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda part: _write_day(folder, *part), parts))


def write_whole(path: Path, table: pa.Table) -> None:
    """Write a table in place of the file at ``path``."""
    _put(path, _encoded(table))


def _write_day(folder: Path, day: int, events: pa.Table) -> Path:
    content = _encoded(events)
    name = f"day={np.datetime64(day, 'D')}"
    path = folder / name / f"import-{sha256(content).hexdigest()[:24]}.parquet"
    _put(path, content)
    return path


def _encoded(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    repeated = [name for name in table.column_names if name != _DISTINCT]
    pq.write_table(table, sink, compression="zstd", use_dictionary=repeated)
    return memoryview(sink.getvalue())


def _put(path: Path, content: memoryview) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    with hidden.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    hidden.replace(path)

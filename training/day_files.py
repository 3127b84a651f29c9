"""Writes the log's events by their day."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.arrow_arrays import milliseconds
from machine.whole_files import encoded, put
from recommender.times import DAY

_THREADS = 4
"""Encoding leaves the interpreter's lock, and a file's fsync waits for the disk."""


def write_days(folder: Path, events: pa.Table) -> list[Path]:
    """Write events to ``day=YYYY-MM-DD/import-<digest>.parquet`` by their UTC day, and return the files.

    The digest is that of the file's content, so that the same rows make the same file.
    """
    day = milliseconds(events["timestamp"]) // (1000 * DAY)
    order = np.argsort(day, kind="stable")
    ordered, days = (events, day) if np.all(np.diff(day) >= 0) else (events.take(order), day[order])
    starts = np.flatnonzero(np.r_[True, np.diff(days) != 0][: len(days)])
    ends = np.r_[starts[1:], len(days)][: len(starts)]
    parts = [(int(days[a]), ordered.slice(a, b - a)) for a, b in zip(starts, ends, strict=True)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda part: _write_day(folder, *part), parts))


def _write_day(folder: Path, day: int, events: pa.Table) -> Path:
    content = encoded(events)
    name = f"day={np.datetime64(day, 'D')}"
    path = folder / name / f"import-{sha256(content).hexdigest()[:24]}.parquet"
    put(path, content)
    return path

"""Rows a second from a Parquet file into the data folder, by the command: the first time, and once more."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from benchmarks.measured import Measured
from benchmarks.stage import Stage
from examples.demo import tagalong

BAR = 300_000


def measure(stage: Stage) -> Sequence[Measured]:
    """Return the pace of an import into an empty folder, and of one that finds every row there already."""
    file = stage.source / "interactions.parquet"
    rows = pq.read_metadata(file).num_rows
    with TemporaryDirectory() as folder:
        return [
            _imported("import from Parquet", file, rows, Path(folder), BAR),
            _imported("the same file once more, which changes nothing", file, rows, Path(folder), None),
        ]


def _imported(what: str, file: Path, rows: int, folder: Path, bar: float | None) -> Measured:
    began = time.perf_counter()
    subprocess.run(tagalong("import", "--data", folder, "--interactions", file), check=True)
    took = time.perf_counter() - began
    parts = f"{rows:,} rows in {took:.1f} s, start included"
    return Measured(what, rows / took, "rows/s", bar, at_least=True, parts=parts)

"""Writes rows part by part to one CSV or Parquet file, by its suffix: whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from recommender.errors import InvalidInput


class Writer(Protocol):
    """What both of pyarrow's writers offer."""

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""


def check_target(path: Path) -> None:
    """Raise InvalidInput where rows cannot be written to ``path``."""
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidInput("--out", f"{path.name}: expected a file name that ends in .csv or .parquet")
    if not path.parent.is_dir():
        raise InvalidInput("--out", f"{path.parent}: no such folder")


@contextmanager
def row_file(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    """Open the file for rows of ``schema``; it takes the place of an old one when all is written."""
    building = path.with_name(f".{path.name}.{uuid4().hex}")
    kind = pyarrow.csv.CSVWriter if path.suffix == ".csv" else pyarrow.parquet.ParquetWriter
    try:
        with kind(str(building), schema) as writer:
            yield writer
        os.replace(building, path)
    finally:
        building.unlink(missing_ok=True)

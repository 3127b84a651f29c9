"""Writes rows part by part to one CSV or Parquet file, by its suffix: whole or not at all.

CSV knows no lists: between their texts stands ``|``, as files of items and customers may have them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from recommender.errors import InvalidInput


class Writer(Protocol):
    """What both of pyarrow's writers offer."""

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""


@dataclass(frozen=True, slots=True)
class _Plain:
    """Writes rows whose cells are texts, numbers and the like."""

    writer: Writer

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""
        self.writer.write_table(_plain(table))


def _plain(table: pa.Table) -> pa.Table:
    for at, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            table = table.set_column(at, field.name, pc.binary_join(table[field.name], "|"))
    return table


def check_suffix(path: Path) -> None:
    """Raise InvalidInput where the name of ``path`` does not say how rows are written."""
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidInput("--out", f"{path.name}: expected a file name that ends in .csv or .parquet")


@contextmanager
def row_file(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    """Open the file for rows of ``schema``; it takes the place of an old one when all is written."""
    building = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        if path.suffix == ".csv":
            with pyarrow.csv.CSVWriter(str(building), _plain(schema.empty_table()).schema) as writer:
                yield _Plain(writer)
        else:
            with pyarrow.parquet.ParquetWriter(str(building), schema) as writer:
                yield writer
        os.replace(building, path)
    finally:
        building.unlink(missing_ok=True)

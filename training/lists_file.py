"""Writes lists as rows: ``user_id, rank, item_id, score, source``, and on request ``reasons``; whole or not at all."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from recommender.errors import InvalidInput
from recommender.ids import IdMap
from recommender.lists import SOURCES
from training.batch import Block

SCHEMA = pa.schema(
    [
        ("user_id", pa.string()),
        ("rank", pa.int32()),
        ("item_id", pa.string()),
        ("score", pa.float32()),
        ("source", pa.string()),
    ]
)
"""A score that no ranker gave is null."""
REASONS = pa.field("reasons", pa.string())
"""As the service gives them: a JSON array of objects with a code and its evidence."""


class Writer(Protocol):
    """What both of pyarrow's writers offer."""

    def write_table(self, table: pa.Table) -> None:
        """Append rows."""


def check_target(path: Path) -> None:
    """Raise InvalidInput where lists cannot be written to ``path``."""
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidInput("--out", f"{path.name}: expected a file name that ends in .csv or .parquet")
    if not path.parent.is_dir():
        raise InvalidInput("--out", f"{path.parent}: no such folder")


def write_lists(path: Path, ids: Sequence[str], items: IdMap, blocks: Iterable[Block], *, reasons: bool = False) -> int:
    """Write the lists of ``ids`` as they come, block by block, and return how many rows that made."""
    names = pa.array(list(items), pa.string())
    written = 0
    with _writer(path, SCHEMA.append(REASONS) if reasons else SCHEMA) as writer:
        for block in blocks:
            table = _table(ids[block.customers], names, block)
            writer.write_table(table)
            written += table.num_rows
    return written


def _table(ids: Sequence[str], names: pa.Array, block: Block) -> pa.Table:
    ordered = block.lists
    customer, place = np.nonzero(ordered.rows >= 0)
    score = ordered.score[customer, place]
    columns = [
        pa.array(ids, pa.string()).take(pa.array(customer)),
        pa.array((place + 1).astype(np.int32)),
        names.take(pa.array(ordered.rows[customer, place])),
        pa.array(score, pa.float32(), mask=~np.isfinite(score)),
        pa.array(SOURCES, pa.string()).take(pa.array(ordered.source[customer, place])),
    ]
    table = pa.table(columns, schema=SCHEMA)
    if block.reasons is None:
        return table
    return table.append_column(REASONS, pa.array([orjson.dumps(some).decode() for some in block.reasons], pa.string()))


@contextmanager
def _writer(path: Path, schema: pa.Schema) -> Iterator[Writer]:
    building = path.with_name(f".{path.name}.{uuid4().hex}")
    kind = pyarrow.csv.CSVWriter if path.suffix == ".csv" else pyarrow.parquet.ParquetWriter
    try:
        with kind(str(building), schema) as writer:
            yield writer
        os.replace(building, path)
    finally:
        building.unlink(missing_ok=True)

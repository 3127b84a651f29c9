"""Writes lists as rows: ``user_id, rank, item_id, score, source``, and on request ``reasons``."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from recommender.ids import IdMap
from recommender.lists import SOURCES
from training.batch import Block
from training.row_file import row_file

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


def write_lists(path: Path, ids: Sequence[str], items: IdMap, blocks: Iterable[Block], *, reasons: bool = False) -> int:
    """Write the lists of ``ids`` as they come, block by block, and return how many rows that made."""
    names = pa.array(list(items), pa.string())
    written = 0
    with row_file(path, SCHEMA.append(REASONS) if reasons else SCHEMA) as writer:
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

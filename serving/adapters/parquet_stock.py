"""What the archive knows to be off sale, for a worker that starts while Redis is down; nothing, where it fails."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog

from features.tables import ITEMS, ShopFolder, conform
from serving.ports import StockChanges

log = structlog.get_logger()

BEFORE_ALL = 1
"""A revision below every one that Redis gives: whatever it says stands above the archive."""


def off_sale(root: Path) -> StockChanges:
    """Return the items of a shop's folder that are sold out or hidden, as changes older than all others."""
    path = ShopFolder(root).items
    try:
        table = conform(pq.read_table(path, partitioning=None), ITEMS) if path.exists() else ITEMS.empty_table()
    except (OSError, pa.ArrowException) as error:
        log.error("the archive's items cannot be read", path=str(path), error=str(error))
        table = ITEMS.empty_table()
    sold_out = pc.invert(pc.fill_null(table["in_stock"], True))
    found = table.filter(pc.or_(sold_out, pc.fill_null(table["hidden"], False)))
    rows = found.select(["item_id", "in_stock", "hidden"]).to_pylist()
    items = {row["item_id"]: {name: value for name, value in row.items() if value is not None} for row in rows}
    return StockChanges(BEFORE_ALL, items, dict.fromkeys(items, BEFORE_ALL))

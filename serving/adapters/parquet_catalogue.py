"""What the archive says of items, for a worker that has no bundle yet, or that starts while Redis is down or empty."""

from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from time import monotonic
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import structlog

from features.tables import ITEMS, TIME, conform
from machine.shop_folder import ShopFolder
from recommender.bundle import Bundle
from serving.ports import CatalogueChanges

log = structlog.get_logger()

BEFORE_ALL = 1
"""A revision below every one that Redis gives: whatever it says stands above the archive."""
PAUSE = 1e-3
"""Seconds an item; to make a catalogue of it takes some seventieth of that."""
TELLING = ("in_stock", "hidden", "available_from", "available_until")


def off_sale(root: Path, now: float, bundle: Bundle) -> CatalogueChanges:
    """Return the items of a shop's folder that are off sale at ``now``, as changes older than all others.

    No items where the ``bundle`` was made of what the folder holds: reading costs a worker twenty megabytes for good.
    """
    path = ShopFolder(root).items
    if path.exists() and path.stat().st_mtime < datetime.fromisoformat(bundle.info.created_at).timestamp() <= now:
        return CatalogueChanges(0, {}, {})
    try:
        table = _read(path) if path.exists() else ITEMS.empty_table()
    except (OSError, pa.ArrowException) as error:
        log.error("the archive's items cannot be read", path=str(path), error=str(error))
        table = ITEMS.empty_table()
    moment = pa.scalar(datetime.fromtimestamp(now, UTC), TIME)
    why = (
        pc.invert(table["in_stock"]),
        table["hidden"],
        pc.greater(table["available_from"], moment),
        pc.less(table["available_until"], moment),
    )
    off = reduce(pc.or_, (pc.fill_null(one, False) for one in why))
    rows = table.filter(off).select(["item_id", *TELLING]).to_pylist()
    items = {row["item_id"]: {name: _said(value) for name, value in row.items() if value is not None} for row in rows}
    return CatalogueChanges(BEFORE_ALL, items, dict.fromkeys(items, BEFORE_ALL))


class ImportedItems:
    """The catalogue as files brought it, for a shop that has not trained yet."""

    def __init__(self, root: Path) -> None:
        """Have seen nothing yet of the shop's folder ``root``."""
        self._path = ShopFolder(root).items
        self._seen: int | None = None
        self._again = 0.0

    def fresh(self) -> tuple[pa.Table, str] | None:
        """Return all items, and a word that differs whenever they do; None where they are as at the last call.

        What is put is known without the file, which changes with it: after a large one it is not looked at for a while.
        """
        try:
            written = self._path.stat().st_mtime_ns
            if written == self._seen or monotonic() < self._again:
                return None
            table = pq.read_table(self._path, partitioning=None)
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            log.error("the archive's items cannot be read", path=str(self._path), error=str(error))
            return None
        self._seen, self._again = written, monotonic() + len(table) * PAUSE
        return table, str(written)


def _read(path: Path) -> pa.Table:
    known = pq.read_schema(path).names
    columns = [name for name in ("item_id", *TELLING) if name in known]
    # Threads would each keep memory of their own for good.
    return conform(pq.read_table(path, partitioning=None, columns=columns, use_threads=False), ITEMS)


def _said(value: Any) -> Any:
    """Return a cell as a change of the catalogue says it."""
    return value.isoformat() if isinstance(value, datetime) else value

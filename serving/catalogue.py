"""Look-up and change of the catalogue; a change is obeyed from the next request on, by every worker."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from recommender.catalogue import Catalogue
from recommender.errors import NotFound, Unavailable
from recommender.times import rfc3339
from recommender.values import EARLIEST
from serving.services import Services
from serving.snapshot import Snapshot


def get_item(services: Services, item_id: str) -> dict[str, Any]:
    """Return all that is known of an item; raises NotFound."""
    snapshot = _latest(services)
    row = snapshot.row_of(item_id)
    if row < 0:
        raise NotFound("item", item_id)
    return describe(snapshot.bundle.catalogue, row)


def put_items(services: Services, items: Sequence[Mapping[str, Any]]) -> int:
    """Change the given fields of each item, or add it; returns the catalogue's revision. Raises Unavailable.

    An item that nobody knows is new now, for every worker and for training.
    """
    snapshot = _latest(services)
    born = {"first_seen": rfc3339(int(services.clock()))}
    revision = services.catalogue.put(
        [{**born, **one} if snapshot.row_of(one["item_id"]) < 0 else one for one in items]
    )
    services.snapshots.at_least(revision)
    return revision


def list_items(services: Services, limit: int, after: str | None, condition: str | None) -> dict[str, Any]:
    """Return a page of items by id, in the order of their UTF-8 bytes; ``next`` is the ``after`` of the next page."""
    snapshot = _latest(services)
    catalogue = snapshot.bundle.catalogue
    wanted = np.ones(len(catalogue), np.bool_) if condition is None else snapshot.mask(condition)
    rows = catalogue.items.following(after, wanted, limit + 1)
    page = [describe(catalogue, row) for row in rows[:limit]]
    return {"items": page, "next": page[-1]["item_id"] if len(rows) > limit else None}


def describe(catalogue: Catalogue, row: int) -> dict[str, Any]:
    """Return an item's columns as the shop gave them, and whether it is on sale."""
    return {
        "item_id": catalogue.items[row],
        **orjson.loads(catalogue.properties[row] or "{}"),
        "in_stock": bool(catalogue.in_stock[row]),
        "hidden": bool(catalogue.hidden[row]),
        "first_seen": None if catalogue.first_seen[row] == EARLIEST else rfc3339(int(catalogue.first_seen[row])),
    }


def _latest(services: Services) -> Snapshot:
    """Return the snapshot with every change of the catalogue, or as it is while Redis is down."""
    try:
        return services.snapshots.at_least(services.catalogue.revision())
    except Unavailable:
        return services.snapshots.current

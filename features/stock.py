"""A bundle over a catalogue that changed after training."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recommender.bundle import Bundle


def updated(bundle: Bundle, items: Sequence[Mapping[str, Any]], now: int) -> Bundle:
    """Return the bundle with the given fields of ``items`` changed."""
    catalogue = bundle.catalogue
    rows = [(catalogue.items.row(item["item_id"]), item) for item in items]
    columns = {name: np.array(getattr(catalogue, name)) for name in ("in_stock", "hidden", "price", "list_price")}
    for row, item in rows:
        for name, column in columns.items():
            if row >= 0 and name in item:
                column[row] = item[name]
    return replace(bundle, catalogue=replace(catalogue, **columns))

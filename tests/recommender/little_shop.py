"""A catalogue written out item by item, for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from recommender.catalogue import Catalogue, Coded
from recommender.ids import IdMap, Texts
from recommender.values import EARLIEST, LATEST

NUMBERS, TEXTS = ("weight",), ("pack size",)


def catalogue(items: Sequence[Mapping[str, Any]]) -> Catalogue:
    """Return items given as in a shop's file, in the order of their ids; what is left out is missing."""
    rows = sorted(items, key=lambda item: item["item_id"].encode())

    def numbers(name: str) -> np.ndarray:
        return np.array([np.nan if row.get(name) is None else row[name] for row in rows], np.float32)

    def texts(values: Sequence[str | None]) -> Coded:
        names = IdMap.of(value for value in values if value is not None)
        return Coded(np.array([-1 if value is None else names.row(value) for value in values], np.int32), names)

    def times(name: str, missing: int) -> np.ndarray:
        return np.array([row.get(name, missing) for row in rows], np.int64)

    def flags(name: str, default: bool) -> np.ndarray:
        return np.array([row.get(name, default) for row in rows], np.bool_)

    names = IdMap.of(f"tag:{tag}" for row in rows for tag in row.get("tags", ()))
    tags = csr_array((len(rows), len(names)), dtype=np.float32).tolil()
    for at, row in enumerate(rows):
        for tag in row.get("tags", ()):
            tags[at, names.row(f"tag:{tag}")] = 1.0
    return Catalogue(
        items=IdMap.of(row["item_id"] for row in rows),
        price=numbers("price"),
        list_price=numbers("list_price"),
        in_stock=flags("in_stock", True),
        hidden=flags("hidden", False),
        available_from=times("available_from", EARLIEST),
        available_until=times("available_until", LATEST),
        first_seen=times("first_seen", EARLIEST),
        category=texts([row.get("category") for row in rows]),
        category_top=texts([row["category"].split(" > ")[0] if row.get("category") else None for row in rows]),
        brand=texts([row.get("brand") for row in rows]),
        tags=csr_array(tags.tocsr()),
        tag_names=names,
        numbers={name: numbers(name) for name in NUMBERS},
        texts={name: texts([row.get(name) for row in rows]) for name in TEXTS},
        properties=Texts.of("{}" for _ in rows),
    )

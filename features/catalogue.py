"""Turns the table of items into the catalogue's arrays."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.arrow_arrays import coded, flags, flat, id_map, is_numeric, numbers, rows, seconds, texts
from features.sql import connect, literal
from features.tables import ITEMS
from features.tags import category_path, item_tags
from recommender.catalogue import LEVEL, Catalogue
from recommender.config import ContentSettings
from recommender.ids import Texts
from recommender.values import EARLIEST, LATEST

STATE = ("in_stock", "hidden", "first_seen")
"""Columns that are told by arrays alone, so no part of an item's properties."""


def build_catalogue(
    table: pa.Table, items: pa.Array, first_seen: NDArray[np.int64], settings: ContentSettings
) -> Catalogue:
    """Return the catalogue of ``items`` (distinct, sorted); an item that the table lacks is in stock and nothing else.

    ``first_seen`` (N,) holds each item's first event. An item came at its ``available_from``, else at the earlier
    of its first event and what the table says in ``first_seen``.
    """
    at = rows(items, flat(table["item_id"]))
    table = table.drop_columns("item_id").take(pa.array(at, mask=at < 0)).append_column("item_id", items)
    attributes = {name: flat(table[name]) for name in table.column_names if name not in ITEMS.names}
    numeric = {name: column for name, column in attributes.items() if is_numeric(column)}
    textual = {name: column for name, column in attributes.items() if name not in numeric}
    path = category_path(table["category"])
    table = table.set_column(table.column_names.index("category"), "category", path)
    tags, tag_names = item_tags(table, textual, settings)
    available_from = seconds(table["available_from"], missing=EARLIEST)
    told = seconds(table["first_seen"], missing=LATEST)
    known = np.minimum(told, np.where(first_seen == EARLIEST, LATEST, first_seen))
    first_seen = np.where(known == LATEST, EARLIEST, known)
    return Catalogue(
        items=id_map(items),
        price=numbers(table["price"]),
        list_price=numbers(table["list_price"]),
        in_stock=flags(table["in_stock"], missing=True),
        hidden=flags(table["hidden"], missing=False),
        available_from=available_from,
        available_until=seconds(table["available_until"], missing=LATEST),
        first_seen=np.where(available_from == EARLIEST, first_seen, available_from),
        category=coded(path),
        category_top=coded(pc.list_element(pc.split_pattern(path, LEVEL), 0)),
        brand=coded(table["brand"]),
        tags=tags,
        tag_names=tag_names,
        numbers={name: numbers(column) for name, column in numeric.items()},
        texts={name: coded(column) for name, column in textual.items()},
        properties=properties(table, numeric),
    )


def properties(table: pa.Table, numeric: Mapping[str, pa.Array]) -> Texts:
    """Return each item's JSON object of the columns that the shop gave; money stays the text that it wrote."""
    shown = [name for name in table.column_names if name not in STATE and table[name].null_count < len(table)]
    # To SQL ``Size`` and ``size`` are one name, so columns go by their places there.
    place = {name: f"c{at}" for at, name in enumerate(table.column_names)}
    cells = ", ".join(f"{literal(name)}, {_json(name, place, table, numeric)}" for name in shown if name != "item_id")
    if not cells:
        return Texts.of(["{}"] * len(table))
    with connect() as connection:
        numbered = table.rename_columns(list(place.values())).append_column("turn", pa.array(np.arange(len(table))))
        connection.register("item", numbered)
        query = f"SELECT CAST(json_merge_patch('{{}}', json_object({cells})) AS VARCHAR) FROM item ORDER BY turn"
        return texts(connection.sql(query).to_arrow_table().column(0))


def _json(name: str, place: Mapping[str, str], table: pa.Table, numeric: Mapping[str, pa.Array]) -> str:
    column = place[name]
    if pa.types.is_timestamp(table.schema.field(name).type):
        return f"strftime({column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
    return f"CAST({column} AS JSON)" if name in numeric else column

"""Tags of items that a shop added or changed since training, weighted like those of the whole catalogue."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.catalogue import STATE
from features.sparse_rows import replace_rows
from features.tables import ITEMS, conform
from features.tags import entries_of, rarity, unit_rows
from recommender.catalogue import Catalogue
from recommender.config import ContentSettings
from recommender.ids import GrownIdMap, IdMap

UNTOLD = frozenset({"item_id", "price", "list_price", "available_from", "available_until", "image_url", "url", *STATE})
"""Columns from which no tag is made."""

_OPEN = ("word:", "price_band:")
"""Kinds of tags that only training adds: one item is no reason for a new word, and a band needs the others' prices."""


def tags_with(
    catalogue: Catalogue,
    rows: NDArray[np.intp],
    whole: Sequence[Mapping[str, Any]],
    size: int,
    numeric: Set[str],
    settings: ContentSettings,
) -> tuple[csr_array, IdMap]:
    """Return (size × T) weights and the T names, the items of ``rows`` having become ``whole``.

    A declared tag, category, brand or attribute that nobody had is a name from here on; a ``numeric`` one is none.
    """
    if not len(rows) and size == len(catalogue):
        return catalogue.tags, catalogue.tag_names
    row, tags = _named_tags(whole, numeric, settings)
    row, tags = _with_bands(catalogue, rows, row, tags)
    names = GrownIdMap.grow(catalogue.tag_names, [tag for tag in tags if not tag.startswith(_OPEN)])
    code = np.array([names.row(tag) for tag in tags], np.int64)
    fresh = _weights(catalogue.tags, row[code >= 0], code[code >= 0], (len(whole), len(names)))
    return replace_rows(catalogue.tags, rows, fresh, (size, len(names))), names


def _named_tags(
    whole: Sequence[Mapping[str, Any]], numeric: Set[str], settings: ContentSettings
) -> tuple[NDArray[np.int64], list[str]]:
    table = _table(whole)
    attributes = {
        name: table[name].combine_chunks()
        for name in table.column_names
        if name not in ITEMS.names and name not in numeric
    }
    entries = [e for kind, e in entries_of(table, attributes, settings) if kind != "price_band"]
    row = np.concatenate([entry.row for entry in entries]).astype(np.int64)
    return row, [name for entry in entries for name in entry.name.to_pylist()]


def _table(whole: Sequence[Mapping[str, Any]]) -> pa.Table:
    attributes = {name for fields in whole for name in fields if name not in ITEMS.names}
    texts: dict[str, Iterable[Any]] = {name: [_text(fields.get(name)) for fields in whole] for name in attributes}
    for name in ("title", "description", "category", "brand"):
        texts[name] = [fields.get(name) for fields in whole]
    columns = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    tags = pa.array([fields.get("tags") for fields in whole], ITEMS.field("tags").type)
    return conform(pa.table({"tags": tags, **columns}), ITEMS)


def attribute_text(value: Any) -> str:
    """Return an attribute's value as text: lists joined by ``|``, booleans in lower case."""
    if isinstance(value, list):
        return "|".join(attribute_text(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: Any) -> str | None:
    return None if value is None else attribute_text(value)


def _with_bands(
    catalogue: Catalogue, rows: NDArray[np.intp], row: NDArray[np.int64], tags: list[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the entries with the price bands that known items among ``rows`` had: those wait for training."""
    bands = catalogue.tag_names.starting("price_band:")
    known = np.flatnonzero(rows < len(catalogue))
    held = catalogue.tags[rows[known]].tocoo()
    at = np.flatnonzero(np.isin(held.col, bands))
    names = [catalogue.tag_names[code] for code in held.col[at].tolist()]
    return np.concatenate([row, known[held.row[at]]]), [*tags, *names]


def _weights(tags: csr_array, row: NDArray[np.int64], code: NDArray[np.int64], shape: tuple[int, int]) -> csr_array:
    """Return the rows' TF-IDF weights, the inverse document frequencies being those of the whole catalogue."""
    idf = rarity(np.bincount(tags.indices, minlength=shape[1]), tags.shape[0])
    present = csr_array((np.ones(len(row), np.float32), (row, code)), shape=shape)
    present.sum_duplicates()
    present.data = idf[present.indices]
    return unit_rows(present)

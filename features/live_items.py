"""Items that a shop added or changed since training, as rows of the catalogue that models were fitted on.

Arrays are copied, texts and ids get an overlay, and only tag rows that change are worked out again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from features.arrow_arrays import LARGEST
from features.catalogue import STATE
from features.live_tags import UNTOLD, attribute_text, tags_with
from features.tables import ITEMS
from features.tags import category_path
from recommender.catalogue import LEVEL, Catalogue, Coded
from recommender.config import ContentSettings
from recommender.ids import ChangedTexts, GrownIdMap, IdMap
from recommender.times import seconds
from recommender.values import EARLIEST, LATEST

Fields = Mapping[str, Any]
"""An item's columns as FORMATS names them, as JSON gives them; null takes a value away."""

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What changes, a row an item; those of new items lie beyond the catalogue's."""

    items: IdMap
    rows: NDArray[np.intp]
    given: tuple[Fields, ...]
    """What was given for each of ``rows``."""
    whole: tuple[Fields, ...]
    """Everything that is known of each of ``rows`` after the change."""

    def values(self, name: str) -> tuple[NDArray[np.intp], list[Any]]:
        """Return the rows for which ``name`` was given, and what."""
        at = [i for i, fields in enumerate(self.given) if name in fields]
        return self.rows[at], [self.given[i][name] for i in at]


def with_items(catalogue: Catalogue, items: Sequence[Fields], settings: ContentSettings, now: int) -> Catalogue:
    """Return the catalogue with ``items`` changed or added; of several changes of one item the later wins, key by key.

    A new item came at its ``available_from``, else its ``first_seen``, else at ``now`` (seconds since 1970). Rows of
    known items stay theirs.
    """
    change = _change(catalogue, items)
    size = len(change.items)
    told = np.array([not UNTOLD.issuperset(fields) for fields in change.given], np.bool_)
    whole = [fields for fields, tells in zip(change.whole, told, strict=True) if tells]
    numbers = _numbers(catalogue, change, size)
    tags, tag_names = tags_with(catalogue, change.rows[told], whole, size, numbers.keys(), settings)
    available_from = _column(catalogue.available_from, size, EARLIEST, change, "available_from", _seconds)
    return replace(
        catalogue,
        items=change.items,
        price=_column(catalogue.price, size, np.nan, change, "price", number),
        list_price=_column(catalogue.list_price, size, np.nan, change, "list_price", number),
        in_stock=_column(catalogue.in_stock, size, True, change, "in_stock", bool),
        hidden=_column(catalogue.hidden, size, False, change, "hidden", bool),
        available_from=available_from,
        available_until=_column(catalogue.available_until, size, LATEST, change, "available_until", _seconds),
        first_seen=_first_seen(catalogue, change, available_from, now),
        category=_coded(catalogue.category, size, change, "category", _path),
        category_top=_coded(catalogue.category_top, size, change, "category", _top),
        brand=_coded(catalogue.brand, size, change, "brand", str),
        tags=tags,
        tag_names=tag_names,
        numbers=numbers,
        texts=_texts(catalogue, change, size),
        properties=ChangedTexts.change(catalogue.properties, _properties(change), size),
    )


def number(value: Any) -> float:
    """Return a number or decimal text as a float that float32 can hold, NaN where it is neither."""
    try:
        return float(np.clip(float(value), -LARGEST, LARGEST))
    except (TypeError, ValueError):
        return float("nan")


def _seconds(value: Any) -> int:
    """Return RFC 3339 text, or seconds since 1970, as seconds."""
    return int(value) if isinstance(value, int | float) else seconds(value)


def _change(catalogue: Catalogue, items: Sequence[Fields]) -> Change:
    given: dict[str, dict[str, Any]] = {}
    for item in items:
        given.setdefault(item["item_id"], {}).update(item)
    ids = GrownIdMap.grow(catalogue.items, given)
    rows = np.array([ids.row(one) for one in given], np.intp)
    known = [_known(catalogue, row) for row in rows.tolist()]
    whole = [_without_nulls({**old, **new}) for old, new in zip(known, given.values(), strict=True)]
    return Change(ids, rows, tuple(given.values()), tuple(whole))


def _known(catalogue: Catalogue, row: int) -> Fields:
    return orjson.loads(catalogue.properties[row] or "{}") if row < len(catalogue) else {}


def _without_nulls(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _properties(change: Change) -> dict[int, str]:
    shown = [{n: v for n, v in fields.items() if n not in (*STATE, "item_id")} for fields in change.whole]
    return {row: orjson.dumps(f).decode() for row, f in zip(change.rows.tolist(), shown, strict=True)}


def _column(
    column: NDArray[_Number], size: int, missing: Any, change: Change, name: str, read: Any
) -> NDArray[_Number]:
    """Return the column with the values given under ``name``; what is not given of a new item is ``missing``."""
    rows, values = change.values(name)
    if size == len(column) and not len(rows):
        return column
    grown = np.full(size, missing, column.dtype)
    grown[: len(column)] = column
    grown[rows] = [missing if value is None else read(value) for value in values]
    return grown


def _first_seen(catalogue: Catalogue, change: Change, available_from: NDArray[np.int64], now: int) -> NDArray[np.int64]:
    """Return (N,) when each item was new; what has been out stays as old as it is, whenever it is to come back."""
    first = np.concatenate([catalogue.first_seen, np.full(len(change.items) - len(catalogue), now, np.int64)])
    rows, told = change.values("first_seen")
    first[rows] = [before if one is None else _seconds(one) for one, before in zip(told, first[rows], strict=True)]
    rows, _ = change.values("available_from")
    out = (rows < len(catalogue)) & (first[rows] != EARLIEST) & (first[rows] <= now)
    first[rows] = np.where((available_from[rows] == EARLIEST) | out, first[rows], available_from[rows])
    return first


def _path(value: str) -> str | None:
    path: str | None = category_path(pa.array([value]))[0].as_py()
    return path


def _top(value: str) -> str | None:
    path = _path(value)
    return path.split(LEVEL)[0] if path else None


def _coded(column: Coded, size: int, change: Change, name: str, read: Any) -> Coded:
    rows, given = change.values(name)
    values = [None if value is None else read(value) for value in given]
    names = GrownIdMap.grow(column.names, [value for value in values if value is not None])
    code = np.full(size, -1, np.int32)
    code[: len(column.code)] = column.code
    code[rows] = [-1 if value is None else names.row(value) for value in values]
    return Coded(code, names)


def _attributes(change: Change) -> dict[str, bool]:
    """Return the attributes that were given, and of each whether all its values are numbers."""
    given = {name for fields in change.given for name in fields if name not in ITEMS.names}
    values = {name: [value for value in change.values(name)[1] if value is not None] for name in sorted(given)}
    return {
        name: all(isinstance(v, int | float) and not isinstance(v, bool) for v in values[name])
        for name in values
        if values[name]
    }


def _numbers(catalogue: Catalogue, change: Change, size: int) -> dict[str, NDArray[np.float32]]:
    """Return the number columns; an attribute that no item had is one if it is given as numbers."""
    fresh = {name for name, numeric in _attributes(change).items() if numeric and name not in catalogue.texts}
    nothing = np.zeros(0, np.float32)
    return {
        name: _column(catalogue.numbers.get(name, nothing), size, np.nan, change, name, number)
        for name in sorted(fresh | set(catalogue.numbers))
    }


def _texts(catalogue: Catalogue, change: Change, size: int) -> dict[str, Coded]:
    fresh = {name for name, numeric in _attributes(change).items() if not numeric and name not in catalogue.numbers}
    nothing = Coded(np.zeros(0, np.int32), IdMap.of([]))
    return {
        name: _coded(catalogue.texts.get(name, nothing), size, change, name, attribute_text)
        for name in sorted(fresh | set(catalogue.texts))
    }

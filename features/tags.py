"""The item × tag matrix: TF-IDF of declared tags, category levels, brand, words, price bands and attributes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.arrow_arrays import distinct, flat, id_map, listed, numbers, rows
from features.text import words
from recommender import pairs
from recommender.catalogue import LEVEL
from recommender.config import ContentSettings
from recommender.ids import IdMap

_FEW = 10
"""A word on no more items than this is never too common."""
_LONGEST_VALUE = 64
"""Longer attribute values are prose, not tags."""
_BANDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Tags before they are counted: item ``row[i]`` has the tag ``name[i]``, its kind in front."""

    row: NDArray[np.int32]
    name: pa.Array


def item_tags(
    items: pa.Table, attributes: Mapping[str, pa.Array], settings: ContentSettings
) -> tuple[csr_array, IdMap]:
    """Return the (N × T) weights and the T names; rows have length 1, or 0 where an item has no tag at all.

    Weight: inverse document frequency ln(1 + N / items with the tag). Words and attribute values that stand on one
    item only are left out, and words on more than ``settings.max_share`` of the items: they are this shop's stop words.
    """
    size = len(items)
    parts = [_pruned(entries, size, kind, settings) for kind, entries in entries_of(items, attributes, settings)]
    names = distinct(*(part.name for part in parts)) if parts else pa.array([], pa.large_string())
    row = np.concatenate([part.row for part in parts] or [np.zeros(0, np.int32)])
    code = np.concatenate([rows(part.name, names) for part in parts] or [np.zeros(0, np.int32)])
    return weighted(row, code, (size, len(names))), id_map(names)


def weighted(row: NDArray[np.int32], code: NDArray[np.int32], shape: tuple[int, int]) -> csr_array:
    """Return the TF-IDF matrix of distinct (item, tag) pairs; repeats count once."""
    present = csr_array((np.ones(len(row), np.float32), (row, code)), shape=shape)
    present.sum_duplicates()
    present.data = rarity(np.bincount(present.indices, minlength=shape[1]), shape[0])[present.indices]
    return unit_rows(present)


def rarity(frequency: NDArray[np.integer], items: int) -> NDArray[np.float32]:
    """Return (T,) inverse document frequencies of tags that ``frequency`` (T,) of the items carry."""
    return np.asarray(np.log1p(max(items, 1) / np.maximum(frequency, 1)), np.float32)


def unit_rows(matrix: csr_array) -> csr_array:
    """Return the matrix with every row that is not empty scaled to length 1."""
    row = pairs.rows(matrix)
    length = np.sqrt(np.bincount(row, matrix.data.astype(np.float64) ** 2, minlength=matrix.shape[0]))
    data = (matrix.data / np.where(length > 0, length, 1)[row]).astype(np.float32)
    return csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def entries_of(
    items: pa.Table, attributes: Mapping[str, pa.Array], settings: ContentSettings
) -> Iterator[tuple[str, Entries]]:
    """Yield the entries of every kind: tag, category, brand, price_band, attribute, word."""
    yield "tag", _named("tag:", *listed(items["tags"]))
    yield "category", _named("category:", *category_levels(items["category"]))
    yield "brand", _named("brand:", *_present(items["brand"]))
    yield "price_band", _price_bands(items)
    for name, column in sorted(attributes.items()):
        yield "attribute", _named(f"attribute:{name}=", *_values(column))
    if settings.words:
        yield "word", _named("word:", *words(items["title"]))
        yield "word", _named("word:", *words(items["description"]))


def category_path(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return category paths written one way: ``A > B > C``; null where there is no level."""
    text = pc.replace_substring_regex(flat(column).cast(pa.string()), r"\s*>[\s>]*", LEVEL)
    text = pc.utf8_trim(text, " >")
    return pc.if_else(pc.equal(text, ""), None, text)


def category_levels(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Return every level of every path, as the path down to it: the row of each, and the path."""
    path = category_path(column)
    names = distinct(path)
    row, code = _where(rows(path, names))
    levels = [
        LEVEL.join(parts[: depth + 1])
        for parts in (n.split(LEVEL) for n in names.to_pylist())
        for depth in range(len(parts))
    ]
    depths = np.asarray(pc.add(pc.count_substring(names, LEVEL), 1).to_numpy(zero_copy_only=False), np.int64)
    start = np.concatenate([[0], np.cumsum(depths)])
    many = depths[code]
    at = pairs.spans(start[code], many)
    return np.repeat(row, many), pa.array(levels, pa.large_string()).take(pa.array(at))


def _where(code: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    row = np.flatnonzero(code >= 0).astype(np.int32)
    return row, code[row]


def _present(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    text = flat(column)
    valid = np.asarray(text.is_valid().to_numpy(zero_copy_only=False))
    return np.flatnonzero(valid).astype(np.int32), pc.drop_null(text)


def _values(column: pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Return an attribute's values; ``|`` separates several of one item."""
    at, text = _present(column)
    row, value = listed(pc.split_pattern(text.cast(pa.string()), "|"))
    value = pc.utf8_trim_whitespace(value)
    keep = pc.and_(pc.greater(pc.utf8_length(value), 0), pc.less_equal(pc.utf8_length(value), _LONGEST_VALUE))
    return at[row][np.asarray(keep.to_numpy(zero_copy_only=False), np.bool_)], value.filter(keep)


def _named(prefix: str, row: NDArray[np.int32], text: pa.Array) -> Entries:
    front, nothing = pa.scalar(prefix, pa.large_string()), pa.scalar("", pa.large_string())
    return Entries(row, pc.binary_join_element_wise(front, text.cast(pa.large_string()), nothing))


def _price_bands(items: pa.Table) -> Entries:
    """Return each priced item's fifth (1 cheapest) among the items of its top category."""
    price = numbers(items["price"])
    top = pc.list_element(pc.split_pattern(pc.fill_null(category_path(items["category"]), ""), LEVEL), 0)
    row = np.flatnonzero(np.isfinite(price)).astype(np.int32)
    group = rows(top, distinct(top))[row]
    band = price_band(price[row], group)
    return _named("price_band:", row, pa.array(band.astype(str)) if len(row) else pa.array([], pa.string()))


def price_band(price: NDArray[np.float32], group: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the fifth, from 1 to 5, that each price falls into within its group; equal prices share one."""
    order = np.lexsort((price, group))
    first = np.r_[True, (np.diff(group[order]) != 0)][: len(order)]
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    size = np.bincount(group, minlength=1)[group[order]]
    tied = np.r_[True, first[1:] | (np.diff(price[order]) != 0)][: len(order)]
    rank = np.maximum.accumulate(np.where(tied, np.arange(len(order)), 0)) - start
    band = np.empty(len(order), np.int64)
    band[order] = 1 + rank * _BANDS // size
    return band


def _pruned(entries: Entries, size: int, kind: str, settings: ContentSettings) -> Entries:
    """Return the entries without values that cannot match anything, or match nearly everything."""
    if kind not in ("word", "attribute"):
        return entries
    names = distinct(entries.name)
    code = rows(entries.name, names)
    distinct_pairs = np.unique(pairs.keys(entries.row, code, len(names)))
    frequency = np.bincount(distinct_pairs % max(len(names), 1), minlength=len(names))
    most = max(settings.max_share * size, _FEW) if kind == "word" else size
    keep = ((frequency > 1) & (frequency <= most))[code]
    return Entries(entries.row[keep], entries.name.filter(pa.array(keep)))


def tag_rows(tags: Sequence[str], names: IdMap) -> NDArray[np.int32]:
    """Return (n,) the row of each tag among the ``names``: of its spelling, else of another case, else −1."""
    found = np.array([names.row(f"tag:{tag}") for tag in tags], np.int32)
    missed = np.flatnonzero(found < 0)
    if len(missed):
        asked = pa.array([f"tag:{tags[at]}" for at in missed.tolist()], pa.large_string())
        found[missed] = rows(pc.utf8_lower(asked), pc.utf8_lower(names.arrow()))
    return found

"""The catalogue's columns by the names and kinds that a filter knows them by."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from recommender.catalogue import Catalogue, Coded
from recommender.values import EARLIEST, LATEST


@dataclass(frozen=True, slots=True, eq=False)
class Flag:
    """A column that is true or false for every item."""

    holds: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A column of numbers; NaN where missing."""

    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Time:
    """A column of times in seconds since 1970; the int64 ``missing`` where there is none."""

    values: NDArray[np.int64]
    missing: int

    @property
    def known(self) -> NDArray[np.bool_]:
        """Return (N,) where there is a time."""
        return np.asarray(self.values != self.missing)


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A column of texts; of a ``path`` also what lies below it counts as equal."""

    column: Coded
    path: bool = False

    def among(self, values: Iterable[str], wanted: bool) -> NDArray[np.bool_]:
        """Return (N,) where "is the text one of ``values``?" is answered ``wanted``; a missing text answers nothing."""
        names = self.column.names
        chosen = np.zeros(len(names) + 1, np.bool_)
        for value in values:
            chosen[names.row(value)] = True
            if self.path:
                chosen[self.column.rows_under(value)] = True
        return self._chosen(chosen, wanted)

    def like(self, pattern: str, wanted: bool, *, fold: bool) -> NDArray[np.bool_]:
        """Return as ``among`` does, for "is the text like ``pattern``?"; ``%`` stands for any characters.

        With ``fold``, upper and lower case are the same.
        """
        plain = pattern.replace("\\", "\\\\").replace("_", "\\_")
        found = pc.match_like(self.column.names.arrow(), plain, ignore_case=fold)
        return self._chosen(np.append(found.to_numpy(zero_copy_only=False), False), wanted)

    def _chosen(self, chosen: NDArray[np.bool_], wanted: bool) -> NDArray[np.bool_]:
        answer = chosen == wanted
        answer[-1] = False
        return np.asarray(answer[self.column.code])


@dataclass(frozen=True, slots=True, eq=False)
class Tags:
    """The declared tags of every item."""

    catalogue: Catalogue

    def having(self, tag: str) -> NDArray[np.bool_]:
        """Return (N,) which items carry ``tag``; a tag that no item carries is on none."""
        names, tags = self.catalogue.tag_names, self.catalogue.tags
        row = names.row(f"tag:{tag}")
        having = np.zeros(len(self.catalogue), np.bool_)
        if row >= 0:
            at = np.flatnonzero(tags.indices == row)
            having[np.searchsorted(tags.indptr, at, side="right") - 1] = True
        return having


@dataclass(frozen=True, slots=True, eq=False)
class OwnTags:
    """The tags of the customer who asks: the same for every item."""

    names: Collection[str]
    items: int

    def having(self, tag: str) -> NDArray[np.bool_]:
        """Return (N,) whether the customer has ``tag``."""
        return np.full(self.items, tag in self.names)

    def shared(self, tags: Tags) -> NDArray[np.bool_]:
        """Return (N,) which items carry a tag that the customer has."""
        return reduce(np.logical_or, map(tags.having, self.names), np.zeros(self.items, np.bool_))


OWN_TAGS = "customer_tags"
Column = Flag | Number | Time | Text | Tags | OwnTags

_COLUMNS: dict[str, Callable[[Catalogue], Column]] = {
    "item_id": lambda c: Text(Coded(np.arange(len(c), dtype=np.int32), c.items)),
    "category": lambda c: Text(c.category, path=True),
    "brand": lambda c: Text(c.brand),
    "tags": Tags,
    "price": lambda c: Number(c.price),
    "list_price": lambda c: Number(c.list_price),
    "discount": lambda c: Number(_discount(c)),
    "in_stock": lambda c: Flag(c.in_stock),
    "hidden": lambda c: Flag(c.hidden),
    "available_from": lambda c: Time(c.available_from, EARLIEST),
    "available_until": lambda c: Time(c.available_until, LATEST),
    "first_seen": lambda c: Time(c.first_seen, EARLIEST),
}


def column(catalogue: Catalogue, name: str) -> Column | None:
    """Return the column of that name, or None; the shop's own columns are attributes, numbers or text."""
    if name in _COLUMNS:
        return _COLUMNS[name](catalogue)
    if name in catalogue.numbers:
        return Number(catalogue.numbers[name])
    return Text(catalogue.texts[name]) if name in catalogue.texts else None


def nearest(catalogue: Catalogue, name: str) -> str | None:
    """Return the column whose name is most like ``name``, or None if none is."""
    known = {known.lower(): known for known in (*_COLUMNS, OWN_TAGS, *catalogue.numbers, *catalogue.texts)}
    close = get_close_matches(name.lower(), known, n=1)
    return known[close[0]] if close else None


def _discount(catalogue: Catalogue) -> NDArray[np.float32]:
    """Return (N,) the share of the list price that is saved; NaN where a price is missing or the list price is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - catalogue.price / catalogue.list_price
    return np.where(np.isfinite(share), share, np.float32(np.nan))

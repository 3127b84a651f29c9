"""What a filter may ask about: columns by name and kind, and those of the catalogue."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from typing import Protocol

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.catalogue import Catalogue, Coded
from recommender.ids import IdMap
from recommender.values import EARLIEST, LATEST


@dataclass(frozen=True, slots=True, eq=False)
class Flag:
    """A column that is true or false for every row."""

    holds: NDArray[np.bool_]
    untold: NDArray[np.bool_] | None = None
    """(N,) where nobody said, and it does not hold; None where everything is said."""


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
    numbers: NDArray[np.float32] | None = None
    """(N,) the numbers that the texts spell, NaN where missing; None where they do not all spell one."""

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
    """The tags of every row."""

    table: csr_array
    """(N × T) with an entry for each tag there is."""
    names: IdMap
    """``tag:`` and its name, of each of the T that is a tag."""

    def having(self, tag: str) -> NDArray[np.bool_]:
        """Return (N,) which rows carry ``tag``; a tag that none carries is on none."""
        row = self.names.row(f"tag:{tag}")
        having = np.zeros(self.table.shape[0], np.bool_)
        if row >= 0:
            at = np.flatnonzero(self.table.indices == row)
            having[np.searchsorted(self.table.indptr, at, side="right") - 1] = True
        return having


def item_tags(catalogue: Catalogue) -> Tags:
    """Return the declared tags of every item."""
    return Tags(catalogue.tags, catalogue.tag_names)


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
    "tags": item_tags,
    "price": lambda c: Number(c.price),
    "list_price": lambda c: Number(c.list_price),
    "discount": lambda c: Number(_discount(c)),
    "in_stock": lambda c: Flag(c.in_stock),
    "hidden": lambda c: Flag(c.hidden),
    "available_from": lambda c: Time(c.available_from, EARLIEST),
    "available_until": lambda c: Time(c.available_until, LATEST),
    "first_seen": lambda c: Time(c.first_seen, EARLIEST),
}


class Columns(Protocol):
    """N rows that an expression may ask about."""

    def __len__(self) -> int:
        """Return N."""

    def names(self) -> Iterable[str]:
        """Return the name of every column."""

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemColumns:
    """The catalogue, and the tags of the customer who asks; the shop's own columns are attributes, numbers or text."""

    catalogue: Catalogue
    own: Collection[str] = ()

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.catalogue)

    def names(self) -> Iterable[str]:
        """Return the name of every column."""
        return (*_COLUMNS, OWN_TAGS, *self.catalogue.numbers, *self.catalogue.texts)

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        if name in _COLUMNS:
            return _COLUMNS[name](self.catalogue)
        if name == OWN_TAGS:
            return OwnTags(self.own, len(self.catalogue))
        if name in self.catalogue.numbers:
            return Number(self.catalogue.numbers[name])
        return Text(self.catalogue.texts[name]) if name in self.catalogue.texts else None


def nearest(columns: Columns, name: str) -> str | None:
    """Return the column whose name is most like ``name``, or None if none is."""
    known = {known.lower(): known for known in columns.names()}
    close = get_close_matches(name.lower(), known, n=1)
    return known[close[0]] if close else None


def _discount(catalogue: Catalogue) -> NDArray[np.float32]:
    """Return (N,) the share of the list price that is saved; NaN where a price is missing or the list price is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - catalogue.price / catalogue.list_price
    return np.where(np.isfinite(share), share, np.float32(np.nan))

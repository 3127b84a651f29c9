"""What can be recommended: one row an item, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.ids import IdMap, Texts

LEVEL = " > "
"""What stands between two levels of a category path."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A text column: ``code`` (N,) is a row of ``names``, −1 where missing."""

    code: NDArray[np.int32]
    names: IdMap

    def under(self, path: str, items: NDArray[np.integer] | slice = slice(None)) -> NDArray[np.bool_]:
        """Return which of ``items`` (rows, or all N) lie at ``path`` or below it, in a column of category paths."""
        wanted = np.zeros(len(self.names) + 1, np.bool_)
        wanted[self.rows_under(path)] = True
        return np.asarray(wanted[self.code[items]])

    def rows_under(self, path: str) -> NDArray[np.int32]:
        """Return the rows of ``names`` that are ``path`` or lie below it; blanks around ``>`` do not matter."""
        exact = LEVEL.join(level.strip() for level in path.split(">"))
        rows = np.append(self.names.starting(exact + LEVEL), np.int32(self.names.row(exact)))
        return rows[rows >= 0]


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """N items, rows in the order of ``items``."""

    items: IdMap
    price: NDArray[np.float32]
    """NaN where unknown."""
    list_price: NDArray[np.float32]
    in_stock: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    available_from: NDArray[np.int64]
    """Seconds since 1970; ``EARLIEST`` where there is no limit."""
    available_until: NDArray[np.int64]
    """Seconds since 1970; ``LATEST`` where there is no limit."""
    first_seen: NDArray[np.int64]
    """When the item was first bought, seen or on sale, seconds since 1970; ``EARLIEST`` where unknown."""
    category: Coded
    """The whole path, written ``A > B > C``."""
    category_top: Coded
    """The path's first level."""
    brand: Coded
    tags: csr_array
    """(N × T) TF-IDF weights, rows of length 1; every declared tag, category level, brand, word and attribute."""
    tag_names: IdMap
    """The T names with their kind in front.

    ``tag:camping``, ``category:Outdoor > Tents``, ``brand:Acme``, ``word:tent``, ``attribute:size=XL``.
    """
    numbers: Mapping[str, NDArray[np.float32]]
    """Attributes that are numbers, by column name; NaN where missing."""
    texts: Mapping[str, Coded]
    """Attributes that are text, by column name."""
    properties: Texts
    """What an answer shows of each item: a JSON object with the columns that the shop gave."""

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.items)

    def within_dates(
        self, now: NDArray[np.int64] | int, items: NDArray[np.integer] | slice = slice(None)
    ) -> NDArray[np.bool_]:
        """Return which of ``items`` (rows, or all N) are on sale at ``now``, in seconds, as far as their dates say.

        Several moments are a column (Q, 1), or one for each of the ``items``.
        """
        return np.asarray((self.available_from[items] <= now) & (now <= self.available_until[items]))

"""The columns of an Arrow table as a filter asks about them, each by its type."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from features.arrow_arrays import coded, distinct, flags, id_map, is_numeric, listed, numbers, rows, seconds
from recommender.filter_columns import Column, Flag, Number, Tags, Text, Time
from recommender.values import EARLIEST


@dataclass(frozen=True, eq=False)
class TableColumns:
    """A table of texts, numbers, truths, times and lists of tags; a truth that nobody told does not hold."""

    table: pa.Table
    numeric: Collection[str] = ()
    """Columns of texts that may be compared as the numbers that they spell."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.table.num_rows)

    def names(self) -> Iterable[str]:
        """Return the name of every column."""
        return list(self.table.column_names)

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return self._kinds[name] if name in self.table.column_names else None

    @cached_property
    def _kinds(self) -> dict[str, Column]:
        return {name: _kind(self.table.column(name), name in self.numeric) for name in self.table.column_names}


def numeric(table: pa.Table) -> frozenset[str]:
    """Return the columns of texts that spell numbers alone."""
    texts = (field.name for field in table.schema if pa.types.is_string(field.type))
    return frozenset(name for name in texts if is_numeric(pc.unique(table.column(name))))


def _kind(column: pa.ChunkedArray, spells_numbers: bool) -> Column:
    if pa.types.is_boolean(column.type):
        return Flag(flags(column, missing=False), np.asarray(column.is_null().to_numpy()))
    if pa.types.is_timestamp(column.type):
        return Time(seconds(column, missing=EARLIEST), EARLIEST)
    if pa.types.is_list(column.type):
        return _tags(column)
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        return Text(coded(column), numbers=numbers(column) if spells_numbers else None)
    return Number(numbers(column))


def _tags(column: pa.ChunkedArray) -> Tags:
    row, tag = listed(column)
    named = pc.binary_join_element_wise("tag:", tag.cast(pa.string()), "")
    names = distinct(named)
    cells = (np.ones(len(row), np.bool_), (row, rows(named, names)))
    return Tags(csr_array(cells, shape=(len(column), len(names))), id_map(names))

"""Brings rows about the same thing together: the first event of an id, the last word on an item or a customer."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.tables import conform


def first_of_each(events: pa.Table) -> pa.Table:
    """Return the first row of every ``event_id``, in the order in which they stand."""
    if pc.count_distinct(events["event_id"]).as_py() == len(events):
        return events
    numbered = pa.table({"event_id": events["event_id"], "at": np.arange(len(events))})
    first = numbered.group_by("event_id", use_threads=False).aggregate([("at", "min")])["at_min"]
    return events.take(np.sort(first.to_numpy()))


def upsert(parts: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return one row for each value of the first column of ``schema``, in order of first appearance.

    A later row wins cell by cell; a null leaves what an earlier row said, so that a file with fewer columns, or with
    empty cells, takes nothing away.
    """
    if not parts:
        return schema.empty_table()
    key = schema.names[0]
    every = conform(pa.concat_tables(parts, promote_options="default"), schema)
    if pc.count_distinct(every[key]).as_py() == len(every):
        return every
    codes = every[key].combine_chunks().dictionary_encode()
    group, ids = codes.indices.to_numpy(), codes.dictionary
    columns = {
        name: every[name].take(_last_said(group, every[name], len(ids))) for name in every.column_names if name != key
    }
    return conform(pa.table({key: ids, **columns}), schema)


def different(before: pa.Table, after: pa.Table) -> int:
    """Return how many rows differ in some cell; both tables have the same rows, and ``after`` has all columns."""
    differs = np.zeros(len(after), np.bool_)
    for name in after.column_names:
        new = _comparable(after[name])
        old = (
            _comparable(before[name]).cast(new.type) if name in before.column_names else pa.nulls(len(after), new.type)
        )
        same = pc.or_(pc.fill_null(pc.equal(new, old), False), pc.and_(pc.is_null(new), pc.is_null(old)))
        differs |= ~same.to_numpy(zero_copy_only=False)
    return int(differs.sum())


def _comparable(column: pa.ChunkedArray) -> pa.Array:
    """Return the column, lists of texts joined by what no text of them holds, and nothing but nulls as texts."""
    whole = column.combine_chunks()
    if pa.types.is_null(whole.type):
        return whole.cast(pa.string())
    return pc.binary_join(whole, "\x1f") if pa.types.is_list(whole.type) else whole


def _last_said(group: np.ndarray, column: pa.ChunkedArray, size: int) -> pa.Array:
    """Return, for each group, the row of its last value that is not null; null where it has none."""
    said = np.flatnonzero(column.is_valid().to_numpy())
    last = np.full(size, -1, np.int64)
    last[group[said]] = said  # of several assignments to one place numpy keeps the last
    return pa.array(last, mask=last < 0)

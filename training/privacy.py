"""What customers decided, applied to what the log holds: visitors who turned out to be customers, and erasures."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import flat, milliseconds, rows
from recommender.values import LATEST

_LONGEST_CHAIN = 8
"""A visitor may be merged into another who is merged in turn; longer chains are loops."""


def with_merges(table: pa.Table, merges: pa.Table) -> pa.Table:
    """Return the rows of merged visitors as rows of their customers; ``merges`` has visitor_id and user_id."""
    visitors, customers = flat(merges["visitor_id"]), flat(merges["user_id"])
    users = flat(table["user_id"])
    for _ in range(_LONGEST_CHAIN):
        at = rows(users, visitors)
        if not len(visitors) or (at < 0).all():
            break
        users = pc.coalesce(customers.take(pa.array(at, mask=at < 0)), users)
    return table.set_column(table.column_names.index("user_id"), "user_id", users)


def without_erased_events(events: pa.Table, erased: pa.Table) -> pa.Table:
    """Return the events without those that an erased customer left behind; what came after the wish is theirs again.

    Where ``erased_at`` is null everything goes.
    """
    erased = erased.sort_by([("user_id", "ascending"), ("erased_at", "descending")])  # the last wish stands first
    at = rows(events["user_id"], flat(erased["user_id"]))
    limit = milliseconds(pc.fill_null(flat(erased["erased_at"]).cast(pa.int64()), LATEST))
    known = at >= 0
    gone = np.zeros(len(events), np.bool_)
    gone[known] = milliseconds(events["timestamp"])[known] <= limit[at[known]]
    return events.filter(pa.array(~gone)) if gone.any() else events


def without_erased_users(users: pa.Table, erased: pa.Table) -> pa.Table:
    """Return the customers who never asked to be forgotten."""
    return users.filter(pa.array(rows(users["user_id"], flat(erased["user_id"])) < 0))

"""Visitors who turned out to be customers: what is known of the one is known of the other."""

import pyarrow as pa
import pyarrow.compute as pc

from features.arrow_arrays import flat, rows
from features.tables import USERS
from features.upsert import upsert

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


def merged_users(users: pa.Table, merges: pa.Table) -> pa.Table:
    """Return one row a customer; what is known of them stands above what is known of their visitors."""
    merged = with_merges(users, merges)
    own = pc.equal(merged["user_id"], users["user_id"])
    return upsert([merged.filter(pc.invert(own)), merged.filter(own)], USERS)

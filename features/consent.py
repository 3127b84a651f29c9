"""Who may be learned from: what customers and events say about personalisation."""

import pyarrow as pa
import pyarrow.compute as pc

from features.columns import flat, rows
from features.tables import Tables


def consented(tables: Tables) -> tuple[pa.Table, pa.Table]:
    """Return the events and the customers that may be learned from: neither says no to personalisation."""
    events = tables.events.filter(pc.fill_null(tables.events["consent"], True))
    unwilling = refusing(tables.users)
    return without(events, unwilling), without(tables.users, unwilling)


def refusing(users: pa.Table) -> pa.Array:
    """Return the ids of the customers who want no personal lists: by their own choice, or as the shop declared."""
    no = (pc.invert(pc.fill_null(users[name], True)) for name in ("consent_personalization", "personalize"))
    return flat(users.filter(pc.or_(*no))["user_id"])


def without(table: pa.Table, customers: pa.Array) -> pa.Table:
    """Return the rows of all customers but these."""
    return table.filter(pa.array(rows(table["user_id"], customers) < 0)) if len(customers) else table

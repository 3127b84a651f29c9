"""Who may be learned from: what customers and events say about personalisation, and who is to be forgotten."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.arrow_arrays import flat, milliseconds, rows
from features.tables import USERS, WITHDRAWN, Tables, conform
from recommender.values import EARLIEST, LATEST


def consented(tables: Tables) -> tuple[pa.Table, pa.Table]:
    """Return the events and the customers that may be learned from: neither says no to personalisation."""
    events = tables.events.filter(pc.fill_null(tables.events["consent"], True))
    unwilling = refusing(tables.users)
    return without(events, unwilling), without(tables.users, unwilling)


def forgotten(users: pa.Table, ids: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return the customers without those of ``ids``, of whom their refusals alone stay."""
    refused = refusing(users)
    refused = refused.filter(pc.is_in(refused, value_set=ids))
    kept = without(users, ids)
    no = pa.table({"user_id": refused, "personalize_chosen": pa.nulls(len(refused), pa.bool_()).fill_null(False)})
    return pa.concat_tables([kept, no], promote_options="default") if len(refused) else kept


def refusing(users: pa.Table) -> pa.Array:
    """Return the ids of the customers who want no personal lists: by their own choice, or as the shop declared."""
    users = conform(users, USERS)
    return flat(users.filter(pc.or_(chose_none(users), denied(users)))["user_id"])


def chose_none(users: pa.Table) -> pa.ChunkedArray:
    """Return (n,) who chose lists that are not personal; what the service took stands above what a file says."""
    return pc.invert(pc.fill_null(pc.coalesce(users["personalize_chosen"], users["personalize"]), True))


def denied(users: pa.Table) -> pa.ChunkedArray:
    """Return (n,) whose consent the shop declared not to have."""
    return pc.invert(pc.fill_null(users["consent_personalization"], True))


def withdrawn(users: pa.Table) -> pa.Table:
    """Return the customers without the consents that the service was told they withdrew, whatever else says so."""
    for consent, column in WITHDRAWN.items():
        told = pc.if_else(pc.fill_null(users[column], False), False, users[consent])
        users = users.set_column(users.column_names.index(consent), consent, told)
    return users


def without(table: pa.Table, customers: pa.Array) -> pa.Table:
    """Return the rows of all customers but these."""
    return table.filter(pa.array(rows(table["user_id"], customers) < 0)) if len(customers) else table


def without_erased_events(events: pa.Table, erased: pa.Table) -> pa.Table:
    """Return the events without those that an erased customer left behind; what came after their request stays.

    Where ``erased_at`` is null everything goes.
    """
    gone = milliseconds(events["timestamp"]) <= forgotten_until(events["user_id"], erased)
    return events.filter(pa.array(~gone)) if gone.any() else events


def forgotten_until(users: pa.ChunkedArray | pa.Array, erased: pa.Table) -> NDArray[np.int64]:
    """Return (n,) when each of ``users`` last asked, in milliseconds since 1970; ``EARLIEST`` for never."""
    erased = erased.sort_by([("user_id", "ascending"), ("erased_at", "descending")])  # the last request stands first
    at = rows(users, flat(erased["user_id"]))
    limit = milliseconds(pc.fill_null(flat(erased["erased_at"]).cast(pa.int64()), LATEST))
    return np.where(at >= 0, np.append(limit, EARLIEST)[at], EARLIEST)


def without_erased_users(users: pa.Table, erased: pa.Table) -> pa.Table:
    """Return the customers who never asked to be forgotten, and of the others their refusals alone."""
    if not len(erased):
        return users
    return forgotten(users, flat(erased["user_id"]))

"""The three tables that everything is built from, and what is kept beside them: their columns."""

from dataclasses import dataclass
from typing import Any, Self

import orjson
import pyarrow as pa

TIME = pa.timestamp("ms", "UTC")

EVENTS = pa.schema(
    [
        ("event_id", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("event", pa.string()),
        ("timestamp", TIME),
        ("quantity", pa.float64()),
        ("price", pa.float64()),
        ("list_price", pa.float64()),
        ("value", pa.float64()),
        ("order_id", pa.string()),
        ("session_id", pa.string()),
        ("channel", pa.string()),
        ("placement", pa.string()),
        ("rec_id", pa.string()),
        ("consent", pa.bool_()),
    ]
)
"""One row an event. ``event`` is a canonical name, or the shop's own where nobody knows it."""

ITEMS = pa.schema(
    [
        ("item_id", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("category", pa.string()),
        ("brand", pa.string()),
        ("price", pa.string()),
        ("list_price", pa.string()),
        ("in_stock", pa.bool_()),
        ("available_from", TIME),
        ("available_until", TIME),
        ("hidden", pa.bool_()),
        ("first_seen", TIME),
        ("image_url", pa.string()),
        ("url", pa.string()),
    ]
)
"""One row an item; ``first_seen`` is when it was new, if it has neither ``available_from`` nor an earlier event;
money is decimal text. Every further column is an attribute, as text."""

USERS = pa.schema(
    [
        ("user_id", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("birthday", pa.string()),
        ("region", pa.string()),
        ("language", pa.string()),
        ("consent_personalization", pa.bool_()),
        ("consent_email", pa.bool_()),
        ("consent_sms", pa.bool_()),
        ("consent_push", pa.bool_()),
        ("personalize", pa.bool_()),
        ("personalize_chosen", pa.bool_()),
        ("consent_personalization_withdrawn", pa.bool_()),
        ("consent_email_withdrawn", pa.bool_()),
        ("consent_sms_withdrawn", pa.bool_()),
        ("consent_push_withdrawn", pa.bool_()),
    ]
)
"""One row a customer; ``personalize`` is the customer's choice as a file has it, ``personalize_chosen`` as the service
took it, and ``consent_personalization`` what the shop declared. A consent is ``withdrawn`` where the service was last
told no: no file brings it back. Every further column is an attribute, as text."""
WITHDRAWN = {name.removesuffix("_withdrawn"): name for name in USERS.names if name.endswith("_withdrawn")}
"""The column that says so, by consent."""
TAKEN = ("personalize_chosen", *WITHDRAWN.values())
"""Columns that the service alone writes, and that other columns stand for."""


ERASED = pa.schema(
    [("user_id", pa.string()), ("erased_at", TIME), ("receipt", pa.string()), ("is_fulfilled", pa.bool_())]
)
"""Customers who asked to be forgotten: what they did until then is not to be read, and once the request of this receipt
is fulfilled it is in no file."""

MERGES = pa.schema([("visitor_id", pa.string()), ("user_id", pa.string()), ("merged_at", pa.int64())])
"""Which visitors are which customers; ``merged_at`` in milliseconds since 1970."""


def written_attributes(told: str | None) -> dict[str, Any] | None:
    """Return the attributes that the service wrote, all in one column; None for what a file's own column says."""
    try:
        read = orjson.loads(told or "")
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None


@dataclass(frozen=True, slots=True)
class Tables:
    """Events, items and customers of one shop, in canonical columns."""

    events: pa.Table
    """As ``EVENTS``; no event_id twice, in no particular order."""
    items: pa.Table
    """As ``ITEMS``; one row an item."""
    users: pa.Table
    """As ``USERS``; one row a customer."""

    @classmethod
    def of(cls, events: pa.Table | None = None, items: pa.Table | None = None, users: pa.Table | None = None) -> Self:
        """Build from what there is; columns that are missing are null."""
        return cls(conform(events, EVENTS), conform(items, ITEMS), conform(users, USERS))


def conform(table: pa.Table | None, schema: pa.Schema) -> pa.Table:
    """Return ``table`` with the columns of ``schema`` first, in its types, then its own further columns."""
    if table is None:
        return schema.empty_table()
    columns = {f.name: _column(table, f) for f in schema}
    further = {name: table.column(name) for name in table.column_names if name not in columns}
    return pa.table(columns | further)


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name in table.column_names:
        return table.column(field.name).cast(field.type)
    return pa.nulls(table.num_rows, field.type)

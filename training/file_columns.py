"""The columns that files may have, and what is wrong with a cell that cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass

from training import cells
from training.cells import Reader


@dataclass(frozen=True, slots=True)
class Column:
    """One column of one kind of file."""

    read: Reader
    kind: str
    """The DuckDB type of the value."""
    complaint: str | None = None
    """Ends the sentence "price …" where the cell holds something else; None where any text will do."""
    otherwise: str = "NULL"
    """SQL for what such a cell is taken for."""


_TEXT = Column(cells.trimmed, "VARCHAR")
_AMOUNT = Column(cells.amount, "DOUBLE", "is not a number of 0 or more")
_MONEY = Column(cells.money, "VARCHAR", "is not a number of 0 or more")
_MOMENT = Column(cells.moment, "BIGINT", "is neither RFC 3339 nor seconds or milliseconds since 1970")
_TRUTH = Column(cells.truth, "BOOLEAN", "is neither yes nor no")
_CONSENT = Column(cells.truth, "BOOLEAN", "is neither yes nor no, and taken for no", "false")
_WORDS = Column(cells.words, "VARCHAR[]", "is no list of texts")
_ID = Column(cells.text, "VARCHAR")

SPELLINGS: Mapping[str, tuple[str, ...]] = {"event": ("event_name", "event_type")}
"""Names by which a column also goes, where the file has none of its own name."""

EVENT_COLUMNS: Mapping[str, Column] = {
    "event_id": _TEXT,
    "user_id": _ID,
    "item_id": _ID,
    "event": _TEXT,
    "timestamp": _MOMENT,
    "quantity": Column(cells.positive, "DOUBLE", "is not a number above 0 (a return is the event refund)"),
    "price": _AMOUNT,
    "list_price": _AMOUNT,
    "value": Column(cells.number, "DOUBLE", "is not a number"),
    "order_id": _TEXT,
    "session_id": _TEXT,
    "channel": _TEXT,
    "placement": _TEXT,
    "rec_id": _TEXT,
    "consent": _TRUTH,
}

ITEM_COLUMNS: Mapping[str, Column] = {
    "item_id": _ID,
    "title": _TEXT,
    "description": _TEXT,
    "tags": _WORDS,
    "category": Column(cells.path, "VARCHAR"),
    "brand": _TEXT,
    "price": _MONEY,
    "list_price": _MONEY,
    "in_stock": _TRUTH,
    "available_from": _MOMENT,
    "available_until": _MOMENT,
    "hidden": _TRUTH,
    "first_seen": _MOMENT,
    "image_url": _TEXT,
    "url": _TEXT,
}

USER_COLUMNS: Mapping[str, Column] = {
    "user_id": _ID,
    "tags": _WORDS,
    "birthday": Column(cells.birthday, "VARCHAR", "is neither MM-DD nor YYYY-MM-DD"),
    "region": _TEXT,
    "language": _TEXT,
    "consent_personalization": _CONSENT,
    "consent_email": _CONSENT,
    "consent_sms": _CONSENT,
    "consent_push": _CONSENT,
    "personalize": _CONSENT,
}

ATTRIBUTE = Column(cells.joined, "VARCHAR")
"""Any other column of items and users."""

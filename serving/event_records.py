"""Events as they come over HTTP: checked one by one, spelled canonically, ready for the log and for the live state."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Any, NotRequired
from zlib import crc32

import orjson
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema, with_config
from typing_extensions import TypedDict

from features.event_names import WITHOUT_ITEM, canonical_name, event_type
from features.live_events import pack
from recommender.config import LiveSettings
from recommender.errors import InvalidInput
from recommender.ids import Id
from recommender.times import DAY
from recommender.values import EventType
from serving.list_request import said

MOST_EVENTS, MOST_LINES = 1_000, 20_000
"""Of one call."""
Word = Annotated[str, Field(max_length=256)]
Number = Annotated[float, Field(allow_inf_nan=False)]
LARGEST = 1e12
Amount = Annotated[
    float,
    Field(allow_inf_nan=False, ge=0, le=LARGEST),
    BeforeValidator(lambda given: decimal(given)),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": LARGEST}, {"type": "string"}]}),
]
"""Money: a number, or decimal text as the catalogue gives it."""
Moment = Annotated[
    datetime | None,
    Field(strict=False),
    WithJsonSchema({"type": ["string", "number", "null"], "description": "RFC 3339, or epoch seconds or ms."}),
]
Quantity = Annotated[float, Field(allow_inf_nan=False, gt=0, le=LARGEST)]


def decimal(given: Any) -> Any:
    """Return decimal text as a number; anything else as it is, for the checks that follow."""
    if not isinstance(given, str):
        return given
    try:
        return float(given)
    except ValueError:
        return given


@with_config(ConfigDict(extra="ignore"))
class Line(TypedDict):
    """One entry of GA4's ``items``; what we do not know of it is ignored."""

    item_id: Id
    quantity: NotRequired[Quantity | None]
    price: NotRequired[Amount | None]
    list_price: NotRequired[Amount | None]


class Unkept(TypedDict, total=False):
    """What GA4 tells of an event beside what is kept here; it may be sent, and is ignored."""

    affiliation: Any
    coupon: Any
    creative_name: Any
    creative_slot: Any
    customer_type: Any
    item_list_id: Any
    item_list_name: Any
    payment_type: Any
    promotion_id: Any
    promotion_name: Any
    shipping: Any
    shipping_tier: Any
    tax: Any


@with_config(ConfigDict(extra="forbid", strict=True))
class Event(Unkept):
    """One event of a call."""

    user_id: NotRequired[Id | None]
    visitor_id: NotRequired[Id | None]
    item_id: NotRequired[Id | None]
    items: NotRequired[Annotated[list[Line], Field(min_length=1, max_length=200)] | None]
    event: NotRequired[Annotated[str, Field(min_length=1, max_length=128)] | None]
    timestamp: NotRequired[Moment]
    event_id: NotRequired[Id | None]
    quantity: NotRequired[Quantity | None]
    price: NotRequired[Amount | None]
    list_price: NotRequired[Amount | None]
    value: NotRequired[Number | None]
    currency: NotRequired[Annotated[str, Field(max_length=8)] | None]
    search_term: NotRequired[Annotated[str, Field(max_length=1_000)] | None]
    order_id: NotRequired[Word | None]
    transaction_id: NotRequired[Word | None]
    session_id: NotRequired[Word | None]
    channel: NotRequired[Word | None]
    placement: NotRequired[Word | None]
    rec_id: NotRequired[Word | None]
    consent: NotRequired[bool | None]


_ALL: TypeAdapter[list[Event]] = TypeAdapter(list[Event])
_ONE: TypeAdapter[Event] = TypeAdapter(Event)
_KEPT = ("list_price", "value", "order_id", "session_id", "channel", "placement", "rec_id", "consent")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of a call that was refused, and why."""

    index: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Record:
    """One event about one item, ready to be stored."""

    index: int
    """Which part of the call it came from; the lines of one GA4 event share it."""
    user_id: str
    item_id: str | None
    event: EventType
    identity: bytes
    """Digest of the event id."""
    content: bytes
    """Digest of what the caller said, to tell a repeated event from another one under the same id."""
    payload: bytes
    """The log's row as JSON."""
    live: bytes | None
    """The event packed for the live state; None where it must not enter it."""
    time: int
    """When it happened, in milliseconds since 1970."""

    def moved(self, user_id: str) -> "Record":
        """Return the same event of another customer: a visitor's event after the merge."""
        payload = orjson.dumps(orjson.loads(self.payload) | {"user_id": user_id})
        return replace(self, user_id=user_id, payload=payload)


class _Refused(Exception):
    """Carries the code and the detail of a rejection out of the nested checks."""


def read(parts: Sequence[Any], now: float, limits: LiveSettings) -> tuple[list[Record], list[Rejected]]:
    """Return the records of all good parts, in order, and the bad parts; ``now`` in seconds since 1970.

    Raises InvalidInput for more than ``MOST_LINES``.
    """
    good, rejected = _checked(parts)
    earliest, latest = max(now - limits.max_age_days * DAY, 0), now + limits.max_future_seconds
    records: list[Record] = []
    for index, part in good:
        try:
            records += _records(index, part, now, earliest, latest)
        except _Refused as refused:
            rejected.append(Rejected(index, *refused.args))
    if len(records) > MOST_LINES:
        raise InvalidInput("events", f"hold {len(records):,} lines in all; give at most {MOST_LINES:,} in one call")
    return records, sorted(rejected, key=lambda r: r.index)


def _checked(parts: Sequence[Any]) -> tuple[list[tuple[int, Event]], list[Rejected]]:
    try:
        return list(enumerate(_ALL.validate_python(parts))), []
    except ValidationError:
        return _checked_one_by_one(parts)


def _checked_one_by_one(parts: Sequence[Any]) -> tuple[list[tuple[int, Event]], list[Rejected]]:
    good: list[tuple[int, Event]] = []
    rejected: list[Rejected] = []
    for index, part in enumerate(parts):
        try:
            good.append((index, _ONE.validate_python(part)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            field = ".".join(str(place) for place in first["loc"])
            code = "unknown_field" if first["type"] == "extra_forbidden" else "invalid"
            rejected.append(Rejected(index, code, f"{field or 'event'}: {said(first)}"))
    return good, rejected


@lru_cache(4096)
def _type_and_name(name: str) -> tuple[EventType, str]:
    event = event_type(name)
    return event, name if event is EventType.OTHER else canonical_name(event)


def _records(index: int, part: Event, now: float, earliest: float, latest: float) -> Iterator[Record]:
    user = part.get("user_id") or part.get("visitor_id")
    if not user:
        raise _Refused("missing_field", "user_id: is missing, and so is visitor_id")
    event, name = _type_and_name(part.get("event") or "purchase")
    lines: Sequence[Mapping[str, Any]] = part.get("items") or [part]
    if event not in WITHOUT_ITEM and event is not EventType.OTHER and not all(line.get("item_id") for line in lines):
        raise _Refused("missing_field", f"item_id: {name} needs an item")
    given = part.get("timestamp")
    time = _time(given, earliest, latest) if given else now
    shared = {key: part[key] for key in _KEPT if part.get(key) is not None}  # type: ignore[literal-required]
    if (order := part.get("transaction_id")) is not None:  # as GA4 calls it
        shared.setdefault("order_id", order)
    seen: Counter[bytes] = Counter()
    for number, line in enumerate(lines):
        row = {
            "user_id": user,
            "item_id": line.get("item_id"),
            "event": name,
            "quantity": line.get("quantity"),
        } | shared
        row |= {"price": line.get("price"), "list_price": line.get("list_price")}
        yield _record(index, row, event, time, bool(given), _event_id(part.get("event_id"), number), seen)


def _time(given: datetime, earliest: float, latest: float) -> float:
    time = (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()
    if time > latest:
        raise _Refused("timestamp_in_future", f"timestamp: {given.isoformat()} has not come yet")
    if time < earliest:
        raise _Refused("timestamp_too_old", f"timestamp: {given.isoformat()} is too long ago; import it from a file")
    return time


def _event_id(given: str | None, number: int) -> str | None:
    return f"{given}#{number}" if given and number else given


def _derived_id(said: bytes, seen: Counter[bytes]) -> str:
    number, seen[said] = seen[said], seen[said] + 1
    return blake2b(said + b"#%d" % number if number else said, digest_size=16).hexdigest()


def _record(
    index: int,
    row: dict[str, Any],
    event: EventType,
    time: float,
    timed: bool,
    event_id: str | None,
    seen: Counter[bytes],
) -> Record:
    """Build one record; an event without an id gets one from its content, so that sending it again counts once.

    Equal lines of one event, which ``seen`` counts, are told apart by their number.
    """
    row = {key: value for key, value in row.items() if value is not None}
    said = orjson.dumps(row | {"timestamp": int(time * 1000)} if timed else row)
    row["timestamp"] = int(time * 1000)
    row["event_id"] = event_id or _derived_id(orjson.dumps(row), seen)
    identity = blake2b(row["event_id"].encode(), digest_size=12).digest()
    live = None
    if row.get("item_id") and event is not EventType.OTHER and row.get("consent") is not False:
        live = pack(row["item_id"], event, int(time), row.get("quantity", 1.0), row.get("price", math.nan))
    content, payload = crc32(said).to_bytes(4, "big"), orjson.dumps(row)
    return Record(index, row["user_id"], row.get("item_id"), event, identity, content, payload, live, row["timestamp"])

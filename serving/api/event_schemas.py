"""The shapes of event calls over HTTP."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from serving.api.schemas import Body
from serving.ask import Strict
from serving.event_records import MOST_EVENTS, Event


def _shape() -> dict[str, Any]:
    """Return the shape of one event, the lines of GA4's ``items`` within it."""
    shape = TypeAdapter(Event).json_schema()
    line = shape.pop("$defs")["Line"]
    shape["properties"]["items"]["items"] = line
    shape["properties"]["timestamp"] = {
        "type": ["string", "number"],
        "description": "RFC 3339, or epoch seconds or ms.",
    }
    return shape


class EventsBody(Strict):
    """Up to 1,000 events; each is judged by itself.

    An event has `user_id` or `visitor_id`, and `item_id` or GA4's `items`. `event` is GA4's name or an alias, and a
    purchase if left out; `timestamp` is now if left out; `currency` and `search_term` are not kept.
    """

    events: Annotated[list[Any], Field(json_schema_extra={"items": _shape(), "minItems": 1, "maxItems": MOST_EVENTS})]
    validate_only: bool = False
    """Judge the events and store nothing."""


class RejectedPart(Body):
    """A part that was refused."""

    index: int
    """Its place in the call, from 0."""
    code: str
    detail: str


class EventsTaken(Body):
    """What became of the parts of a call."""

    accepted: int
    """Stored, as durably as `appendfsync` says; under `validate_only`, would be."""
    duplicates: int
    """Had been stored before, under the same event id."""
    rejected: list[RejectedPart]

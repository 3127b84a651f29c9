"""The shapes of event calls over HTTP."""

from typing import Annotated, Any

from pydantic import Field

from serving.api.schemas import Body
from serving.ask import Strict


class EventsBody(Strict):
    """Up to 1,000 events; each is judged by itself.

    An event has `user_id` or `visitor_id`, `item_id` (or GA4's `items`), `event` (GA4's name or an alias; a purchase
    if left out), `timestamp` (RFC 3339 or epoch; now if left out), and may have `event_id`, `quantity`, `price`,
    `list_price`, `value`, `currency` and `search_term` (not kept), `order_id`, `session_id`, `channel`, `placement`,
    `rec_id` and `consent`.
    """

    events: Annotated[
        list[Any], Field(json_schema_extra={"items": {"type": "object"}, "minItems": 1, "maxItems": 1000})
    ]
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
    """Stored; they are not lost any more."""
    duplicates: int
    """Had been stored before, under the same event id."""
    rejected: list[RejectedPart]

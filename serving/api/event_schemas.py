"""The shapes of event calls over HTTP."""

from typing import Annotated, Any

from pydantic import Field

from serving.api.schemas import Body
from serving.event_records import MOST_EVENTS
from serving.list_request import Strict


class EventsBody(Strict):
    """Up to 1,000 events; each is judged by itself.

    An event has `user_id` or `visitor_id`, and `item_id` or GA4's `items`. `event` is GA4's name or an alias, and a
    purchase if left out; `timestamp` is now if left out. GA4's `transaction_id` is kept as `order_id`; `currency`,
    `search_term` and its further parameters may be sent, and are not kept.
    """

    events: Annotated[list[Any], Field(json_schema_extra={"minItems": 1, "maxItems": MOST_EVENTS})]
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
    unknown_events: list[str]
    """Names among the accepted that nobody knows, such as a slip of the pen: kept, and weighing nothing."""
    unknown_items: list[str]
    """Items among the accepted that the catalogue does not hold: kept, and in no list until it does."""

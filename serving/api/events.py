"""What happens in the shop, over HTTP."""

from dataclasses import asdict

import orjson
from flask import request

from serving.api.current import is_private, services
from serving.api.event_schemas import EventsBody, EventsTaken
from serving.api.parsing import Blueprint
from serving.api.whole import Whole
from serving.ingest import ingest

blueprint = Blueprint("events", __name__, tag="Events")

MOST_BYTES = 8 * 1024 * 1024
"""Of one call: a thousand GA4 purchases of twenty lines each."""


@blueprint.before_request
def allow_more() -> None:
    """Take bigger bodies than other routes do."""
    request.max_content_length = MOST_BYTES


@blueprint.post("/v1/events")
@blueprint.input(EventsBody, arg_name="body")
@blueprint.output(EventsTaken, status_code=202)
def events(body: EventsBody) -> Whole:
    """Report up to 1,000 events; a bad one does not spoil the others, and what is accepted is stored."""
    receipt = ingest(services(), body.events, validate_only=body.validate_only, private=is_private())
    return Whole(orjson.dumps(asdict(receipt)), 202)

"""Is it alive, is it ready, and what has it counted."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from recommender.errors import TagalongError, Unavailable
from serving.api.current import services
from serving.api.parsing import Blueprint
from serving.api.schemas import ReadyQuery
from serving.api.whole import Whole

TEXT: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "Metrics", "content": {"text/plain": {}}}
}

_PARTS: dict[str, Any] = {
    "application/json": {
        "schema": {
            "type": "object",
            "properties": {
                "status": {"type": "string", "enum": ["ok", "degraded"]},
                "parts": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }
    }
}
READY: dict[int | str, dict[str, Any]] = {
    200: {"description": "All parts answer.", "content": _PARTS},
    503: {"description": "A part does not, and it is said why.", "content": _PARTS},
}
OF_LISTS = ("bundle", "service")
"""Without the others lists are still answered."""

blueprint = Blueprint("health", __name__, tag="Operation")


@blueprint.get("/healthz")
@blueprint.doc(summary="This process is alive", responses={200: "alive"})
def healthz() -> Whole:
    """Answer without asking anything else."""
    return Whole(b'{"status":"ok"}')


@blueprint.get("/readyz")
@blueprint.input(ReadyQuery, location="query", arg_name="query")
@blueprint.doc(summary="This process can do its work", responses=READY)
def readyz(query: ReadyQuery) -> Whole:
    """Ping every part by name."""
    asked = {name: ping for name, ping in services().pings.items() if query.of == "all" or name in OF_LISTS}
    parts = {name: _state(ping) for name, ping in asked.items()}
    ready = all(state == "ok" for state in parts.values())
    body = orjson.dumps({"status": "ok" if ready else "degraded", "parts": parts})
    return Whole(body, 200 if ready else 503)


def _state(ping: Callable[[], object]) -> str:
    try:
        ping()
    except (TagalongError, OSError) as error:
        return str(error)
    return "ok"


@blueprint.get("/metrics")
@blueprint.doc(
    summary="Prometheus metrics of all workers",
    responses=TEXT,
)
def metrics() -> Whole:
    """Encode the counters of all workers, and how far the archiver is behind."""
    found = services()
    with suppress(Unavailable):  # the figures of before stay, and tagalong_part_down tells why
        found.metrics.log_waits(*found.events.waiting(), found.clock())
    return Whole(found.metrics.text(), content_type=CONTENT_TYPE_LATEST)

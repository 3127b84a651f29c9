"""The caller's W3C trace context, passed through: bound into the log lines of its request, and given back."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from structlog.contextvars import bound_contextvars

HEADER = "traceparent"
_IDS = r"(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
VALID = re.compile(rf"00-{_IDS}|(?!00|ff)[0-9a-f]{{2}}-{_IDS}(-[!-~]{{0,200}})?")
"""Version 00 as https://www.w3.org/TR/trace-context/ has it; a later version may go on after what 00 has."""


def traced(app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by ``app`` within the trace that the request names; one without a valid name is answered as it is."""
    parent = environ.get("HTTP_TRACEPARENT")
    if parent is None or not VALID.fullmatch(parent):
        return app(environ, start_response)
    with bound_contextvars(traceparent=parent):
        return app(environ, _giving_back(parent, start_response))


def _giving_back(parent: str, start_response: StartResponse) -> Callable[..., Callable[[bytes], object]]:
    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
        return start_response(status, [*headers, (HEADER, parent)], *more)

    return start

"""An answer whose bytes are ready when its headers are sent."""

from collections.abc import Iterable
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment

import orjson
from flask import Response


class Whole(Response):
    """An answer with a body and without ``Location``; nothing may be registered for when it is closed.

    Nobody on the way may keep it: most are one customer's.

    It goes out as a list, which granian sends at once; an iterator, Werkzeug's way, it asks for its parts from another
    thread.
    """

    def __init__(self, body: bytes, status: int = 200, content_type: str = "application/json") -> None:
        """Hold ``body``, JSON where ``content_type`` does not say otherwise."""
        super().__init__(body, status, {"Cache-Control": "no-store"}, content_type=content_type)

    @classmethod
    def of(cls, body: Any) -> Self:
        """Return an answer that holds ``body`` as JSON."""
        return cls(orjson.dumps(body))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send the head and return the body, which an answer to HEAD leaves out."""
        start_response(self.status, self.headers.to_wsgi_list())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [*self.iter_encoded()]

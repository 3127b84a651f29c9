"""Makes the Flask app from services; knows every blueprint and nothing else."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from apiflask import APIFlask
from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter

from recommender import __version__
from serving.api import docs, errors, events, health, items, lists, parsing, users
from serving.api.current import EXTENSION
from serving.api.tracing import traced
from serving.services import Services

MAX_BODY = 1024 * 1024
"""Bytes; a route that takes more says so itself."""

BLUEPRINTS = (lists.blueprint, items.blueprint, events.blueprint, users.blueprint, health.blueprint, docs.blueprint)


class NoSessions(SessionInterface):
    """An API keeps no sessions, so none is opened, looked at or saved."""

    null = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """Return the one session that refuses to be written to."""
        return self.null

    def is_null_session(self, obj: object) -> bool:
        """Return that there is nothing to save."""
        return True

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep nothing."""


class Api(APIFlask):
    """APIFlask without what every request would pay for and none here uses."""

    session_interface = NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the handler as it is: no handler here is a coroutine."""
        return func

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer within the caller's trace."""
        return traced(super().wsgi_app, environ, start_response)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Match by path and method alone: no route here depends on the host, and none redirects."""
        if request is None:
            return None
        root, query = request.root_path, request.environ.get("QUERY_STRING", "")
        return MapAdapter(self.url_map, "", root + "/", "", request.scheme, request.path, request.method, query)


def create_app(services: Services) -> APIFlask:
    """Return an app that answers from ``services``."""
    app = Api("tagalong", title="Tagalong", version=__version__, docs_path=None, json_errors=False)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, OPENAPI_VERSION="3.1.0", TRUSTED_HOSTS=None)
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = parsing.IdConverter
    app.url_value_preprocessor(parsing.check_ids)
    app.extensions[EXTENSION] = services
    errors.register(app)
    docs.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.url_value_preprocessor(parsing.wrong_methods(app.url_map))
    return app

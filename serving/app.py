"""Makes the Flask app from services; knows every blueprint and nothing else."""

from apiflask import APIFlask

from serving.api import docs, errors, events, health, items, lists, parsing, users
from serving.api.current import EXTENSION
from serving.services import Services

MAX_BODY = 1024 * 1024
"""Bytes; a route that takes more says so itself."""

BLUEPRINTS = (lists.blueprint, items.blueprint, events.blueprint, users.blueprint, health.blueprint, docs.blueprint)


def create_app(services: Services) -> APIFlask:
    """Return an app that answers from ``services``."""
    app = APIFlask("tagalong", title="Tagalong", version="0.1.0", docs_path=None, json_errors=False)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, OPENAPI_VERSION="3.1.0", TRUSTED_HOSTS=None)
    app.url_map.merge_slashes = False
    app.url_map.converters["id"] = parsing.IdConverter
    app.url_value_preprocessor(parsing.check_ids)
    app.extensions[EXTENSION] = services
    errors.register(app)
    docs.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app

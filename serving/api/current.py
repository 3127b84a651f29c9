"""What a handler knows beside its arguments: the services of the app that runs it, and what the browser wishes."""

from flask import current_app, request

from serving.services import Services

EXTENSION = "tagalong"


def services() -> Services:
    """Return the current app's services."""
    found: Services = current_app.extensions[EXTENSION]
    return found


def is_private() -> bool:
    """Return whether the browser says ``Sec-GPC: 1``."""
    return bool(request.environ.get("HTTP_SEC_GPC") == "1")

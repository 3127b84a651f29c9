"""The way from a handler to the services of the app that runs it."""

from flask import current_app

from serving.services import Services

EXTENSION = "tagalong"


def services() -> Services:
    """Return the current app's services."""
    found: Services = current_app.extensions[EXTENSION]
    return found

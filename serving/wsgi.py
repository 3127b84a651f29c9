"""What the WSGI server calls in each worker to get its app."""

from flask import Flask

from machine.lifeline import end_with_parent
from serving.app import create_app
from serving.bootstrap import build
from serving.settings import Settings, process_environment


def create() -> Flask:
    """Return this worker's app, as the environment sets it."""
    end_with_parent()
    return create_app(build(Settings.read(process_environment())))

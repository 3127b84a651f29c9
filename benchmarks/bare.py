"""What a cached answer is compared with: a Flask route that does one Redis GET, under the same server."""

import redis
from flask import Flask, Response
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.settings import process_environment

URL, KEY = "BENCH_REDIS", "bench:bare"


def create() -> Flask:
    """Return the app; it answers whatever stands under ``KEY``."""
    app = Flask(__name__)
    client = redis.Redis.from_url(process_environment()[URL], retry=Retry(NoBackoff(), 0), socket_timeout=0.1)

    @app.get("/bare")
    def bare() -> Response:
        return Response(client.get(KEY), mimetype="application/json")

    return app

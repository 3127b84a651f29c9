"""What the service's tests share: a shop, a real Redis of every kind that is installed, and an app over both."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from recommender.bundle import Bundle
from serving.adapters.embedded_redis import servers
from serving.app import create_app
from serving.bootstrap import build
from serving.services import Services
from serving.settings import Settings
from tests.serving import shop
from tests.serving.redis_server import RedisServer


@pytest.fixture(scope="session")
def trained() -> Bundle:
    return shop.bundle()


@pytest.fixture(scope="session", params=servers(), ids=lambda program: Path(program).name)
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), request.param).start()
    yield server
    server.kill()


@pytest.fixture
def client_of_redis(redis_server: RedisServer) -> Iterator["redis.Redis"]:
    with redis_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def settings(tmp_path: Path, redis_server: RedisServer, client_of_redis: "redis.Redis", trained: Bundle) -> Settings:
    shop.publish(tmp_path, trained)
    return Settings(data=tmp_path, redis_url=redis_server.url, redis_timeout_ms=2_000)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """Parts as a worker has them, in the shop's own time."""
    began = time.time()
    built = build(settings, lambda: shop.NOW + time.time() - began)
    yield built
    built.stop()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()

"""A shop that has never trained: it has items and customers, and lists follow what these do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from serving.app import create_app
from serving.bootstrap import build
from serving.settings import Settings
from tests.serving import shop
from tests.serving.redis_server import RedisServer
from tests.serving.test_lists import ask, ids


@pytest.fixture
def client(redis_server: RedisServer, client_of_redis: object, tmp_path: Path) -> Iterator[FlaskClient]:
    built = build(Settings(data=tmp_path, redis_url=redis_server.url), clock=lambda: float(shop.NOW))
    client = create_app(built).test_client()
    items = [{"item_id": f"{kind} {n}", "tags": [kind]} for kind in ("camping", "kitchen") for n in range(6)]
    assert client.post("/v1/items", json=items).json["accepted"] == 12
    yield client
    built.stop()


def buy(client: FlaskClient, item: str) -> None:
    body = {"events": [{"user_id": "u", "item_id": item, "event": "purchase"}]}
    assert client.post("/v1/events", json=body).json["accepted"] == 1


@pytest.mark.parametrize("kind", ["camping", "kitchen"])
def test_what_a_customer_buys_leads_to_more_of_the_kind(client: FlaskClient, kind: str) -> None:
    for number in (1, 3, 4):
        buy(client, f"{kind} {number}")
    found = ask(client, user_id="u", count=6)
    assert found["degraded"]
    assert all(item.startswith(kind) for item in ids(found))


def test_its_lists_can_be_continued(client: FlaskClient) -> None:
    first = ask(client, user_id="u", count=5)
    following = client.get(f"/v1/recommendations/{first['rec_id']}/next?count=12").json
    assert len(set(ids(first)) | set(ids(following))) == 12

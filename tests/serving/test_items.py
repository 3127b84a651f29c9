"""The catalogue over HTTP."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import redis
from flask.testing import FlaskClient

from features.build import build_dataset
from recommender.config import Config
from serving.adapters.breaker import Breaker
from serving.adapters.memory import MemoryCatalogue
from serving.adapters.redis_catalogue import AT_ONCE, RedisCatalogue
from serving.adapters.redis_link import RedisLink
from serving.adapters.redis_stream import RedisStream
from serving.app import create_app
from serving.archive import Archive
from serving.bootstrap import build
from serving.ports import CatalogueStore
from serving.services import Services
from tests.serving import shop
from tests.serving.redis_server import RedisServer
from training.readers import read_log


@pytest.fixture(params=["redis", "memory"])
def store(request: pytest.FixtureRequest, redis_server: RedisServer, client_of_redis: "redis.Redis") -> CatalogueStore:
    link = RedisLink(redis_server.url, 2.0, Breaker("redis", lambda: 0.0))
    return RedisCatalogue(link, "main") if request.param == "redis" else MemoryCatalogue()


class TestEveryCatalogueStore:
    def test_nothing_has_changed_at_first(self, store: CatalogueStore) -> None:
        assert store.revision() == 0
        assert dict(store.changes(0).items) == {}

    def test_changes_since_a_revision_are_those_after_it(self, store: CatalogueStore) -> None:
        first = store.put([{"item_id": "a/1", "price": "1.10"}, {"item_id": "b", "hidden": True}])
        second = store.put([{"item_id": "b", "hidden": False}])
        assert store.revision() == second > first
        assert dict(store.changes(first).items) == {"b": {"item_id": "b", "hidden": False}}
        assert set(store.changes(0).items) == {"a/1", "b"}
        assert store.changes(0).since == {"a/1": first, "b": second}
        assert store.changes(second).revision == second

    def test_fields_that_are_left_out_stay(self, store: CatalogueStore) -> None:
        store.put([{"item_id": "a", "price": "1.10", "tags": ["x"]}])
        store.put([{"item_id": "a", "price": None}])
        assert store.changes(0).items["a"] == {"item_id": "a", "price": None, "tags": ["x"]}


def test_a_known_item_is_shown_as_the_shop_gave_it(client: FlaskClient) -> None:
    answer = client.get("/v1/items/tent").json
    assert answer.pop("first_seen") < "2026"
    assert answer == {
        "item_id": "tent",
        "title": "The tent",
        "category": "Outdoor > Camping",
        "tags": ["camping"],
        "price": "10",
        "in_stock": True,
        "hidden": False,
    }


def test_an_unknown_item_is_not_found(client: FlaskClient) -> None:
    assert client.get("/v1/items/nothing").status_code == 404


def test_put_changes_what_it_names_and_nothing_else(client: FlaskClient) -> None:
    answer = client.put("/v1/items/tent", json={"price": 12.5, "in_stock": 0, "colour": "green"})
    assert answer.status_code == 200
    changed = client.get("/v1/items/tent").json
    assert (changed["price"], changed["in_stock"], changed["colour"]) == ("12.5", False, "green")
    assert (changed["title"], changed["tags"]) == ("The tent", ["camping"])


def test_pages_go_through_the_whole_catalogue(client: FlaskClient) -> None:
    client.put("/v1/items/帐篷", json={"title": "Tent"})
    seen, after = [], None
    while True:
        page = client.get("/v1/items", query_string={"limit": 5} | ({"after": after} if after else {})).json
        seen += [item["item_id"] for item in page["items"]]
        if (after := page["next"]) is None:
            break
    assert seen == [*sorted(shop.CAMPING + shop.KITCHEN), "帐篷"]


def test_a_page_can_be_filtered(client: FlaskClient) -> None:
    page = client.get("/v1/items", query_string={"filter": "price >= 110"}).json
    assert [item["item_id"] for item in page["items"]] == ["fork", "whisk"]
    assert page["next"] is None


def test_many_items_at_once_and_as_a_bare_list(client: FlaskClient) -> None:
    items = [{"item_id": f"new {n}", "tags": "camping|light", "price": "3"} for n in range(300)]
    assert client.post("/v1/items", json=items).json["accepted"] == 300
    assert client.get("/v1/items/new 299").json["tags"] == ["camping", "light"]


def test_more_items_than_one_answer_brings_are_all_known(
    redis_server: RedisServer, client_of_redis: "redis.Redis"
) -> None:
    store = RedisCatalogue(RedisLink(redis_server.url, 2.0, Breaker("redis", lambda: 0.0)), "main")
    for start in range(0, 2 * AT_ONCE + 10, 500):
        store.put([{"item_id": f"i{number}", "size": number} for number in range(start, start + 500)])
    found = store.changes(0).items
    assert len(found) >= 2 * AT_ONCE + 10
    assert all(fields["size"] == int(name[1:]) for name, fields in found.items())


def test_a_change_after_lost_writes_is_still_news(redis_server: RedisServer, client_of_redis: "redis.Redis") -> None:
    store = RedisCatalogue(RedisLink(redis_server.url, 2.0, Breaker("redis", lambda: 0.0)), "main")
    known = [store.put([{"item_id": "a", "hidden": number % 2 == 0}]) for number in range(5)][-1]
    client_of_redis.delete("stock:{main}:revision", "stock:{main}:since")
    time.sleep(0.01)
    assert store.put([{"item_id": "a", "hidden": False}]) > known


def test_an_item_is_new_at_one_moment_for_every_worker_and_for_training(
    services: Services, client: FlaskClient
) -> None:
    assert client.put("/v1/items/hammock", json={"title": "Hammock"}).status_code == 200
    first = client.get("/v1/items/hammock").json["first_seen"]
    later = build(services.settings, clock=lambda: shop.NOW + 3_600.0)
    try:
        other = create_app(later).test_client()
        assert other.put("/v1/items/hammock", json={"price": 3}).json["first_seen"] == first
    finally:
        later.stop()
    root: Path = services.settings.shop_folder
    Archive(root).add(RedisStream(services.catalogue._link, "main").waiting(100))  # type: ignore[attr-defined]
    catalogue = build_dataset(read_log(root), Config()).catalogue
    row = catalogue.items.row("hammock")
    assert (int(catalogue.first_seen[row]), "first_seen" in catalogue.texts) == (shop.NOW, False)


@pytest.mark.parametrize("given", ["2026-01-01T00:00:00", "2026-01-01T02:00:00.123456+02:00", "2026-01-01T00:00:00.5Z"])
def test_any_way_to_write_a_date_reaches_the_archive(services: Services, client: FlaskClient, given: str) -> None:
    assert client.put("/v1/items/hammock", json={"available_from": given}).status_code == 200
    root: Path = services.settings.shop_folder
    Archive(root).add(RedisStream(services.catalogue._link, "main").waiting(100))  # type: ignore[attr-defined]
    assert pq.read_table(root / "items.parquet")["available_from"].to_pylist() == [datetime(2026, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("number", "status"),
    [(2**63 - 1, 200), (10**30, 200), (-1e300, 200), (10**400, 422)],
    ids=["64 bits", "more", "huge", "too many"],
)
def test_numbers_of_any_size_are_stored_or_refused_by_name(client: FlaskClient, number: float, status: int) -> None:
    for path, body in (("/v1/items/tent", {"weight": number}), ("/v1/users/u0", {"attributes": {"weight": number}})):
        answer = client.put(path, data=json.dumps(body), content_type="application/json")
        assert answer.status_code == status
        assert status == 200 or "weight" in answer.json["errors"][0]["field"]
    if status == 200:
        assert client.get("/v1/items/tent").json["weight"] == pytest.approx(number)


def test_a_change_reaches_the_archive_and_the_next_training(services: Services, client: FlaskClient) -> None:
    client.put("/v1/items/hammock", json={"title": "Hammock", "price": "19.90", "size": 3})
    client.put("/v1/items/hammock", json={"in_stock": False, "available_from": "2026-01-01T00:00:00Z"})
    link: RedisLink = services.catalogue._link  # type: ignore[attr-defined]
    root: Path = services.settings.shop_folder
    Archive(root).add(RedisStream(link, "main").waiting(100))
    row = pq.read_table(root / "items.parquet").to_pylist()[0]
    assert (row["item_id"], row["price"], row["in_stock"], row["size"]) == ("hammock", "19.90", False, "3")
    catalogue = build_dataset(read_log(root), Config()).catalogue
    assert not catalogue.in_stock[catalogue.items.row("hammock")]


def test_every_item_of_a_page_can_be_asked_for(client: FlaskClient) -> None:
    shown = client.get("/v1/items?limit=200").json["items"]
    assert len(shown) > 5
    assert [client.get(f"/v1/items/{one['item_id']}").json for one in shown] == shown


def test_a_name_that_the_service_keeps_for_itself_is_refused(client: FlaskClient) -> None:
    client.put("/v1/items/tent", json={"price": "5"})
    answer = client.put("/v1/items/tent", json={"#log:price": "abc"})
    assert (answer.status_code, "#log:price" in answer.text) == (422, True)
    assert client.get("/v1/popular").status_code == 200

"""Cached lists: one suite on Redis and on its twin, and what makes a list too old."""

from dataclasses import replace

import pytest
import redis
from flask.testing import FlaskClient

from serving.adapters import keys
from serving.adapters.breaker import Breaker
from serving.adapters.memory import MemoryCache
from serving.adapters.redis_cache import MOST_ENTRIES, RedisCache
from serving.adapters.redis_link import RedisLink
from serving.app import create_app
from serving.metrics import Metrics
from serving.ports import Cache
from serving.services import Services
from tests.serving import shop
from tests.serving.redis_server import RedisServer
from tests.serving.test_lists import ask, ids

ENTRY = "0123456789abcdef01234567"


def link(server: RedisServer) -> RedisLink:
    return RedisLink(server.url, 2.0, Breaker("redis", lambda: 0.0))


@pytest.fixture(params=["redis", "memory"])
def cache(request: pytest.FixtureRequest, redis_server: RedisServer, client_of_redis: "redis.Redis") -> Cache:
    return RedisCache(link(redis_server), "main", Metrics()) if request.param == "redis" else MemoryCache()


class TestEveryCache:
    def test_what_was_never_stored_is_not_there(self, cache: Cache) -> None:
        peek = cache.peek("u/1 {x}", ENTRY)
        assert peek is not None
        assert (peek.revision, peek.catalogue_revision, peek.entry) == (0, 0, None)
        assert peek.personalize

    def test_what_was_stored_is_found_under_its_customer_and_entry_only(self, cache: Cache) -> None:
        cache.store("u1", ENTRY, 0, b"list", 60)
        assert [found.entry for found in (cache.peek("u1", ENTRY), cache.peek("u2", ENTRY)) if found] == [b"list", None]
        other = cache.peek("u1", ENTRY[::-1])
        assert other is not None
        assert other.entry is None

    def test_everyone_has_lists_too(self, cache: Cache) -> None:
        cache.store(None, ENTRY, 0, b"list", 60)
        found = cache.peek(None, ENTRY)
        assert found is not None
        assert found.entry == b"list"

    def test_a_list_made_at_an_earlier_revision_is_not_taken(self, cache: Cache) -> None:
        cache.store("u1", ENTRY, 3, b"too late", 60)
        found = cache.peek("u1", ENTRY)
        assert found is not None
        assert found.entry is None


def test_every_key_expires(redis_server: RedisServer, client_of_redis: "redis.Redis") -> None:
    RedisCache(link(redis_server), "main", Metrics()).store("u1", ENTRY, 0, b"list", 60)
    assert 0 < client_of_redis.ttl(keys.customer("main", "cached", "u1")) <= 60


def test_a_list_for_everyone_ends_though_others_are_stored(
    redis_server: RedisServer, client_of_redis: "redis.Redis"
) -> None:
    cache = RedisCache(link(redis_server), "main", Metrics())
    cache.store(None, ENTRY, 0, b"short", 5)
    cache.store(None, ENTRY[::-1], 0, b"long", 60)
    assert 0 < client_of_redis.ttl(keys.shared("main", "everyone", ENTRY)) <= 5


def test_a_customer_keeps_a_limited_number_of_lists(redis_server: RedisServer, client_of_redis: "redis.Redis") -> None:
    cache = RedisCache(link(redis_server), "main", Metrics())
    client_of_redis.hset(keys.customer("main", "lists", "u1"), "revision", "5")
    for number in range(200):
        cache.store("u1", f"{number:024d}", 5, b"list", 60)
    assert client_of_redis.hlen(keys.customer("main", "cached", "u1")) <= MOST_ENTRIES
    assert client_of_redis.hget(keys.customer("main", "lists", "u1"), "revision") == b"5"
    last = cache.peek("u1", f"{199:024d}")
    assert last is not None
    assert last.entry == b"list"


def test_an_error_reply_leaves_the_connection_usable(redis_server: RedisServer, client_of_redis: "redis.Redis") -> None:
    client_of_redis.set(keys.customer("main", "lists", "u1"), "not a hash")
    cache = RedisCache(link(redis_server), "main", Metrics())
    assert cache.peek("u1", ENTRY) is None
    found = cache.peek("u2", ENTRY)
    assert found is not None
    assert found.entry is None


def test_a_change_of_the_customer_makes_the_cached_list_too_old(
    client: FlaskClient, client_of_redis: "redis.Redis"
) -> None:
    ask(client, user_id="u0")
    client_of_redis.hincrby(keys.customer("main", "lists", "u0"), "revision", 1)
    assert ask(client, user_id="u0")["served_by"] == "live"
    assert ask(client, user_id="u0")["served_by"] == "cached"


def test_a_list_is_too_old_after_its_time(services: Services) -> None:
    later = replace(services, clock=lambda: shop.NOW + 10_000.0)
    ask(create_app(services).test_client(), user_id="u0")
    assert ask(create_app(later).test_client(), user_id="u0")["served_by"] == "live"


def test_another_configuration_does_not_find_the_lists_of_this_one(services: Services) -> None:
    client = create_app(services).test_client()
    ask(client, user_id="u0")
    snapshot = services.snapshots.current
    config = snapshot.config.model_copy(update={"seed": 8})
    services.snapshots.use(replace(snapshot.bundle, info=replace(snapshot.bundle.info, config=config)))
    assert ask(client, user_id="u0")["served_by"] == "live"


def test_a_sold_out_item_is_gone_from_the_next_list_and_others_stay_cached(client: FlaskClient) -> None:
    first = ask(client, user_id="u0", count=3, diversity=False)
    ask(client, user_id="u1", count=3, diversity=False)
    gone = first["items"][0]["item_id"]
    assert client.put(f"/v1/items/{gone}", json={"in_stock": False}).status_code == 200
    following = ask(client, user_id="u0", count=3, diversity=False)
    assert following["served_by"] == "live"
    assert gone not in ids(following)
    assert ask(client, user_id="u1", count=3, diversity=False)["served_by"] == "cached"


@pytest.mark.parametrize("change", [{"in_stock": 0}, {"hidden": True}, {"available_until": "2020-01-01T00:00:00Z"}])
@pytest.mark.parametrize("placement", ["home", "popular", "new", "product", "buy_again", "similar"])
def test_what_may_not_be_shown_is_on_no_path(client: FlaskClient, placement: str, change: dict) -> None:
    ask(client, placement=placement, user_id="u0", item_ids=["mat"], count=200)
    client.put("/v1/items/tent", json=change)
    assert "tent" not in ids(ask(client, placement=placement, user_id="u0", item_ids=["mat"], count=200))


def test_an_item_that_is_back_is_shown_again(client: FlaskClient) -> None:
    client.put("/v1/items/tent", json={"in_stock": False})
    assert "tent" not in ids(ask(client, user_id="u0", count=12))
    client.put("/v1/items/tent", json={"in_stock": 7})
    assert "tent" in ids(ask(client, user_id="u0", count=12))


def test_a_changed_price_is_obeyed_by_the_next_filter(client: FlaskClient) -> None:
    assert ids(ask(client, user_id="u0", filter="price < 5")) == []
    client.put("/v1/items/axe", json={"price": "4.50"})
    answer = ask(client, user_id="u0", filter="price < 5")
    assert ids(answer) == ["axe"]
    assert answer["items"][0]["properties"]["price"] == "4.50"


def test_another_worker_obeys_at_once(services: Services, settings: object) -> None:
    other = create_app(replace(services, snapshots=type(services.snapshots)(
        services.catalogue, services.snapshots.current.bundle, None, services.clock))).test_client()  # fmt: skip
    client = create_app(services).test_client()
    assert "tent" in ids(ask(other, user_id="u0", count=12))
    client.put("/v1/items/tent", json={"hidden": True})
    assert "tent" not in ids(ask(other, user_id="u0", count=12))


def test_an_item_put_a_minute_ago_is_recommended_by_its_tags(client: FlaskClient) -> None:
    client.put("/v1/items/hammock", json={"title": "Hammock", "tags": ["camping"], "category": "Outdoor > Camping"})
    answer = ask(client, user_id="u0", filter="'camping' in tags", count=200)
    assert "hammock" in ids(answer)
    assert "hammock" in ids(ask(client, placement="similar", item_ids=["tent"], count=200))


def test_a_list_ends_when_an_item_goes_off_sale(services: Services) -> None:
    client = create_app(services).test_client()
    client.put("/v1/items/tent", json={"available_until": "2026-01-01T00:05:00Z"})
    assert "tent" in ids(ask(client, user_id="u0", count=12))
    later = create_app(replace(services, clock=lambda: shop.NOW + 301.0)).test_client()
    assert "tent" not in ids(ask(later, user_id="u0", count=12))


def test_a_refusal_ends_what_was_cached(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    ask(client, user_id="u0")
    assert client_of_redis.hlen(keys.customer("main", "cached", "u0")) == 1
    client.put("/v1/users/u0/preferences", json={"personalize": False})
    assert not client_of_redis.exists(keys.customer("main", "cached", "u0"))


def test_the_revision_lives_as_long_as_the_lists_made_at_it(
    redis_server: RedisServer, client_of_redis: "redis.Redis"
) -> None:
    state = keys.customer("main", "lists", "u1")
    client_of_redis.hset(state, "revision", "1")
    client_of_redis.expire(state, 5)
    RedisCache(link(redis_server), "main", Metrics()).store("u1", ENTRY, 1, b"list", 300)
    assert client_of_redis.ttl(state) > 5

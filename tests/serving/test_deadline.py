"""A list that would come too late is replaced by a cheaper one that obeys the same rules."""

from dataclasses import replace

import pytest
import redis
from flask.testing import FlaskClient

from serving.adapters import keys
from serving.app import create_app
from serving.pace import Pace
from serving.services import Services
from tests.serving.test_lists import ask, ids


@pytest.fixture
def client(services: Services) -> FlaskClient:
    """An app in which every live answer is known to take ten seconds."""
    pace = Pace()
    for placement in ("home", "product", "buy_again"):
        pace.observe(placement, 10.0)
    return create_app(replace(services, pace=pace)).test_client()


def test_without_a_deadline_the_full_answer_comes(client: FlaskClient) -> None:
    assert ask(client, user_id="u0")["served_by"] == "live"


def test_a_short_deadline_brings_what_is_popular(client: FlaskClient) -> None:
    answer = ask(client, user_id="u0", timeout_ms=50)
    assert (answer["served_by"], answer["degraded"]) == ("popular", True)
    assert len(answer["items"]) == 12
    assert [item["rank"] for item in answer["items"]] == list(range(1, 13))


def test_a_cached_list_meets_any_deadline(client: FlaskClient) -> None:
    ask(client, user_id="u0")
    answer = ask(client, user_id="u0", timeout_ms=1)
    assert (answer["served_by"], answer["degraded"]) == ("cached", False)


def test_an_older_list_is_checked_and_filled_up(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    old = ask(client, user_id="u0", count=6)
    client_of_redis.hincrby(keys.customer("main", "lists", "u0"), "revision", 1)
    gone = ids(old)[0]
    client.put(f"/v1/items/{gone}", json={"in_stock": False})
    answer = ask(client, user_id="u0", count=6, timeout_ms=50)
    assert (answer["served_by"], answer["degraded"]) == ("stale", True)
    assert ids(answer)[:5] == ids(old)[1:]
    assert len(set(ids(answer))) == 6
    assert gone not in ids(answer)


def test_an_older_list_shows_todays_price(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    first = ids(ask(client, user_id="u0", count=6))[0]
    client_of_redis.hincrby(keys.customer("main", "lists", "u0"), "revision", 1)
    client.put(f"/v1/items/{first}", json={"price": "4.50"})
    answer = ask(client, user_id="u0", count=6, timeout_ms=50)
    assert answer["served_by"] == "stale"
    assert {one["item_id"]: one["properties"]["price"] for one in answer["items"]}[first] == "4.50"


def test_a_degraded_list_is_not_cached(client: FlaskClient) -> None:
    ask(client, user_id="u0", timeout_ms=50)
    assert ask(client, user_id="u0")["served_by"] == "live"


@pytest.mark.parametrize("placement", ["home", "product"])
def test_cheaper_lists_obey_filters_and_exclusions(client: FlaskClient, placement: str) -> None:
    fields = {"placement": placement, "item_ids": ["mat"], "exclude_item_ids": ["axe"], "filter": "'camping' in tags"}
    answer = ask(client, user_id="u0", count=200, timeout_ms=50, **fields)
    assert sorted(ids(answer)) == ["lamp", "rope", "stove", "tent"]


def test_a_live_answer_is_tried_again_after_a_while() -> None:
    pace = Pace()
    pace.observe("home", 10.0)
    tries = [pace.allows("home", 1.0) for _ in range(200)]
    assert not tries[0]
    assert tries[-1]

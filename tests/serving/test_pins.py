"""What the shop pins comes first in every list, however it is made, unless a rule keeps it from the customer."""

from dataclasses import replace
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from serving.adapters import keys
from serving.app import create_app
from serving.pace import Pace
from serving.services import Services
from serving.settings import Settings
from tests.serving.test_events import send
from tests.serving.test_lists import ask, ids

PINS = """
[placements.home]
pins = ["whisk", "no such item", "axe", "bowl", "whisk"]

[placements.popular]
pins = ["fork"]
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "tagalong.toml").write_text(PINS)
    return settings.model_copy(update={"config": tmp_path / "tagalong.toml"})


@pytest.fixture
def late(services: Services) -> FlaskClient:
    """An app in which every live answer is known to take ten seconds."""
    pace = Pace()
    pace.observe("home", 10.0)
    return create_app(replace(services, pace=pace)).test_client()


def pinned(answer: dict) -> list[str]:
    return [item["item_id"] for item in answer["items"] if item["source"] == "pinned"]


@pytest.mark.parametrize("who", [{"user_id": "u0"}, {"visitor_id": "new"}, {}, {"user_id": "u0", "personalize": False}])
def test_pins_lead_everybodys_list_and_count_in_it(client: FlaskClient, who: dict) -> None:
    for served_by in ("live", "cached"):
        answer = ask(client, count=5, **who)
        assert answer["served_by"] == served_by
        assert ids(answer)[:3] == pinned(answer) == ["whisk", "axe", "bowl"]
        assert len(set(ids(answer))) == 5
        assert [item["reasons"] for item in answer["items"][:3]] == [[{"code": "pinned", "evidence": None}]] * 3


def test_a_pin_beyond_the_count_is_not_shown(client: FlaskClient) -> None:
    assert ids(ask(client, count=2)) == ["whisk", "axe"]


def test_a_rule_is_stronger_than_a_pin(client: FlaskClient) -> None:
    send(client, {"user_id": "u0", "event": "add_to_cart", "item_id": "axe"})
    assert pinned(ask(client, user_id="u0")) == ["whisk", "bowl"]
    assert pinned(ask(client, user_id="u1")) == ["whisk", "axe", "bowl"]
    assert pinned(ask(client, filter="'camping' in tags")) == ["axe"]
    assert pinned(ask(client, exclude_item_ids=["whisk"], item_ids=["bowl"])) == ["axe"]


def test_a_cached_list_drops_a_pin_that_is_sold_out_and_takes_it_back(client: FlaskClient) -> None:
    shown = []
    for in_stock in (True, False, True):
        client.put("/v1/items/axe", json={"in_stock": in_stock})
        shown.append(pinned(ask(client, user_id="u0")))
    assert shown == [["whisk", "axe", "bowl"], ["whisk", "bowl"], ["whisk", "axe", "bowl"]]


def test_on_a_page_without_repeats_a_pin_comes_once(client: FlaskClient) -> None:
    body = {"distinct": True, "requests": [{"count": 4}, {"count": 4}, {"placement": "popular", "count": 4}]}
    first, second, popular = client.post("/v1/recommendations:batch", json=body).json["results"]
    assert (pinned(first), pinned(second)) == (["whisk", "axe", "bowl"], [])
    assert pinned(popular) == (["fork"] if "fork" not in ids(first) + ids(second) else [])
    assert len(set(ids(first) + ids(second) + ids(popular))) == 12


def test_the_next_page_goes_on_with_the_pins_that_were_not_shown(client: FlaskClient) -> None:
    first = ask(client, user_id="u0", count=2)
    following = client.get(f"/v1/recommendations/{first['rec_id']}/next?count=5").json
    assert (pinned(first), pinned(following)) == (["whisk", "axe"], ["bowl"])
    assert ids(following)[0] == "bowl"


def test_what_is_popular_comes_after_the_pins_where_time_is_short(late: FlaskClient) -> None:
    send(late, {"user_id": "u0", "event": "dislike", "item_id": "axe"})
    answer = ask(late, user_id="u0", count=12, timeout_ms=50)
    assert answer["served_by"] == "popular"
    assert ids(answer)[:2] == pinned(answer) == ["whisk", "bowl"]
    assert len(set(ids(answer))) == 11


def test_an_older_list_comes_after_the_pins_of_today(late: FlaskClient, client_of_redis: "redis.Redis") -> None:
    old = ask(late, user_id="u0", count=6)
    client_of_redis.hincrby(keys.customer("main", "lists", "u0"), "revision", 1)
    late.put("/v1/items/axe", json={"in_stock": False})
    answer = ask(late, user_id="u0", count=6, timeout_ms=50)
    assert answer["served_by"] == "stale"
    assert ids(answer)[:5] == ["whisk", "bowl", *ids(old)[3:]]
    assert len(set(ids(answer))) == 6
    assert pinned(answer) == ["whisk", "bowl"]


def test_an_explanation_says_that_an_item_is_pinned_or_what_keeps_it_out(client: FlaskClient) -> None:
    send(client, {"user_id": "u0", "event": "add_to_cart", "item_id": "axe"})
    shown = {item: client.get(f"/v1/explain?user_id=u0&item_id={item}").json for item in ("bowl", "axe", "tent")}
    assert (shown["bowl"]["rank"], shown["bowl"]["reasons"][0]["code"]) == (2, "pinned")
    assert (shown["axe"]["rank"], shown["axe"]["dropped_by"], shown["axe"]["reasons"]) == (None, "in_cart", [])
    assert shown["tent"]["rank"] > 2
    assert "pinned" not in {reason["code"] for reason in shown["tent"]["reasons"]}

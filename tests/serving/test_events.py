"""Events over HTTP: each part judged by itself, stored once, and felt by the very next list."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import redis
from flask.testing import FlaskClient

from serving.app import create_app
from serving.bootstrap import build
from serving.settings import Settings
from tests.serving import shop

NOW = shop.NOW


def send(client: FlaskClient, *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = client.post("/v1/events", json={"events": list(events), **more})
    assert response.status_code == 202, response.text
    return response.json


def view(item: str, user: str = "new", **more: Any) -> dict[str, Any]:
    return {"user_id": user, "item_id": item, "event": "view_item", "timestamp": NOW, **more}


def ids(client: FlaskClient, **fields: Any) -> list[str]:
    answer = client.post("/v1/recommendations", json={"count": 12, "diversity": False, **fields}).json
    return [item["item_id"] for item in answer["items"]]


def log(client_of_redis: "redis.Redis") -> list[dict[str, Any]]:
    return [orjson.loads(fields[b"event"]) for _, fields in client_of_redis.xrange("log:{main}")]


def test_good_parts_are_stored_and_bad_ones_named(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    answer = send(
        client,
        view("tent"),
        {"item_id": "tent"},
        view("tent", timestamp=NOW + 3_600),
        view("tent", timestamp="2019-01-01T00:00:00Z"),
        view("tent", user="bad\nid"),
        view("tent", quantity="many"),
        view("tent", quantity=0),
        view("tent", quantiy=2),
        {"user_id": "new", "event": "view_item"},
        "not an event",
    )
    assert (answer["accepted"], answer["duplicates"]) == (1, 0)
    assert [(r["index"], r["code"]) for r in answer["rejected"]] == [
        (1, "missing_field"),
        (2, "timestamp_in_future"),
        (3, "timestamp_too_old"),
        (4, "invalid"),
        (5, "invalid"),
        (6, "invalid"),
        (7, "unknown_field"),
        (8, "missing_field"),
        (9, "invalid"),
    ]
    assert "user_id" in answer["rejected"][3]["detail"]
    assert len(log(client_of_redis)) == 1


def test_null_is_no_id(client: FlaskClient) -> None:
    assert send(client, view("tent") | {"user_id": None, "visitor_id": "v"})["accepted"] == 1
    assert send(client, view("tent") | {"user_id": None})["rejected"][0]["code"] == "missing_field"
    assert send(client, view("tent") | {"items": None, "event": None, "quantity": None})["accepted"] == 1


def test_an_event_counts_once_and_the_first_content_wins(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    assert send(client, view("tent", event_id="1"))["accepted"] == 1
    again = send(client, view("tent", event_id="1"), view("axe", event_id="1"), view("axe", event_id="2"))
    assert (again["accepted"], again["duplicates"]) == (1, 2)
    assert [row["item_id"] for row in log(client_of_redis)] == ["tent", "axe"]


def test_an_event_without_an_id_gets_one_from_its_content(client: FlaskClient) -> None:
    assert send(client, view("tent"))["accepted"] == 1
    assert send(client, view("tent"))["duplicates"] == 1


def test_equal_lines_of_one_event_are_all_counted_and_sent_again_none_is(client: FlaskClient) -> None:
    line = {"item_id": "tent", "price": 10}
    order = {"user_id": "new", "event": "purchase", "order_id": "x", "timestamp": NOW, "items": [line, line]}
    for _ in range(2):
        send(client, order)
        assert client.get("/v1/users/new").json["spent"] == 20


def test_a_dry_run_judges_and_stores_nothing(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    answer = send(client, view("tent"), {"item_id": "x"}, validate_only=True)
    assert (answer["accepted"], len(answer["rejected"])) == (1, 1)
    assert (answer["unknown_events"], answer["unknown_items"]) == ([], [])
    told = send(client, view("tnet", event="veiw"), validate_only=True)
    assert (told["unknown_events"], told["unknown_items"]) == (["veiw"], ["tnet"])
    assert client_of_redis.keys("*") == []


def test_aliases_ga4_items_and_unknown_names_and_items_are_taken(
    client: FlaskClient, client_of_redis: "redis.Redis"
) -> None:
    basket = {
        "user_id": "new",
        "event": "Order Completed",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "event_id": "o1",
        "transaction_id": "77",
        "currency": "EUR",
        "search_term": "tents",
        "tax": 1.9,
        "coupon": None,
        "value": 30,
        "items": [
            {"item_id": "tent", "price": "10.0", "quantity": None, "item_brand": "ignored"},
            {"item_id": "never seen", "quantity": 2},
        ],
    }
    answer = send(client, basket, view("tent", event="waved at"))
    assert answer["accepted"] == 2
    assert (answer["unknown_events"], answer["unknown_items"]) == (["waved at"], ["never seen"])
    rows = log(client_of_redis)
    assert [(r["event"], r["item_id"], r["event_id"]) for r in rows[:2]] == [
        ("purchase", "tent", "o1"),
        ("purchase", "never seen", "o1#1"),
    ]
    assert [r.get("order_id") for r in rows] == ["77", "77", None]
    assert rows[2]["event"] == "waved at"
    assert send(client, basket)["duplicates"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"events": 1}', 422),
        (b'{"events": []}', 422),
        (b'{"events": [' + b"1," * 1_000 + b"1]}", 422),
        (b'{"events": [], "more": 1}', 422),
        (b'{"events": ["' + b"x" * 9_000_000 + b'"]}', 413),
    ],
)
def test_a_call_that_is_no_list_of_events_is_refused(client: FlaskClient, body: bytes, status: int) -> None:
    answer = client.post("/v1/events", data=body, content_type="application/json")
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


def test_a_call_of_two_megabytes_is_taken(client: FlaskClient) -> None:
    events = [
        view("tent", event_id=f"{n:0200}", order_id="o" * 250, session_id="s" * 250, rec_id="r" * 250)
        for n in range(1_000)
    ]
    events = [event | {"items": [{"item_id": "tent", "name": "n" * 900}]} for event in events]
    assert send(client, *events)["accepted"] == 1_000


def test_the_next_list_knows_what_was_put_into_the_cart(client: FlaskClient) -> None:
    before = ids(client, user_id="u0")
    send(client, view(before[0], user="u0", event="add_to_cart"))
    assert before[0] not in ids(client, user_id="u0")
    send(client, view(before[0], user="u0", event="remove_from_cart", timestamp=NOW + 1))
    assert before[0] in ids(client, user_id="u0")


def test_an_anonymous_visitor_is_followed_from_the_first_view(client: FlaskClient) -> None:
    send(client, view("pan", user="v1"), view("pot", user="v1", timestamp=NOW + 1))
    assert set(ids(client, visitor_id="v1", count=4)) <= set(shop.KITCHEN)


def test_of_a_browser_that_asks_for_it_nothing_is_learned(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    private = {"Sec-GPC": "1"}
    events = [view("tent", user="v1", event_id=str(n), consent=True) for n in range(3)]
    answer = client.post("/v1/events", json={"events": [*events, "no event"]}, headers=private).json
    assert (answer["accepted"], len(answer["rejected"])) == (3, 1)
    assert {one["consent"] for one in log(client_of_redis)} == {False}
    seen = client.get("/v1/users/v1").json
    assert (seen["events"], seen["tags"]) == (0, [])


def test_events_without_consent_are_logged_but_not_lived_by(
    client: FlaskClient, client_of_redis: "redis.Redis"
) -> None:
    send(client, view("pan", user="v1", consent=False))
    assert log(client_of_redis)[0]["consent"] is False
    assert client_of_redis.keys("*v1*") == []


def test_long_states_are_compacted_and_keep_what_exclusions_need(
    client: FlaskClient, client_of_redis: "redis.Redis"
) -> None:
    send(client, view("tent", event="add_to_cart"))
    for n in range(200):
        send(client, view("pan", timestamp=NOW + 1 + n))
    assert client_of_redis.llen("events:{main:new}") <= 51 + 14
    assert "tent" not in ids(client, user_id="new")


@pytest.mark.parametrize("lasting", [69, 70, 75])
def test_a_state_of_much_that_lasts_is_not_compacted_for_every_event(
    client: FlaskClient, client_of_redis: "redis.Redis", lasting: int
) -> None:
    bought = (view(f"item {n}", event="purchase", timestamp=NOW - 900 + n) for n in range(lasting))
    send(client, *bought, *(view("pan", timestamp=NOW - 800 + n) for n in range(50)))
    send(client, *(view("pan", timestamp=NOW - 700 + n) for n in range(15)))
    client_of_redis.config_resetstat()
    accepted = [send(client, view("pan", timestamp=NOW - 600 + n))["accepted"] for n in range(30)]
    rewritten = client_of_redis.info("commandstats")["cmdstat_rpush"]["calls"] - 30
    assert sum(accepted) == 30
    assert rewritten == 2 * (lasting + 50)


def test_a_state_whose_events_expired_is_compacted_like_a_first_one(
    client: FlaskClient, client_of_redis: "redis.Redis"
) -> None:
    bought = (view(f"item {n}", event="purchase", timestamp=NOW - 900 + n) for n in range(70))
    send(client, *bought, *(view("pan", timestamp=NOW - 800 + n) for n in range(50)))
    client_of_redis.delete("events:{main:new}")
    send(client, *(view("axe", timestamp=NOW - 700 + n) for n in range(50 + 15)))
    assert client_of_redis.llen("events:{main:new}") == 50


def test_every_key_expires_or_is_capped(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    send(client, view("tent"), view("tent", event="view_item_list", event_id="i"))
    ids(client, user_id="new")
    forever = {key for key in client_of_redis.keys("*") if client_of_redis.ttl(key) == -1}
    assert forever <= {b"log:{main}"}


@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_redis_that_cannot_store_refuses_and_keeps_nothing(
    client: FlaskClient, client_of_redis: "redis.Redis", state: str
) -> None:
    send(client, view("tent"))
    before = client_of_redis.dump("events:{main:new}")
    if state == "full":
        client_of_redis.config_set("maxmemory", 1)
    else:
        client_of_redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    client_of_redis.script_flush()
    try:
        assert client.post("/v1/recommendations", json={"user_id": "u3"}).status_code == 200
        answer = client.post("/v1/events", json={"events": [view("axe"), view("pan")]})
        assert answer.status_code == 503
        assert answer.get_json()["detail"] == "event log refuses the command"
        assert int(answer.headers["Retry-After"]) >= 1
        assert client_of_redis.xlen("log:{main}") == 1
        assert client_of_redis.dump("events:{main:new}") == before
        assert client.get("/readyz").status_code == 503
        assert 'tagalong_unavailable_total{part="event log"}' in client.get("/metrics").text
    finally:
        client_of_redis.config_set("maxmemory", 0)
        client_of_redis.execute_command("REPLICAOF", "NO", "ONE")
    assert send(client, view("axe"))["accepted"] == 1
    assert client.get("/readyz").status_code == 200


def test_an_amount_beyond_reason_spoils_no_other_event(client: FlaskClient) -> None:
    told = send(client, view("tent"), view("axe", price=1e39))
    assert (told["accepted"], ["price" in each["detail"] for each in told["rejected"]]) == (1, [True])


def test_a_dead_redis_refuses_events(settings: Settings, tmp_path: Path) -> None:
    nowhere = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/nothing.sock"})
    with shop.running(build(nowhere)) as services:
        client = create_app(services).test_client()
        answer = client.post("/v1/events", json={"events": [view("a", timestamp=None)]})
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers

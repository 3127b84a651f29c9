"""Customers over HTTP: tags that behaviour earns at once, choices that are obeyed, one identity, and the way out."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from flask.testing import FlaskClient

from features.tag_rules import CustomerTag, TagRules, with_derived
from recommender.config import TagRule
from recommender.errors import Conflict
from recommender.filters import compile_filter
from recommender.times import timestamp
from serving.app import create_app
from serving.bootstrap import build, build_archiver
from serving.list_request import ListRequest
from serving.question import build_lift
from serving.run import check_config
from serving.services import Services
from serving.settings import Settings
from serving.snapshot import carriers
from tests.serving import shop
from tests.serving.test_events import ids, send, view

NOW = shop.NOW
RULES = """
[[tag_rules]]
tag = "camping"
when = "category = 'Outdoor > Camping'"
events = ["view_item"]
count = 3
in_a_row = true

[[derived_tags]]
tag = "camping"
brings = ["lightweight-gear"]
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "tagalong.toml").write_text(RULES)
    return settings.model_copy(update={"config": tmp_path / "tagalong.toml"})


def three_views(user: str = "new", items: tuple[str, ...] = ("tent", "stove", "lamp")) -> list[dict[str, Any]]:
    return [view(item, user, timestamp=NOW + n) for n, item in enumerate(items)]


def tags(client: FlaskClient, user: str = "new") -> dict[str, dict[str, Any]]:
    return {tag["tag"]: tag for tag in client.get(f"/v1/users/{user}/tags").json["tags"]}


def test_three_views_in_a_row_give_the_tag_at_once_with_its_evidence(client: FlaskClient) -> None:
    send(client, *three_views()[:2])
    assert tags(client) == {}
    send(client, three_views()[2])
    found = tags(client)
    assert found["camping"]["provenance"] == "rule"
    assert found["camping"]["rule"] == "3 view_item in a row where category = 'Outdoor > Camping'"
    assert found["camping"]["evidence"] == ["tent", "stove", "lamp"]
    assert found["camping"]["weight"] == pytest.approx(1, abs=0.01)
    assert found["lightweight-gear"]["provenance"] == "derived"
    assert found["lightweight-gear"]["rule"] == "camping"


def test_the_tag_is_a_reason_in_the_very_next_list(client: FlaskClient) -> None:
    client.post("/v1/recommendations", json={"user_id": "new", "count": 12})
    send(client, *three_views())
    answer = client.post("/v1/recommendations", json={"user_id": "new", "count": 12, "diversity": False}).json
    assert answer["served_by"] == "live"
    reasons = {(r["code"], r["evidence"]) for item in answer["items"][:3] for r in item["reasons"]}
    assert ("tag", "camping") in reasons


def test_a_tag_outlives_the_events_that_earned_it(client: FlaskClient) -> None:
    send(client, *three_views())
    for n in range(140):
        send(client, view("pan", timestamp=NOW + 10 + n))
    found = tags(client)["camping"]
    assert found["evidence"] == ["tent", "stove", "lamp"]
    assert found["weight"] == pytest.approx(1, abs=0.01)


def test_a_muted_tag_stays_away_until_a_hand_puts_it_back(client: FlaskClient) -> None:
    send(client, *three_views())
    assert client.delete("/v1/users/new/tags/camping").json["muted"] == ["camping"]
    send(client, *three_views(items=("rope", "axe", "mat")))
    assert tags(client) == {}
    answer = client.put("/v1/users/new/tags/camping", json={"weight": 2}).json
    first = answer["tags"][0]
    assert (first["tag"], first["weight"], first["provenance"]) == ("camping", 2, "hand")
    assert answer["muted"] == []
    assert client.delete("/v1/users/new/tags/never had").status_code == 404


def test_a_muted_tag_stays_away_however_often_it_is_earned(client: FlaskClient) -> None:
    send(client, *three_views())
    client.delete("/v1/users/new/tags/camping")
    for n in range(60):
        send(client, *three_views(items=("rope", "axe", "mat")), view("pan", timestamp=NOW + 10 + n))
    answer = client.get("/v1/users/new/tags").json
    assert (answer["muted"], [tag["tag"] for tag in answer["tags"]]) == (["camping"], [])


def test_a_tag_by_hand_outlives_a_rule_that_gives_it_too(client: FlaskClient, services: Services) -> None:
    client.put("/v1/users/new/tags/camping", json={"weight": 0.5})
    send(client, *three_views())
    for n in range(140):
        send(client, view("pan", timestamp=NOW + 10 + n))
    given = services.profiles.read(["new"])[0].given
    assert [(tag.name, tag.provenance, tag.weight) for tag in given] == [("camping", "hand", 0.5)]


def test_a_tag_by_hand_acts_on_the_next_list(client: FlaskClient) -> None:
    client.put("/v1/users/nobody/tags/cooking")
    assert len(set(ids(client, user_id="nobody", count=4)) & set(shop.KITCHEN)) >= 3


def test_declared_tags_act_and_replace_each_other(client: FlaskClient) -> None:
    body = {"tags": ["cooking"], "birthday": "02-29", "language": "zh", "attributes": {"store": "A 1"}}
    shown = client.put("/v1/users/a%2Fb 🏕", json=body).json
    assert shown["user_id"] == "a/b 🏕"
    assert shown["declared"] == body
    assert shown["declared_at"] == timestamp(shop.NOW)
    assert [(t["tag"], t["provenance"]) for t in shown["tags"]] == [("cooking", "declared")]
    assert len(set(ids(client, user_id="a/b 🏕", count=4)) & set(shop.KITCHEN)) >= 3
    assert client.put("/v1/users/a%2Fb 🏕", json={"tags": []}).json["tags"] == []


def test_a_declared_tag_of_another_case_acts_as_the_items_spell_it(client: FlaskClient) -> None:
    lists = []
    for tag in ("cooking", "COOKING", "Nothing"):
        client.put("/v1/users/somebody", json={"tags": [tag]})
        lists.append(ids(client, user_id="somebody"))
    assert lists[0] == lists[1] != lists[2]
    assert client.get("/v1/users/somebody").json["declared"]["tags"] == ["Nothing"]


def test_only_a_rule_about_some_items_makes_them_carriers_of_its_tag(services: Services) -> None:
    catalogue = services.snapshots.current.bundle.catalogue

    def carried(when: str) -> set[str]:
        rule = TagRule(tag="camping", events=("view_item",), count=3, when=when)
        rules = TagRules.over([rule], catalogue, lambda text: compile_filter(text, catalogue))
        return {catalogue.items[int(row)] for row in np.flatnonzero(carriers(catalogue, rules, "camping"))}

    assert carried("") == set(shop.CAMPING)
    assert carried("item_id = 'pan'") == {*shop.CAMPING, "pan"}


def test_a_patch_changes_what_it_names_and_nothing_else(client: FlaskClient, settings: Settings) -> None:
    table = pa.table({"user_id": ["u0"], "region": ["DE"], "tags": [["vegan"]], "age": ["40"], "consent_sms": [True]})
    pq.write_table(table, settings.shop_folder / "users.parquet")
    shown = client.patch("/v1/users/u0", json={"consent_email": False}).json["declared"]
    from_files = {"region": "DE", "tags": ["vegan"], "age": "40", "consent_sms": True}
    assert shown == from_files | {"consent_email": False}
    client.patch("/v1/users/u0", json={"attributes": {"size": 42, "card": "gold"}, "language": "de"})
    shown = client.patch("/v1/users/u0", json={"attributes": {"size": None}, "region": None}).json["declared"]
    del from_files["region"]
    assert shown == from_files | {"consent_email": False, "language": "de", "attributes": {"card": "gold"}}
    shown = client.patch("/v1/users/u0", json={"attributes": None, "tags": []}).json["declared"]
    assert shown == from_files | {"consent_email": False, "language": "de", "tags": []}
    assert client.patch("/v1/users/u0", json={"consent_email": None}).status_code == 422
    client.patch("/v1/users/u1", json={"attributes": {f"a{n}": n for n in range(50)}})
    full = client.patch("/v1/users/u1", json={"attributes": {"one more": 1}})
    assert (full.status_code, full.json["errors"][0]["field"]) == (422, "attributes")
    assert client.patch("/v1/users/u1", json={"attributes": {"one more": 1, "a0": None}}).status_code == 200
    build_archiver(settings).work()
    assert client.get("/v1/users/u0").json["declared"] == shown


def test_declared_tags_lift_only_while_nothing_else_is_known(services: Services) -> None:
    snapshot, own = services.snapshots.current, (CustomerTag("cooking", 1.0, "declared", shop.NOW),)
    lifted = build_lift(snapshot, ListRequest(), own, new=True)
    assert lifted is not None
    assert {snapshot.bundle.catalogue.items[int(row)] for row in np.flatnonzero(lifted)} == set(shop.KITCHEN)
    assert build_lift(snapshot, ListRequest(), own, new=False) is None
    brings = {"cooking": {"camping": 0.5}, "camping": {"cooking": 0.5}}
    brought = with_derived({"camping": replace(own[0], name="camping")}, brings)
    assert brought["cooking"].provenance == "derived"
    assert build_lift(snapshot, ListRequest(), tuple(brought.values()), new=False) is None
    earned = with_derived({"camping": replace(own[0], name="camping", provenance="rule")}, brings)
    assert build_lift(snapshot, ListRequest(), (earned["cooking"],), new=False) is not None


def test_a_bulk_of_users_judges_each(client: FlaskClient) -> None:
    users = [{"user_id": "a", "tags": ["x"]}, {"tags": ["x"]}, {"user_id": "b", "birthday": "31-12"}]
    answer = client.post("/v1/users", json={"users": users}).json
    assert answer["accepted"] == 1
    assert [(r["index"], r["field"]) for r in answer["rejected"]] == [(1, "user_id"), (2, "birthday")]
    assert list(tags(client, "a")) == ["x"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/users/a", {"tag": ["x"]}),
        ("PUT", "/v1/users/a", {"tags": "x"}),
        ("PUT", "/v1/users/a", {"consent_email": "yes"}),
        ("PUT", "/v1/users/a/preferences", {"personalize": "no"}),
        ("PUT", "/v1/users/a/preferences", {}),
        ("PUT", "/v1/users/a/tags/x", {"weight": 0}),
        ("POST", "/v1/users/a:merge", {}),
        ("POST", "/v1/users", {"users": []}),
    ],
)
def test_wrong_bodies_name_the_field(client: FlaskClient, method: str, path: str, body: dict[str, Any]) -> None:
    answer = client.open(path, method=method, json=body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"]


def test_a_summary_says_stage_tier_and_price_level(client: FlaskClient) -> None:
    shown = client.get("/v1/users/u0").json
    assert (shown["stage"], shown["orders"], shown["typical_price"]) == ("loyal", 6, 2.0)
    assert client.get("/v1/users/never").json["stage"] == "unknown"


def merge(client: FlaskClient, visitor: str, user: str) -> Any:
    return client.post(f"/v1/users/{user}:merge", json={"visitor_id": visitor})


def test_a_merged_visitor_is_the_customer_from_now_on(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    send(client, *three_views("visitor"), view("tent", "visitor", event="add_to_cart"))
    client.put("/v1/users/visitor/tags/vip", json={})
    client.delete("/v1/users/visitor/tags/lightweight-gear")
    before = ids(client, user_id="u1")
    assert merge(client, "visitor", "u1").json == {"user_id": "u1", "visitor_id": "visitor", "merged": True}
    assert merge(client, "visitor", "u1").json["merged"] is False
    assert {"camping", "vip"} <= set(tags(client, "u1"))
    assert "lightweight-gear" not in tags(client, "u1")
    assert "tent" in before
    assert "tent" not in ids(client, user_id="u1")
    assert ids(client, visitor_id="visitor") == ids(client, user_id="u1")
    send(client, view("axe", "visitor", event="add_to_cart"))
    assert "axe" not in ids(client, user_id="u1")
    rows = [orjson.loads(f[b"event"]) for _, f in client_of_redis.xrange("log:{main}") if b"event" in f]
    assert rows[-1]["user_id"] == "u1"


def test_the_trained_history_of_a_merged_visitor_counts_too(client: FlaskClient) -> None:
    assert client.get("/v1/users/u0").json["events"] == 12
    merge(client, "u1", "u0")
    assert client.get("/v1/users/u0").json["events"] == 24


def test_merges_follow_each_other_and_contradictions_are_refused(client: FlaskClient) -> None:
    merge(client, "first", "second")
    merge(client, "second", "third")
    send(client, view("tent", "first", event="add_to_cart"))
    assert "tent" not in ids(client, user_id="third")
    assert "tent" not in ids(client, visitor_id="first")
    assert merge(client, "first", "other").status_code == 409
    assert merge(client, "third", "first").status_code == 409


def test_merges_that_cross_lose_nobody(services: Services) -> None:
    """Both at once is what two devices do; whichever comes first wins, and no one points at themselves."""
    names = [(f"a{n}", f"b{n}") for n in range(40)]
    for a, b in names:
        for one in (a, b):
            services.customers.declare([(one, {})], shop.NOW)

    def join(pair: tuple[str, str]) -> bool:
        try:
            return services.customers.merge(*pair, shop.NOW)
        except Conflict:
            return False

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(join, [pair for a, b in names for pair in ((a, b), (b, a))]))
    assert [sum(done[2 * n : 2 * n + 2]) for n in range(40)] == [1] * 40
    assert all(services.customers.resolve(a) == services.customers.resolve(b) for a, b in names)


@pytest.fixture
def watched(client_of_redis: "redis.Redis") -> Iterator[list[str]]:
    """Every command that Redis is given meanwhile."""
    seen: list[str] = []
    with client_of_redis.monitor() as monitor:

        def listen() -> None:
            for command in monitor.listen():
                seen.append(command["command"])
                if "the end" in command["command"]:
                    return

        thread = threading.Thread(target=listen)
        thread.start()
        yield seen
        client_of_redis.echo("the end")
        thread.join(5)


def wait(seen: list[str], client_of_redis: "redis.Redis", word: str) -> list[str]:
    client_of_redis.echo(word)
    deadline = time.monotonic() + 5
    while not any(word in command for command in seen):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [command for command in seen if word not in command]


PROFILE = ("events:", "seen:", "tags:", "profile:")


def test_a_choice_against_personal_lists_is_obeyed_and_reads_no_profile(
    client: FlaskClient, client_of_redis: "redis.Redis", watched: list[str]
) -> None:
    common = ids(client)
    assert client.put("/v1/users/u1/preferences", json={"personalize": False}).json["personalize"] is False
    wait(watched, client_of_redis, "before the list")
    watched.clear()
    assert ids(client, user_id="u1") == common
    for path in ("/v1/users/u1/recommendations", "/v1/users/u1/buy-again", "/v1/explain?user_id=u1&item_id=tent"):
        assert client.get(path).status_code == 200
    client.post("/v1/rank", json={"user_id": "u1", "item_ids": ["tent", "pan"]})
    client.post("/v1/recommendations:batch", json={"user_id": "u1", "requests": [{}, {"placement": "new"}]})
    asked = wait(watched, client_of_redis, "after the list")
    assert asked
    assert not [command for command in asked if any(f"{kind}{{" in command for kind in PROFILE)]
    assert "tagalong_non_personalised_total" in client.get("/metrics").text
    assert client.put("/v1/users/u1/preferences", json={"personalize": True}).json["personalize"] is True
    assert ids(client, user_id="u1") != common


def test_the_header_of_global_privacy_control_works_for_one_request(
    client: FlaskClient, client_of_redis: "redis.Redis", watched: list[str]
) -> None:
    common, own = ids(client), ids(client, user_id="u1")
    wait(watched, client_of_redis, "before the list")
    watched.clear()
    answer = client.post(
        "/v1/recommendations", json={"user_id": "u1", "count": 12, "diversity": False}, headers={"Sec-GPC": "1"}
    )
    assert [item["item_id"] for item in answer.json["items"]] == common != own
    asked = wait(watched, client_of_redis, "after the list")
    assert not [command for command in asked if "u1" in command]


def test_what_an_opted_out_customer_does_is_not_lived_by_nor_learned_from(
    client: FlaskClient, client_of_redis: "redis.Redis"
) -> None:
    client.put("/v1/users/u1", json={"consent_personalization": False})
    send(client, *three_views("u1"))
    assert not client_of_redis.exists("events:{main:u1}")
    entries = [fields for _, fields in client_of_redis.xrange("log:{main}") if b"event" in fields]
    assert [fields[b"unlearned"] for fields in entries] == [b"1"] * 3
    assert client_of_redis.ttl("lists:{main:u1}") == -1


def test_erasure_forgets_at_once_and_says_so(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    common = ids(client, visitor_id="nobody")
    send(client, *three_views("u1"))
    client.put("/v1/users/u1/tags/vip", json={})
    merge(client, "visitor", "u1")
    assert ids(client, user_id="u1") != common
    receipt = client.delete("/v1/users/u1").json
    assert set(receipt["ids"]) == {"u1", "visitor"}
    assert receipt["removed"]["events"] == 3
    assert receipt["removed"]["tags"] == 1
    assert receipt["status"] == "archive_pending"
    assert ids(client, user_id="u1") == common
    assert tags(client, "u1") == {}
    assert client.get("/v1/users/u1").json["events"] == 0
    checked = client.get(f"/v1/users/u1/erasure/{receipt['receipt']}").json
    assert checked["left"] == {"live_events": 0, "bundle_histories": 0, "archive_rows": 0, "dead_letters": 0}
    assert client.get(f"/v1/users/u2/erasure/{receipt['receipt']}").status_code == 404


def test_an_export_holds_everything(client: FlaskClient) -> None:
    send(client, *three_views())
    client.put("/v1/users/new", json={"language": "de"})
    lines = [orjson.loads(line) for line in client.get("/v1/users/new/export").data.splitlines()]
    kinds = [line["kind"] for line in lines]
    assert kinds == ["profile", "preferences", "tag", "tag", "live_event", "live_event", "live_event"]
    assert lines[0]["declared"] == {"language": "de"}
    assert [line["item_id"] for line in lines[-3:]] == ["tent", "stove", "lamp"]


def test_of_many_tags_every_one_can_be_seen_and_taken_off(client: FlaskClient) -> None:
    for number in range(25):
        client.put(f"/v1/users/new/tags/t{number}", json={"weight": (1 + number) / 10})
    lines = [orjson.loads(line) for line in client.get("/v1/users/new/export").data.splitlines()]
    assert {line["tag"] for line in lines if line["kind"] == "tag"} == {f"t{number}" for number in range(25)}
    assert "t0" in client.delete("/v1/users/new/tags/t0").json["muted"]
    assert client.delete("/v1/users/new/tags/never").status_code == 404


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[[tag_rules]]\ntag = "x"\nwhen = "departmnt = 1"', "departmnt"),
        ('[[tag_rules]]\ntag = "x"\ncuont = 3', "cuont"),
        ('[[derived_tags]]\ntag = "a"\nbrings = ["b"]\n[[derived_tags]]\ntag = "b"\nbrings = ["a"]', "cycle"),
    ],
)
def test_rules_that_make_no_sense_are_refused_at_the_start(settings: Settings, text: str, word: str) -> None:
    assert settings.config is not None
    settings.config.write_text(text)
    with pytest.raises(Exception, match=word) as refused:
        check_config(settings)
    assert "line" in str(refused.value)


def test_the_choice_is_kept_in_the_services_of_another_worker(services: Services, settings: Settings) -> None:
    with shop.running(build(settings)) as another:
        one, other = create_app(services).test_client(), create_app(another).test_client()
        one.put("/v1/users/u1/preferences", json={"personalize": False})
        assert other.get("/v1/users/u1/preferences").json["personalize"] is False


def test_a_boost_may_ask_for_the_customers_tags_too(client: FlaskClient) -> None:
    lifted = "100 * ('cooking' in customer_tags and 'cooking' in tags)"
    plain = ids(client, user_id="new", diversity=False)
    assert ids(client, user_id="new", boost=lifted, diversity=False) == plain
    client.put("/v1/users/new/tags/cooking", json={"weight": 0.001})
    found = ids(client, user_id="new", boost=lifted, diversity=False)
    assert set(found[: len(shop.KITCHEN)]) == set(shop.KITCHEN)


def test_a_filter_may_ask_for_the_customers_tags_as_they_are_now(client: FlaskClient) -> None:
    only_campers = "not 'camping' in customer_tags or 'camping' in tags"
    mine = "tags in customer_tags"
    assert len(ids(client, user_id="new", filter=only_campers)) == 12
    assert ids(client, user_id="new", filter=mine) == []
    send(client, *three_views())
    for wanted in (only_campers, mine):
        assert set(ids(client, user_id="new", filter=wanted)) == set(shop.CAMPING)
        path = {"user_id": "new", "item_id": "pan", "filter": wanted}
        assert client.get("/v1/explain", query_string=path).json["dropped_by"] == "filter"
    client.delete("/v1/users/new/tags/camping")
    assert len(ids(client, user_id="new", filter=only_campers)) == 12


def test_an_export_is_kept_by_nobody_on_the_way(client: FlaskClient) -> None:
    assert client.get("/v1/users/u0/export").headers["Cache-Control"] == "no-store"


def test_attributes_are_replaced_and_shown_as_they_were_put(client: FlaskClient, settings: Settings) -> None:
    archiver = build_archiver(settings)
    client.put("/v1/users/u0", json={"region": "X", "attributes": {"loyalty": "gold"}})
    archiver.work()
    assert client.get("/v1/users/u0").json["declared"]["attributes"] == {"loyalty": "gold"}
    held = [orjson.loads(line) for line in client.get("/v1/users/u0/export").data.splitlines()]
    (declared,) = [one for one in held if one["kind"] == "declared_in_files"]
    assert declared["attributes"] == {"loyalty": "gold"}
    client.put("/v1/users/u0", json={})
    archiver.work()
    assert client.get("/v1/users/u0").json["declared"] == {}


@pytest.mark.parametrize("attributes", ["{gold}", "[1]", '"text"', "gold"])
def test_a_column_of_a_file_that_is_called_attributes_stops_no_look_up(
    client: FlaskClient, settings: Settings, attributes: str
) -> None:
    table = pa.table({"user_id": ["u0"], "region": ["DE"], "attributes": [attributes]})
    pq.write_table(table, settings.shop_folder / "users.parquet")
    assert client.get("/v1/users/u0").json["declared"]["region"] == "DE"


def test_an_alias_that_had_ended_ends_again(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    merge(client, "phone", "tablet")
    client_of_redis.delete("lists:{main:phone}")
    merge(client, "tablet", "u0")
    assert client_of_redis.hget("lists:{main:phone}", "same_as") == b"u0"
    assert client_of_redis.ttl("lists:{main:phone}") > 0

"""Whatever is wrong with a request is answered as a problem that names it."""

import io
import json
from gzip import compress
from urllib.parse import quote

import orjson
import pytest
from flask.testing import FlaskClient

LISTS = "/v1/recommendations"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"placement": "nowhere"}, "placement"),
        ({"placement": "product"}, "item_ids"),
        ({"placement": 7}, "placement"),
        ({"count": 0}, "count"),
        ({"count": 201}, "count"),
        ({"count": "5"}, "count"),
        ({"count": True}, "count"),
        ({"count": 1.5}, "count"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 257}, "user_id"),
        ({"user_id": 42}, "user_id"),
        ({"user_id": "a\nb"}, "user_id"),
        ({"user_id": "a", "visitor_id": "b"}, "body"),
        ({"item_ids": ["ok", ""]}, "item_ids[1]"),
        ({"item_ids": "tent"}, "item_ids"),
        ({"exclude_item_ids": ["x"] * 1001}, "exclude_item_ids"),
        ({"filter": "colour = 'red'"}, "filter"),
        ({"filter": "price >"}, "filter"),
        ({"filter": ""}, "filter"),
        ({"filter": "price = 1; drop table items"}, "filter"),
        ({"boost": "1 +"}, "boost"),
        ({"tags": [1]}, "tags[0]"),
        ({"diversity": {"column": "colour"}}, "diversity.column"),
        ({"diversity": {"most": 2**31}}, "diversity.most"),
        ({"diversity": {"window": 2**60}}, "diversity.window"),
        ({"include": ["everything"]}, "include[0]"),
        ({"personalize": "no"}, "personalize"),
        ({"timeout_ms": 0}, "timeout_ms"),
        ({"colour": "red"}, "colour"),
        ([], "body"),
        ("home", "body"),
        (None, "body"),
    ],
)
def test_the_field_at_fault_is_named(client: FlaskClient, body: object, field: str) -> None:
    answer = client.post(LISTS, data=orjson.dumps(body), content_type="application/json")
    assert answer.status_code == 422, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == 422
    assert answer.json["title"] == "Unprocessable Entity"
    assert answer.json["errors"][0]["field"] == field


def test_what_is_wrong_is_told_in_our_words(client: FlaskClient) -> None:
    assert client.post(LISTS, json={"colour": "red"}).json["detail"] == "colour: is no field of this call"
    assert client.post("/v1/rank", json={}).json["detail"] == "item_ids: is missing"
    event = {"user_id": "u", "item_id": "tent", "event": "view", "colour": "red"}
    found = client.post("/v1/events", json={"events": [event, {"item_id": "tent"}]}).json["rejected"]
    assert [one["detail"] for one in found] == [
        "colour: is no field of this call",
        "user_id: is missing, and so is visitor_id",
    ]


@pytest.mark.parametrize("placement", ["product", "similar", "bought_together"])
def test_items_of_a_page_cannot_be_put_in_order_by_what_is_about_them(client: FlaskClient, placement: str) -> None:
    answer = client.post("/v1/rank", json={"user_id": "u0", "placement": placement, "item_ids": ["tent", "axe"]})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "placement")


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"{'placement': 'home'}", b'{"a": 1e999999}x', b'{"user_id": "\\ud800"}']
)
def test_broken_json_is_a_bad_request(client: FlaskClient, body: bytes) -> None:
    answer = client.post(LISTS, data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


def test_no_body_at_all_is_a_problem(client: FlaskClient) -> None:
    assert client.post(LISTS, content_type="application/json").status_code == 422


def test_a_large_body_is_refused(client: FlaskClient) -> None:
    body = b'{"user_id": "' + b"x" * (1024 * 1024) + b'"}'
    answer = client.post(LISTS, data=body, content_type="application/json")
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")
    assert answer.json["errors"][0]["field"] == "body"


def test_another_content_type_is_refused(client: FlaskClient) -> None:
    answer = client.post(LISTS, data=b"placement=home", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")
    assert answer.json["errors"][0]["field"] == "body"


def test_a_compressed_body_is_refused_as_such(client: FlaskClient) -> None:
    answer = client.post(
        LISTS, data=compress(b"{}"), content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert (answer.status_code, "Content-Encoding" in answer.json["detail"]) == (415, True)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.shop+json"])
def test_every_kind_of_json_is_read(client: FlaskClient, content_type: str) -> None:
    assert client.post(LISTS, data=b"{}", content_type=content_type).status_code == 200


def test_a_wrong_method_says_which_are_allowed(client: FlaskClient) -> None:
    answer = client.delete(LISTS)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.content_type == "application/problem+json"


def test_an_unknown_path_is_a_problem(client: FlaskClient) -> None:
    answer = client.get("/v2/anything")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_filter_shows_where_it_is_wrong(client: FlaskClient) -> None:
    error = client.post(LISTS, json={"filter": "price < 10 and colour = 'red'"}).json["errors"][0]
    assert error["position"] == 15
    assert "colour" in error["detail"]


@pytest.mark.parametrize("query", ["count=zero", "count=500", "colour=red", "personalize=perhaps", "count=1&count=2"])
def test_a_wrong_query_string_is_named_too(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/v1/popular?{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("query", ["colour=red", "colour", "colour=&count=2", "count=2&colour=red"])
def test_an_unknown_query_parameter_is_refused_each_time(client: FlaskClient, query: str) -> None:
    for _ in range(2):
        answer = client.get(f"/v1/users/u0/recommendations?{query}")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "colour")


def test_a_path_that_names_a_customer_takes_no_visitor_beside(client: FlaskClient) -> None:
    answer = client.get("/v1/users/u0/recommendations?visitor_id=v")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "visitor_id")
    answer = client.post("/v1/recommendations", json={"user_id": "u0", "visitor_id": "v"})
    assert answer.status_code == 422
    assert answer.json["errors"][0] == {"field": "body", "detail": "give user_id or visitor_id, not both"}


@pytest.mark.parametrize("query", ["tags=%FF", "tags=\xff", "tags=%F0%9F%8F%95&tags=", "=", "&&", "a%00b=1"])
def test_no_query_string_is_our_fault(client: FlaskClient, query: str) -> None:
    answer = client.get("/v1/popular", environ_overrides={"QUERY_STRING": query})
    assert answer.status_code in {200, 422}


IDS = ["a/b", "/", "a b", "a%2Fb", "o'neil", '"', "🏕️⛺", "帐篷", "..", "a?b#c", "x" * 256, ":merge", "a+b", "\\"]


@pytest.mark.parametrize("one", IDS)
def test_any_text_is_an_id_in_paths_and_bodies(client: FlaskClient, one: str) -> None:
    path = quote(one, safe="")
    assert client.get(f"/v1/users/{path}/recommendations").status_code == 200
    put = client.put(f"/v1/items/{path}", json={"title": "Odd"})
    assert (put.status_code, put.json["item_id"]) == (200, one)
    assert client.get(f"/v1/items/{path}").json["title"] == "Odd"
    assert client.get(f"/v1/items/{path}/similar").status_code == 200
    answer = client.post(LISTS, json={"user_id": one, "item_ids": [one], "exclude_item_ids": [one], "count": 200})
    assert answer.status_code == 200
    assert one not in [item["item_id"] for item in answer.json["items"]]


@pytest.mark.parametrize("path", ["/v1/users/a%00b/recommendations", "/v1/items/" + "x" * 257])
def test_what_is_no_id_is_refused_in_paths_too(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] in {"user_id", "item_id"}


def test_a_wrong_item_does_not_spoil_the_others(client: FlaskClient) -> None:
    items = [{"item_id": "ok", "price": "1.10"}, {"title": "nameless"}, {"item_id": "dear", "price": -1}, 7]
    answer = client.post("/v1/items", json={"items": items}).json
    assert answer["accepted"] == 1
    assert [(r["index"], r["field"]) for r in answer["rejected"]] == [(1, "item_id"), (2, "price"), (3, "body")]
    assert client.get("/v1/items/ok").json["price"] == "1.10"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"price": "cheap"}, "price"),
        ({"price": -1}, "price"),
        ({"in_stock": "perhaps"}, "in_stock"),
        ({"available_from": "tomorrow"}, "available_from"),
        ({"tags": {"a": 1}}, "tags"),
        ({"item_id": "another"}, "item_id"),
        ({"title": ["a"]}, "title"),
        ({"size": {"deep": 1}}, "size"),
        ({"size": [1]}, "size"),
        ({"in_stock": float("nan")}, "in_stock"),
        ({"in_stock": float("-inf")}, "in_stock"),
        ({"in_stock": "yes"}, "in_stock"),
        ({"hidden": 1}, "hidden"),
        ({"available_from": "0001-01-01T00:00:00+14:00"}, "available_from"),
        ({"available_until": "9999-12-31T23:59:59-14:00"}, "available_until"),
    ],
)
def test_a_wrong_field_of_an_item_is_named_alone_and_among_many(client: FlaskClient, fields: dict, field: str) -> None:
    answer = client.put("/v1/items/tent", data=json.dumps(fields), content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field
    many = json.dumps([{"item_id": "tent"} | fields, {"item_id": "axe"}])
    answer = client.post("/v1/items", data=many, content_type="application/json").json
    if field != "item_id":
        assert answer["accepted"] == 1
        assert [(r["index"], r["field"]) for r in answer["rejected"]] == [(0, field)]


@pytest.mark.parametrize("moment", ["2026-01-01", 1_767_225_600, "1767225600", "2026-01-01T01:00:00+01:00"])
def test_a_moment_is_read_alike_alone_and_among_many(client: FlaskClient, moment: object) -> None:
    assert client.put("/v1/items/axe", json={"available_from": moment}).status_code == 200
    assert client.post("/v1/items", json=[{"item_id": "pan", "available_from": moment}]).json["accepted"] == 1
    for item in ("axe", "pan"):
        assert client.get(f"/v1/items/{item}").json["available_from"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/users/bob/preferences", {"GET", "HEAD", "OPTIONS", "PUT"}),
        ("DELETE", "/v1/users/a/b/tags", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/v1/users/bob/export", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/v1/items/tent/similar", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/v1/users/bob:merge", {"OPTIONS", "POST"}),
    ],
)
def test_a_wrong_method_is_not_about_somebody_whose_id_ends_like_the_path(
    client: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.open(path, method=method, json={})
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_a_body_that_does_not_tell_its_length_has_the_same_limit(client: FlaskClient) -> None:
    def post(body: bytes) -> int:
        unknown = {"wsgi.input_terminated": True}
        return client.post(
            LISTS, input_stream=io.BytesIO(body), content_type="application/json", environ_overrides=unknown
        ).status_code

    assert post(b'{"count": 1}') == 200
    assert post(b'{"count": 1}' + b" " * (1024 * 1024 - 12)) == 200
    assert post(b'{"count": 1}' + b" " * (1024 * 1024 - 11)) == 413


def test_an_id_in_a_path_that_is_not_utf_8_is_nobodys(client: FlaskClient) -> None:
    for path in ("/v1/users/jos\xe9", "/v1/items/\xff"):
        answer = client.get("/", environ_overrides={"PATH_INFO": path})
        assert (answer.status_code, "UTF-8" in answer.json["detail"]) == (422, True), path
    assert client.get("/v1/users/%EF%BF%BD").status_code == 200  # a replacement character that was meant


@pytest.mark.parametrize(
    "path",
    ["/v1/users/u0/recommendations?user_id=u1", "/v1/popular?placement=home", "/v1/items/tent/similar?item_ids=axe"],
)
def test_a_query_string_says_nothing_that_the_path_says(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    name = path.partition("?")[2].partition("=")[0]
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, name)


def test_a_call_may_hold_only_so_many_lines(client: FlaskClient) -> None:
    events = [{"user_id": "u", "items": [{"item_id": "tent"}] * 200}] * 101
    answer = client.post("/v1/events", json={"events": events})
    assert (answer.status_code, "20,000" in answer.json["detail"]) == (422, True)

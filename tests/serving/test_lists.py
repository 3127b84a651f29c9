"""Lists over HTTP."""

import pytest
import redis
from flask.testing import FlaskClient

from tests.serving import shop


def ask(client: FlaskClient, **fields: object) -> dict:
    response = client.post("/v1/recommendations", json=fields)
    assert response.status_code == 200, response.text
    return response.json


def ids(answer: dict) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_every_placement_that_is_listed_can_be_asked_for(client: FlaskClient) -> None:
    found = {one["placement"]: one for one in client.get("/v1/placements").json["placements"]}
    assert {"home", "product", "cart", "buy_again", "popular", "new", "similar", "bought_together"} <= set(found)
    for name, one in found.items():
        about = {"item_ids": ["tent"]} if one["needs_items"] else {}
        assert ask(client, placement=name, **about)["placement"] == name
    refused = client.post("/v1/recommendations", json={"placement": "product"}).json["errors"][0]["field"]
    assert (found["product"]["needs_items"], refused) == (True, "item_ids")


def test_an_answer_has_exactly_the_documented_fields(client: FlaskClient) -> None:
    answer = ask(client, user_id="u0", count=3)
    assert set(answer) == {
        "rec_id", "placement", "personalized", "served_by", "degraded", "model", "items", "generated_at", "took_ms"
    }  # fmt: skip
    assert set(answer["items"][0]) == {"item_id", "rank", "score", "source", "reasons", "properties"}
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3]
    assert answer["placement"] == "home"
    assert answer["model"] == "20260101T000000Z"
    assert answer["degraded"] is False


def test_a_customer_of_the_camp_is_shown_the_camp_first(client: FlaskClient) -> None:
    assert set(ids(ask(client, user_id="u0", count=3, diversity=False))) <= set(shop.CAMPING)
    assert set(ids(ask(client, user_id="u1", count=3, diversity=False))) <= set(shop.KITCHEN)


def test_the_second_answer_comes_from_the_cache_and_shows_the_same(client: FlaskClient) -> None:
    first, second = ask(client, user_id="u0"), ask(client, user_id="u0")
    assert (first["served_by"], second["served_by"]) == ("live", "cached")
    assert first["items"] == second["items"]
    assert first["generated_at"] == second["generated_at"]
    assert first["rec_id"] != second["rec_id"]


def test_another_request_of_the_same_customer_has_its_own_cache_entry(client: FlaskClient) -> None:
    ask(client, user_id="u0", count=3)
    other = ask(client, user_id="u0", count=4)
    assert other["served_by"] == "live"
    assert len(other["items"]) == 4


def test_an_unknown_visitor_gets_a_list(client: FlaskClient) -> None:
    answer = ask(client, visitor_id="nobody/has seen 🏕 this 'one'", count=5)
    assert len(answer["items"]) == 5
    assert answer["degraded"] is False


def test_nobody_at_all_gets_a_list(client: FlaskClient) -> None:
    assert len(ask(client, count=5)["items"]) == 5


@pytest.mark.parametrize("placement", ["home", "popular", "new", "product", "cart", "buy_again"])
def test_every_placement_obeys_the_filter(client: FlaskClient, placement: str) -> None:
    answer = ask(client, placement=placement, user_id="u0", item_ids=["pan"], filter="'camping' in tags", count=200)
    assert ids(answer)
    assert set(ids(answer)) <= set(shop.CAMPING)


@pytest.mark.parametrize("placement", ["home", "popular", "new", "product", "cart"])
def test_a_filtered_list_is_never_shorter_than_what_is_eligible(client: FlaskClient, placement: str) -> None:
    answer = ask(client, placement=placement, user_id="u0", item_ids=["pan"], filter="price <= 40", count=200)
    assert sorted(ids(answer)) == sorted(["tent", "stove", "lamp", "mat"])


def test_items_named_in_the_request_are_left_out(client: FlaskClient) -> None:
    answer = ask(client, user_id="u0", exclude_item_ids=["tent", "no such item"], item_ids=["axe"], count=200)
    assert not {"tent", "axe"} & set(ids(answer))
    assert len(answer["items"]) == 10


def test_a_boost_lifts_what_it_names(client: FlaskClient) -> None:
    plain = ask(client, user_id="u0", count=12, diversity=False)
    lifted = ask(client, user_id="u0", count=12, diversity=False, boost="100 * ('cooking' in tags)")
    assert ids(plain)[0] in shop.CAMPING
    assert ids(lifted)[0] in shop.KITCHEN


def test_context_tags_act_on_a_visitor_without_history(client: FlaskClient) -> None:
    cooking = ids(ask(client, visitor_id="new", tags=["cooking"], count=4, diversity=False))
    camping = ids(ask(client, visitor_id="new", tags=["camping"], count=4, diversity=False))
    assert len(set(cooking) & set(shop.KITCHEN)) > len(set(camping) & set(shop.KITCHEN))
    assert len(set(camping) & set(shop.CAMPING)) > len(set(cooking) & set(shop.CAMPING))


def test_include_chooses_what_items_carry(client: FlaskClient) -> None:
    answer = ask(client, user_id="u0", include=["contributions"])
    assert set(answer["items"][0]) == {"item_id", "rank", "score", "source", "contributions"}
    assert all(any(item["contributions"].values()) for item in answer["items"])


def test_properties_are_what_the_shop_gave(client: FlaskClient) -> None:
    answer = ask(client, user_id="u0", filter="price = 10")
    assert answer["items"][0]["properties"] == {
        "title": "The tent", "category": "Outdoor > Camping", "tags": ["camping"], "price": "10"
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/u0/recommendations",
        "/v1/users/u0/buy-again",
        "/v1/items/tent/similar",
        "/v1/items/tent/bought-together",
        "/v1/popular",
    ],
)
def test_plain_get_answers_in_the_same_shape(client: FlaskClient, path: str) -> None:
    answer = client.get(path, query_string={"count": 2, "exclude_item_ids": ["axe", "rope"]})
    assert answer.status_code == 200
    assert len(answer.json["items"]) == 2
    assert not {"axe", "rope"} & set(ids(answer.json))
    assert set(answer.json) == set(ask(client))


def test_get_and_post_share_the_cached_list(client: FlaskClient) -> None:
    posted = ask(client, user_id="u0", count=3, exclude_item_ids=["axe"], diversity=False)
    got = client.get("/v1/users/u0/recommendations?count=3&exclude_item_ids=axe&diversity=false").json
    assert (posted["served_by"], got["served_by"]) == ("live", "cached")
    assert got["items"] == posted["items"]


def test_the_same_query_string_of_another_customer_is_answered_for_them(client: FlaskClient) -> None:
    lists = [client.get(f"/v1/users/{one}/recommendations?count=3&diversity=false").json for one in ("u0", "u1", "u0")]
    assert [
        set(ids(one)) <= set(goods)
        for one, goods in zip(lists, (shop.CAMPING, shop.KITCHEN, shop.CAMPING), strict=True)
    ] == [True] * 3
    assert client.get("/v1/users/u0/recommendations?count=3&diversity=false").json["served_by"] == "cached"


def test_head_answers_with_the_length_and_without_the_body(client: FlaskClient) -> None:
    path = "/v1/items/tent"
    head, got = client.head(path), client.get(path)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.data)) == got.headers["Content-Length"]


def test_similar_items_are_similar(client: FlaskClient) -> None:
    similar = client.get("/v1/items/tent/similar?count=3").json
    assert set(ids(similar)) <= set(shop.CAMPING) - {"tent"}


def test_a_page_without_repeats(client: FlaskClient) -> None:
    body = {"user_id": "u0", "distinct": True, "requests": [{"count": 4}, {"placement": "popular", "count": 4}]}
    first, second = client.post("/v1/recommendations:batch", json=body).json["results"]
    assert not set(ids(first)) & set(ids(second))
    assert (len(first["items"]), len(second["items"])) == (4, 4)


def test_a_wrong_part_of_a_batch_does_not_spoil_the_others(client: FlaskClient) -> None:
    body = {"user_id": "u0", "requests": [{"count": 4}, {"placement": "nowhere"}, {"filter": "price ="}]}
    good, nowhere, broken = client.post("/v1/recommendations:batch", json=body).json["results"]
    assert len(good["items"]) == 4
    assert nowhere["errors"][0]["field"] == "placement"
    assert broken["errors"][0] == {"field": "filter", "detail": broken["errors"][0]["detail"], "position": 6}


def test_a_part_of_the_wrong_shape_does_not_spoil_the_others_either(client: FlaskClient) -> None:
    body = {"user_id": "u0", "requests": [{"count": 4}, {"placement": "popular", "count": 500}, 7, {"what": 1}]}
    good, *wrong = client.post("/v1/recommendations:batch", json=body).json["results"]
    assert len(good["items"]) == 4
    assert [(part["status"], part["errors"][0]["field"]) for part in wrong] == [
        (422, "count"), (422, "body"), (422, "what")
    ]  # fmt: skip


def test_every_list_of_a_page_can_be_continued_without_what_stands_beside_it(client: FlaskClient) -> None:
    body = {"user_id": "u0", "distinct": True, "requests": [{"count": 4}, {"placement": "popular", "count": 4}]}
    first, second = client.post("/v1/recommendations:batch", json=body).json["results"]
    following = client.get(f"/v1/recommendations/{second['rec_id']}/next?count=12").json
    assert sorted(ids(first) + ids(second) + ids(following)) == sorted(shop.CAMPING + shop.KITCHEN)


def test_pages_continue_until_nothing_is_left(client: FlaskClient) -> None:
    first = ask(client, user_id="u0", count=5)
    path = f"/v1/recommendations/{first['rec_id']}/next?count=5"
    pages = [first, client.get(path).json, client.get(path).json, client.get(path).json]
    shown = [item for page in pages for item in ids(page)]
    assert sorted(shown) == sorted(shop.CAMPING + shop.KITCHEN)
    assert [len(page["items"]) for page in pages] == [5, 5, 2, 0]
    assert [item["rank"] for page in pages for item in page["items"]] == list(range(1, 13))


def test_a_page_that_is_asked_for_by_its_place_comes_again(client: FlaskClient) -> None:
    first = ask(client, user_id="u0", count=4)
    path = f"/v1/recommendations/{first['rec_id']}/next?count=4"
    second, again, third = (client.get(f"{path}&after={after}").json for after in (4, 4, 8))
    assert ids(second) == ids(again)
    assert sorted(ids(first) + ids(second) + ids(third)) == sorted(shop.CAMPING + shop.KITCHEN)
    assert ids(client.get(f"{path}&after=0").json) == ids(first)
    beyond = client.get(f"{path}&after=9")
    assert (beyond.status_code, beyond.json["errors"][0]["field"]) == (422, "after")


def test_a_cached_list_can_be_continued_too(client: FlaskClient) -> None:
    ask(client, user_id="u0", count=5)
    cached = ask(client, user_id="u0", count=5)
    following = client.get(f"/v1/recommendations/{cached['rec_id']}/next").json
    assert not set(ids(cached)) & set(ids(following))


def test_a_degraded_list_can_be_continued_too(client: FlaskClient) -> None:
    first = ask(client, user_id="u0", count=3, timeout_ms=1, exclude_item_ids=["never cached"])
    assert first["degraded"]
    following = client.get(f"/v1/recommendations/{first['rec_id']}/next").json
    assert following["items"]
    assert not set(ids(first)) & set(ids(following))


@pytest.mark.parametrize("added", ["", "-", '-a"b', '-","served_by":"evil', "-00000000-1", "-0000000g"])
def test_an_unknown_list_cannot_be_continued(client: FlaskClient, added: str) -> None:
    known = ask(client, user_id="u0")["rec_id"].partition("-")[0]
    answer = client.get(f"/v1/recommendations/{known + added if added else 'never'}/next")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_a_page_is_remembered_only_under_the_list_that_it_continues(
    client: FlaskClient, client_of_redis: "redis.Redis"
) -> None:
    first = ask(client, user_id="u0", count=3)
    remembered = set(client_of_redis.keys("*served*"))
    for _ in range(3):
        client.get(f"/v1/recommendations/{first['rec_id']}/next?count=2")
    more = [one.decode() for one in client_of_redis.keys("*served*") if one not in remembered]
    assert len(remembered) == 1
    assert [one for one in more if first["rec_id"] in one] == more
    assert len(more) == 1


def test_rank_returns_all_given_items_best_first(client: FlaskClient) -> None:
    body = {"user_id": "u0", "item_ids": ["pan", "tent", "no such item", "pan", "stove"]}
    answer = client.post("/v1/rank", json=body).json
    assert set(ids(answer)[:2]) == {"tent", "stove"}
    assert ids(answer)[2:] == ["pan", "no such item"]
    assert answer["items"][3]["score"] is None


def test_rank_says_what_is_off_sale_and_leaves_it_in_its_place(client: FlaskClient) -> None:
    body = {"user_id": "u0", "item_ids": ["pan", "tent", "stove"]}
    before = ids(client.post("/v1/rank", json=body).json)
    client.put("/v1/items/tent", json={"in_stock": False})
    client.put("/v1/items/pan", json={"available_from": "2999-01-01"})
    after = client.post("/v1/rank", json=body).json
    assert ids(after) == before
    said = {item["item_id"]: item.get("off_sale") for item in after["items"]}
    assert said == {"tent": "sold_out", "pan": "not_yet_available", "stove": None}


def test_explain_says_where_an_item_ranks_and_why(client: FlaskClient) -> None:
    answer = client.get("/v1/explain?user_id=u0&item_id=tent").json
    assert answer["rank"] <= 6
    assert answer["dropped_by"] is None
    assert answer["signals"]["popularity"] > 0
    assert answer["contributions"]


def test_explain_names_the_rule_that_keeps_an_item_out(client: FlaskClient) -> None:
    client.put("/v1/items/pan", json={"in_stock": False})
    assert client.get("/v1/explain?user_id=u0&item_id=pan").json["dropped_by"] == "sold_out"
    cheap = client.get("/v1/explain", query_string={"user_id": "u0", "item_id": "axe", "filter": "price < 5"})
    assert cheap.json["dropped_by"] == "filter"
    assert client.get("/v1/explain?user_id=u0&item_id=nothing").status_code == 404

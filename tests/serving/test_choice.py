"""Lists that know nothing of the customer."""

import threading

import redis
from flask.testing import FlaskClient

from serving.adapters import keys
from serving.adapters.keys import CHOICE
from serving.services import Services
from tests.serving.test_lists import ask, ids

HEADER = {"Sec-GPC": "1"}


def commands_during(client_of_redis: "redis.Redis", act: object) -> list[str]:
    """Return every command that Redis was sent while ``act`` ran."""
    with client_of_redis.monitor() as monitor:
        act()  # type: ignore[operator]
        client_of_redis.set("the end", "1")
        seen: list[str] = []
        for command in monitor.listen():
            if "the end" in command["command"]:
                return seen
            seen.append(command["command"])
    return seen


def test_it_is_the_same_list_for_everyone_in_the_same_shape(client: FlaskClient) -> None:
    plain = ask(client, user_id="u0", personalize=False)
    assert ids(plain) == ids(ask(client, user_id="u1", personalize=False)) == ids(ask(client))
    assert set(plain) == set(ask(client, user_id="u0"))
    assert ids(plain) != ids(ask(client, user_id="u0"))


def test_no_key_of_the_customer_is_touched(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    def act() -> None:
        ask(client, user_id="u0", personalize=False)
        ask(client, user_id="u0", personalize=False)
        client.get("/v1/users/u0/recommendations", headers=HEADER)
        client.get("/v1/users/u0/recommendations?personalize=false")
        client.post("/v1/rank", json={"user_id": "u0", "item_ids": ["tent"], "personalize": False})
        client.get("/v1/explain?user_id=u0&item_id=tent", headers=HEADER)
        client.post("/v1/recommendations:batch", json={"user_id": "u0", "requests": [{}]}, headers=HEADER)

    commands = commands_during(client_of_redis, act)
    assert commands
    assert not [command for command in commands if ":u0}" in command]


def test_it_is_cached_for_everyone(client: FlaskClient) -> None:
    ask(client, user_id="u0", personalize=False)
    assert ask(client, visitor_id="somebody else", personalize=False)["served_by"] == "cached"


def test_the_browsers_setting_is_obeyed(client: FlaskClient) -> None:
    plain = ids(ask(client, personalize=False))
    found = client.post("/v1/recommendations", json={"user_id": "u0"}, headers=HEADER).json
    assert ids(found) == plain
    assert ids(client.get("/v1/users/u0/recommendations", headers=HEADER).json) == plain


def test_a_kept_choice_is_obeyed(client: FlaskClient, client_of_redis: "redis.Redis") -> None:
    plain = ids(ask(client, personalize=False))
    client_of_redis.hset(keys.customer("main", "lists", "u0"), CHOICE, "0")
    assert ids(ask(client, user_id="u0")) == plain


def test_every_answer_says_whether_it_is_personal(client: FlaskClient) -> None:
    def said(**body: object) -> list[bool]:
        return [ask(client, **body)["personalized"] for _ in range(2)]  # made now, then from the cache

    assert said(user_id="u0") == said(user_id="u0", placement="popular") == [True, True]
    assert said(user_id="u0", personalize=False) == said() == said(user_id="nobody knows me") == [False, False]
    ranked = {"item_ids": ["tent", "pan"]}
    assert client.post("/v1/rank", json={**ranked, "user_id": "u0"}).json["personalized"]
    assert not client.post("/v1/rank", json=ranked).json["personalized"]


def test_a_tag_alone_makes_a_strangers_list_personal(client: FlaskClient) -> None:
    client.put("/v1/users/stranger/tags/camping", json={})
    assert ask(client, user_id="stranger")["personalized"]
    client.put("/v1/users/stranger/preferences", json={"personalize": False})
    assert not ask(client, user_id="stranger")["personalized"]


def test_it_is_counted(services: Services, client: FlaskClient) -> None:
    ask(client, user_id="u0", personalize=False)
    ask(client, user_id="u0")
    assert services.metrics.registry.get_sample_value("tagalong_non_personalised_total") == 1


def test_threads_do_not_share_a_connection(client: FlaskClient) -> None:
    found: list[bool] = []

    def act(user: str) -> None:
        found.extend(len(ask(client, user_id=user, count=3)["items"]) == 3 for _ in range(20))

    threads = [threading.Thread(target=act, args=(f"u{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 160
    assert all(found)

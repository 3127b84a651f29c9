"""Without Redis the service answers on; with Redis back it uses it again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient
from redis.exceptions import ResponseError

from machine.shop_folder import ShopFolder
from machine.whole_files import write_whole
from recommender.bundle import Bundle
from recommender.errors import Unavailable
from serving.adapters.breaker import Breaker
from serving.adapters.bundles import SECONDS
from serving.adapters.embedded_redis import servers
from serving.adapters.redis_link import RedisLink, pack
from serving.adapters.redis_stream import RedisStream
from serving.app import create_app
from serving.archive import Archive
from serving.bootstrap import build
from serving.services import Services
from serving.settings import Settings
from tests.serving import shop
from tests.serving.redis_server import RedisServer
from tests.serving.test_lists import ask, ids


@pytest.fixture(params=servers(), ids=lambda program: Path(program).name)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis", request.param).start()
    yield server
    server.kill()


@pytest.fixture
def services(server: RedisServer, tmp_path: Path, trained: Bundle) -> Iterator[Services]:
    shop.publish(tmp_path, trained)
    built = build(Settings(data=tmp_path, redis_url=server.url), clock=lambda: float(shop.NOW))
    yield built
    built.stop()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


def until(client: FlaskClient, served_by: str) -> dict:
    deadline = time.monotonic() + 20
    while (answer := ask(client, user_id="u0"))["served_by"] != served_by or answer["degraded"]:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer


def test_a_connection_that_redis_closed_meanwhile_costs_no_answer(
    client: FlaskClient, services: Services, server: RedisServer
) -> None:
    until(client, "cached")
    own = server.client()
    own.client_kill_filter(_type="normal", skipme=True)
    answer = ask(client, user_id="u0")
    assert (answer["served_by"], answer["degraded"]) == ("cached", False)
    server.kill()
    assert ask(client, user_id="u0")["degraded"]


def test_what_a_worker_never_asked_for_is_known_once_redis_is_down(
    services: Services, server: RedisServer, tmp_path: Path
) -> None:
    other = build(services.settings, clock=lambda: float(shop.NOW))
    try:
        idle, busy = create_app(other).test_client(), create_app(services).test_client()
        shown = ids(ask(busy, placement="popular"))
        assert ids(ask(idle, placement="popular")) == shown
        assert busy.put(f"/v1/items/{shown[0]}", json={"in_stock": False}).status_code == 200
        time.sleep(3 * SECONDS)
        server.kill()
        assert shown[0] not in ids(ask(idle, placement="popular"))
    finally:
        other.stop()


def test_a_worker_that_starts_without_redis_keeps_what_the_archive_knows_to_be_off_sale(
    services: Services, server: RedisServer
) -> None:
    client = create_app(services).test_client()
    sold_out, hidden, *_ = ids(ask(client, placement="popular"))
    client.put(f"/v1/items/{sold_out}", json={"in_stock": False})
    client.put(f"/v1/items/{hidden}", json={"hidden": True})
    Archive(services.settings.shop_folder).add(RedisStream(services.catalogue._link, "main").waiting(100))  # type: ignore[attr-defined]
    server.kill()
    fresh = build(services.settings, clock=lambda: float(shop.NOW))
    try:
        alone = create_app(fresh).test_client()
        assert not {sold_out, hidden} & set(ids(ask(alone, placement="popular")))
        server.start()
        assert until(alone, "live")
        assert client.put(f"/v1/items/{sold_out}", json={"in_stock": True}).status_code == 200
        assert sold_out in ids(ask(alone, placement="popular", count=2))
    finally:
        fresh.stop()


def test_a_killed_redis_is_survived_and_used_again_when_it_is_back(client: FlaskClient, server: RedisServer) -> None:
    ask(client, user_id="u0")
    assert ask(client, user_id="u0")["served_by"] == "cached"
    server.kill()
    for _ in range(20):
        answer = ask(client, user_id="u0")
        assert (answer["served_by"], answer["degraded"]) == ("live", True)
        assert len(answer["items"]) == 12
    server.start()
    until(client, "cached")


def test_exclusions_hold_without_redis(client: FlaskClient, server: RedisServer) -> None:
    client.put("/v1/items/tent", json={"hidden": True})
    server.kill()
    answer = ask(client, user_id="u0", exclude_item_ids=["axe"], filter="price < 100", count=200)
    assert not {"tent", "axe", "fork", "whisk"} & set(ids(answer))
    assert len(answer["items"]) == 7


def test_a_choice_is_obeyed_without_redis(services: Services, client: FlaskClient, server: RedisServer) -> None:
    plain = ids(ask(client))
    assert client.put("/v1/users/u0/preferences", json={"personalize": False}).status_code == 200
    time.sleep(2 * SECONDS)
    server.kill()
    assert ids(ask(client, user_id="u0")) == plain
    assert ids(ask(client, user_id="u2")) != plain


@pytest.mark.parametrize("first", ["merge", "choose"])
def test_a_choice_holds_for_merged_visitors_without_redis(client: FlaskClient, server: RedisServer, first: str) -> None:
    plain = ids(ask(client))
    assert ids(ask(client, user_id="u2")) != plain
    steps = [
        lambda: client.post("/v1/users/u0:merge", json={"visitor_id": "u2"}),
        lambda: client.put("/v1/users/u0/preferences", json={"personalize": False}),
    ]
    for step in steps if first == "merge" else reversed(steps):
        assert step().status_code == 200
    time.sleep(2 * SECONDS)
    server.kill()
    assert ids(ask(client, user_id="u2")) == ids(ask(client, user_id="u0")) == plain


def test_an_erased_customer_stays_erased_whatever_they_choose_later(
    services: Services, client: FlaskClient, server: RedisServer
) -> None:
    plain, before = ids(ask(client)), ids(ask(client, user_id="u0"))
    assert client.delete("/v1/users/u0").status_code == 200
    assert client.put("/v1/users/u0", json={"region": "DE"}).status_code == 200
    assert client.put("/v1/users/u0/preferences", json={"personalize": True}).status_code == 200
    time.sleep(2 * SECONDS)
    server.kill()
    assert ids(ask(client, user_id="u0")) == plain != before


def test_an_export_without_redis_is_refused_not_empty(client: FlaskClient, server: RedisServer) -> None:
    assert client.get("/v1/users/u0/export").data
    server.kill()
    assert client.get("/v1/users/u0/export").status_code == 503


def test_who_must_not_be_known_is_nobody_until_it_was_learned(tmp_path: Path, trained: Bundle) -> None:
    shop.publish(tmp_path, trained)
    nowhere = Settings(data=tmp_path, redis_url="unix:///nowhere")
    with shop.running(build(nowhere, clock=lambda: float(shop.NOW))) as services:
        client = create_app(services).test_client()
        assert ids(ask(client, user_id="u0")) == ids(ask(client))


def test_readiness_names_what_is_down(client: FlaskClient, server: RedisServer) -> None:
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["parts"]) == (200, {"redis": "ok", "bundle": "ok"})
    server.kill()
    down = client.get("/readyz")
    assert down.status_code == 503
    assert down.json["parts"]["redis"] != "ok"
    assert down.json["parts"]["bundle"] == "ok"
    assert client.get("/readyz?for=lists").json == {"status": "ok", "parts": {"bundle": "ok"}}
    assert client.get("/readyz?for=tea").status_code == 422
    assert client.get("/readyz?for=lists&probe=1").status_code == 200
    assert client.get("/healthz").status_code == 200


def test_what_must_be_stored_is_refused_with_when_to_try_again(client: FlaskClient, server: RedisServer) -> None:
    server.kill()
    refused = client.put("/v1/items/tent", json={"hidden": True})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.content_type == "application/problem+json"


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []
    holder = threading.Thread(target=_hold, args=(listener, held))
    holder.start()
    yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    holder.join()
    for connection in (listener, *held):
        connection.close()


def _hold(listener: socket.socket, held: list[socket.socket]) -> None:
    with suppress(OSError):
        while True:
            held.append(listener.accept()[0])


def test_a_silent_redis_costs_one_request_in_a_while(silent: str, tmp_path: Path, trained: Bundle) -> None:
    shop.publish(tmp_path, trained)
    services = build(Settings(data=tmp_path, redis_url=silent, redis_timeout_ms=50), clock=lambda: float(shop.NOW))
    services.stop()
    answers = [ask(create_app(services).test_client(), user_id="u0") for _ in range(5)]
    assert {(a["served_by"], a["degraded"]) for a in answers} == {("live", True)}


def test_without_a_bundle_a_list_of_what_was_put_is_still_given(server: RedisServer, tmp_path: Path) -> None:
    with shop.running(build(Settings(data=tmp_path / "empty", redis_url=server.url))) as services:
        client = create_app(services).test_client()
        empty = ask(client, user_id="u0")
        assert (empty["items"], empty["model"], empty["degraded"]) == ([], None, True)
        assert client.get("/readyz").status_code == 503
        client.post("/v1/items", json={"items": [{"item_id": "a", "tags": ["camping"]}, {"item_id": "b"}]})
        assert sorted(ids(ask(client, user_id="u0"))) == ["a", "b"]
        assert ids(ask(client, user_id="u0", filter="'camping' in tags")) == ["a"]


def test_what_files_brought_is_shown_before_anything_is_trained(server: RedisServer, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, redis_url=server.url)
    write_whole(ShopFolder(settings.shop_folder).items, shop.tables().items)
    with shop.running(build(settings)) as services:
        client = create_app(services).test_client()
        assert len(ids(ask(client, count=20))) == 12
        assert set(ids(ask(client, placement="similar", item_ids=["tent"], count=5))) == {*shop.CAMPING} - {"tent"}
        assert client.get("/v1/items/tent").json["price"] == "10"
        assert client.put("/v1/items/tent", json={"hidden": True}).status_code == 200
        assert "tent" not in ids(ask(client, count=20))
        write_whole(ShopFolder(settings.shop_folder).items, shop.tables().items.slice(0, 3))
        time.sleep(3 * SECONDS)
        assert sorted(ids(ask(client, count=20))) == ["lamp", "stove"]


class TestBreaker:
    def test_it_stays_closed_while_calls_succeed(self) -> None:
        breaker = Breaker("redis", lambda: 0.0)
        with breaker:
            pass
        assert not breaker.is_open

    def test_a_failure_opens_it_and_calls_are_refused_without_being_made(self) -> None:
        breaker = Breaker("redis", lambda: 0.0)
        with pytest.raises(Unavailable), breaker:
            raise ConnectionResetError
        made = []
        with pytest.raises(Unavailable), breaker:
            made.append("call")
        assert (breaker.is_open, made) == (True, [])

    def test_one_trial_in_each_pause_closes_it_again(self) -> None:
        now = [0.0]
        breaker = Breaker("redis", lambda: now[0], pause=1.0)
        with pytest.raises(Unavailable), breaker:
            raise TimeoutError
        now[0] = 1.5
        with breaker, pytest.raises(Unavailable), breaker:
            pass
        assert not breaker.is_open

    def test_an_error_that_redis_sends_is_an_answer(self) -> None:
        now = [0.0]
        breaker = Breaker("redis", lambda: now[0], pause=1.0)
        with pytest.raises(Unavailable), breaker:
            raise ConnectionResetError
        now[0] = 1.5
        with pytest.raises(ResponseError), breaker:
            raise ResponseError("OOM")
        assert not breaker.is_open

    def test_errors_of_the_caller_do_not_open_it(self) -> None:
        breaker = Breaker("redis", lambda: 0.0)
        with pytest.raises(KeyError), breaker:
            raise KeyError("x")
        assert not breaker.is_open


def test_who_finds_no_turn_is_refused(server: RedisServer) -> None:
    link = RedisLink(server.url, 600, Breaker("event log", time.monotonic), most=1)  # it gives up long before an answer
    entered, done = threading.Event(), threading.Event()

    def dawdle(client: "redis.Redis") -> None:
        entered.set()
        done.wait(60)

    slow = threading.Thread(target=link.run, args=(dawdle,))
    slow.start()
    entered.wait(10)
    for call in (link.ping, lambda: link.exchange(pack("PING"), 1)):
        with pytest.raises(Unavailable, match="event log is busy"):
            call()
    done.set()
    slow.join()
    link.ping()
    link.close()

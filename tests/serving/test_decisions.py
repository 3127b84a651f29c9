"""What customers decided in files, or before Redis was lost, holds in the next list."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from flask.testing import FlaskClient

from recommender.bundle import Bundle
from recommender.catalogue import Catalogue
from recommender.errors import Unavailable
from serving.adapters.redis_erasures import Rewriting
from serving.app import create_app
from serving.archiver import Archiver
from serving.bootstrap import build, build_archiver
from serving.settings import Settings
from tests.serving import shop
from tests.serving.redis_server import RedisServer
from tests.serving.test_events import send, view
from tests.serving.test_lists import ask, ids
from tests.serving.test_users import merge
from training.importer import import_files
from training.readers import read_archived, read_decisions, read_log
from training.registry import Registry


@pytest.fixture
def archiver(client: FlaskClient, settings: Settings) -> Archiver:
    return build_archiver(settings)


def bring(settings: Settings, folder: Path, **files: str) -> None:
    paths = {}
    for kind, text in files.items():
        path = folder / f"{kind}-{len(list(folder.iterdir()))}.csv"
        path.write_text(text)
        paths[kind] = [path]
    import_files(settings.shop_folder, **paths)


def is_personal(client: FlaskClient, user: str) -> bool:
    return bool(client.get(f"/v1/users/{user}/preferences").json["personalize"])


@pytest.mark.parametrize("column", ["personalize", "consent_personalization"])
def test_a_refusal_in_a_file_is_obeyed_until_a_file_takes_it_back(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path, column: str
) -> None:
    common, personal = ids(ask(client)), ids(ask(client, user_id="u0"))
    assert common != personal
    bring(settings, tmp_path, users=f"user_id,{column}\nu0,false\n")
    archiver.work()
    assert (ids(ask(client, user_id="u0")), is_personal(client, "u0")) == (common, False)
    known = client.get("/v1/users/u0").json["events"]
    send(client, view("tent", "u0"))
    assert client.get("/v1/users/u0").json["events"] == known
    bring(settings, tmp_path, users=f"user_id,{column}\nu0,true\n")
    archiver.work()
    assert (ids(ask(client, user_id="u0")), is_personal(client, "u0")) == (personal, True)


def test_who_chooses_at_the_service_what_a_file_denied_is_believed(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    bring(settings, tmp_path, users="user_id,personalize\nu0,false\n")
    archiver.work()
    assert not is_personal(client, "u0")
    for _ in range(2):
        client.put("/v1/users/u0/preferences", json={"personalize": True})
        archiver.work()
        assert is_personal(client, "u0")


def test_what_a_customer_chose_at_the_service_stands_above_a_later_file(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    client.put("/v1/users/u0/preferences", json={"personalize": False})
    archiver.work()
    bring(settings, tmp_path, users="user_id,personalize,personalize_chosen\nu0,true,maybe\n")
    archiver.work()
    assert not is_personal(client, "u0")
    assert read_decisions(settings.shop_folder).refusing.to_pylist() == ["u0"]


@pytest.mark.parametrize("consent", ["consent_email", "consent_sms", "consent_push", "consent_personalization"])
def test_a_consent_withdrawn_from_the_service_is_brought_back_by_no_file(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path, consent: str
) -> None:
    def declared() -> list[bool | None]:
        return [row[consent] for row in read_log(settings.shop_folder).users.to_pylist() if row["user_id"] == "u0"]

    given = f"user_id,{consent}\nu0,yes\nu1,yes\n"
    bring(settings, tmp_path, users=given)
    client.patch("/v1/users/u0", json={consent: False})
    archiver.work()
    bring(settings, tmp_path, users=given)
    assert (declared(), client.get("/v1/users/u0").json["declared"]) == ([False], {consent: False})
    client.patch("/v1/users/u0", json={consent: True})
    archiver.work()
    bring(settings, tmp_path, users=given)
    assert declared() == [True]
    bring(settings, tmp_path, users=f"user_id,{consent}\nu0,no\n")
    assert declared() == [False]


def test_what_is_declared_after_an_erasure_is_known(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    bring(settings, tmp_path, users="user_id,birthday,region\nu0,05-12,DE\n")
    client.delete("/v1/users/u0")
    archiver.work()
    client.put("/v1/users/u0", json={"consent_email": True, "birthday": "10-22"})
    archiver.work()
    (row,) = read_log(settings.shop_folder).users.to_pylist()
    assert (row["birthday"], row["consent_email"], row["region"]) == ("10-22", True, None)


def test_a_consent_that_is_given_again_is_obeyed_by_the_next_list(client: FlaskClient, archiver: Archiver) -> None:
    client.put("/v1/users/u0", json={"consent_personalization": False})
    archiver.work()
    assert not is_personal(client, "u0")
    client.put("/v1/users/u0", json={"consent_personalization": True})
    assert is_personal(client, "u0")


def test_a_refusal_in_a_file_about_a_merged_visitor_is_the_customers(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    merge(client, "visitor", "u1")
    merge(client, "other", "u3")
    bring(settings, tmp_path, users="user_id,personalize\nvisitor,false\nother,false\nu3,true\n")
    archiver.work()
    assert not is_personal(client, "u1")
    assert client.get("/v1/users/u1").json["merged"] == ["visitor"]


def test_what_is_told_shortens_no_life(
    client: FlaskClient, archiver: Archiver, settings: Settings, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    client.delete("/v1/users/u2")
    merge(client, "visitor", "u1")
    client.put("/v1/users/u4", json={"region": "DE"})
    bring(settings, tmp_path, users="user_id,personalize\nu4,false\nvisitor,false\n")
    archiver.work()
    bring(settings, tmp_path, users="user_id,personalize\nu4,true\nvisitor,true\n")
    archiver.work()
    names = ("profile:{main:u2}", "lists:{main:visitor}", "profile:{main:u4}")
    assert all(client_of_redis.ttl(name) > 390 * shop.DAY for name in names)


def test_what_is_put_replaces_what_files_declared(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    bring(settings, tmp_path, users="user_id,region,loyalty\nu0,DE,gold\n")
    shown = client.put("/v1/users/u0", json={"language": "fr"}).json["declared"]
    archiver.work()
    assert shown == client.get("/v1/users/u0").json["declared"] == {"language": "fr", "loyalty": "gold"}


def test_a_redis_that_lost_everything_is_told_again(
    client: FlaskClient, archiver: Archiver, settings: Settings, client_of_redis: "redis.Redis"
) -> None:
    common = ids(ask(client))
    client.put("/v1/users/u0/preferences", json={"personalize": False})
    client.delete("/v1/users/u2")
    client.put("/v1/items/tent", json={"hidden": True})
    client.put("/v1/items/axe", json={"available_until": "2020-01-01"})
    archiver.work()
    client_of_redis.flushall()
    archiver.work()
    fresh = build(settings, clock=lambda: float(shop.NOW))
    try:
        anew = create_app(fresh).test_client()
        without = [item for item in common if item not in ("tent", "axe")]
        assert ids(ask(anew, user_id="u0"))[: len(without)] == ids(ask(anew))[: len(without)]
        assert not is_personal(anew, "u0")
        assert anew.get("/v1/users/u2").json["events"] == 0
        assert not {"tent", "axe"} & set(ids(ask(anew, placement="popular")))
    finally:
        fresh.stop()


def test_of_a_visitor_and_a_customer_the_customers_own_choice_counts(
    client: FlaskClient, archiver: Archiver, settings: Settings
) -> None:
    client.put("/v1/users/u1", json={})
    client.put("/v1/users/agreed/preferences", json={"personalize": True})
    archiver.work()
    client.put("/v1/users/u1/preferences", json={"personalize": False})
    merge(client, "agreed", "u1")
    client.put("/v1/users/refused/preferences", json={"personalize": False})
    merge(client, "refused", "u3")
    client.put("/v1/users/u3/preferences", json={"personalize": True})
    client.put("/v1/users/shy/preferences", json={"personalize": False})
    client.put("/v1/users/u5/preferences", json={"personalize": True})
    merge(client, "shy", "u5")
    archiver.work()
    users = {row["user_id"]: row["personalize_chosen"] for row in read_log(settings.shop_folder).users.to_pylist()}
    assert [users[one] for one in ("u1", "u3", "u5")] == [False, True, False]
    assert [is_personal(client, one) for one in ("u1", "u3", "u5")] == [False, True, False]


def test_an_erased_customer_who_comes_back_and_refuses_is_not_learned_from(
    client: FlaskClient, archiver: Archiver, settings: Settings
) -> None:
    client.delete("/v1/users/u0")
    archiver.work()
    client.put("/v1/users/u0/preferences", json={"personalize": False})
    archiver.work()
    assert "u0" in read_decisions(settings.shop_folder).refusing.to_pylist()
    (row,) = read_log(settings.shop_folder).users.to_pylist()
    assert (row["user_id"], row["personalize_chosen"]) == ("u0", False)


def test_what_is_imported_again_after_an_erasure_stays_away(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    files = {
        "interactions": "user_id,item_id,timestamp\nu0,tent,2025-12-01\nu1,tent,2025-12-01\nu0,axe,2026-01-02\n",
        "users": "user_id,birthday\nu0,05-12\nu1,05-13\n",
    }
    bring(settings, tmp_path, **files)
    receipt = client.delete("/v1/users/u0").json["receipt"]
    archiver.work()
    bring(settings, tmp_path, **files)
    assert client.get(f"/v1/users/u0/erasure/{receipt}").json["verified"]
    assert pq.read_table(settings.shop_folder / "users.parquet")["user_id"].to_pylist() == ["u1"]
    log = read_log(settings.shop_folder).events
    assert sorted(zip(log["user_id"].to_pylist(), log["item_id"].to_pylist(), strict=True)) == [
        ("u0", "axe"), ("u1", "tent")
    ]  # fmt: skip


def test_rejected_rows_that_name_an_erased_customer_are_struck(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    bring(settings, tmp_path, interactions="user_id,item_id,timestamp,price\nu0,tent,2025-12-01,1,2,3\nu01,a,b,c\n")
    (rejects,) = settings.shop_folder.glob("rejects/*.jsonl")
    lines = rejects.read_text().splitlines()
    assert len(lines) == 2
    receipt = client.delete("/v1/users/u0").json["receipt"]
    assert client.get(f"/v1/users/u0/erasure/{receipt}").json["left"]["dead_letters"] == 1
    archiver.work()
    assert rejects.read_text().splitlines() == lines[1:]
    assert client.get(f"/v1/users/u0/erasure/{receipt}").json["verified"]


def test_an_export_holds_what_files_declared(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    bring(settings, tmp_path, users="user_id,birthday,region\nu0,05-12,DE\n")
    assert client.get("/v1/users/u0").json["declared"] == {"birthday": "05-12", "region": "DE"}
    assert '"birthday":"05-12"' in client.get("/v1/users/u0/export").text


@pytest.fixture
def alone(tmp_path: Path, redis_server: RedisServer) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "alone", redis_server.server.command[0]).start()
    yield server
    server.kill()


def test_the_append_only_file_forgets_too(alone: RedisServer, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, redis_url=alone.url, redis_timeout_ms=2_000)
    services = build(settings)
    client, archiver = create_app(services).test_client(), build_archiver(settings)

    def kept() -> bool:
        files = (tmp_path / "alone").rglob("*.aof")
        return any(b"secret-77" in path.read_bytes() for path in files)

    try:
        client.put("/v1/users/someone", json={"region": "secret-77"})
        assert kept()
        client.delete("/v1/users/someone")
        archiver.work()
        deadline = time.monotonic() + 20
        while kept():
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        services.stop()


def test_a_file_that_came_after_a_change_has_the_last_word_in_the_next_bundle(
    client: FlaskClient, archiver: Archiver, settings: Settings, tmp_path: Path
) -> None:
    client.put("/v1/items/tent", json={"in_stock": True, "brand": "live"})
    client.put("/v1/items/axe", json={"in_stock": False})
    archiver.work()
    bring(settings, tmp_path, items="item_id,in_stock,brand\ntent,false,file\naxe,true,file\nunknown,false,file\n")
    archived = read_archived(settings.shop_folder)
    client.put("/v1/items/tent", json={"price": "5"})
    client.put("/v1/items/pan", json={"brand": "not archived yet"})
    registry = Registry(settings.shop_folder / "bundles")
    old = shop.bundle()
    info = replace(old.info, bundle_id="next", archived_until=archived)
    items = read_log(settings.shop_folder).items
    registry.publish(registry.add(replace(old, info=info, catalogue=changed(old, items))).name)
    worker = build(settings, clock=lambda: float(shop.NOW))
    try:
        anew = create_app(worker).test_client()
        said = {one: anew.get(f"/v1/items/{one}").json for one in ("tent", "axe", "pan")}
        assert (said["tent"]["in_stock"], said["axe"]["in_stock"]) == (False, True)
        assert said["pan"]["brand"] == "not archived yet"
        assert (said["tent"].get("brand"), said["tent"]["price"]) == (None, "5")
        assert anew.get("/v1/items/unknown").status_code == 404
    finally:
        worker.stop()


def changed(bundle: Bundle, items: pa.Table) -> Catalogue:
    """Return the catalogue of ``bundle`` with the archive's word on what is in stock."""
    in_stock = bundle.catalogue.in_stock.copy()
    for row in items.to_pylist():
        if row["in_stock"] is not None and (at := bundle.catalogue.items.row(row["item_id"])) >= 0:
            in_stock[at] = row["in_stock"]
    return replace(bundle.catalogue, in_stock=in_stock)


class Refusing:
    """A link to a Redis that is rewriting its file already, for as long as it is told."""

    def __init__(self) -> None:
        self.asked, self.busy = 0, True

    def run(self, use: object) -> None:
        self.asked += 1
        if self.busy:
            raise Unavailable("redis", why="refuses the command")


def test_a_rewriting_that_began_before_the_erasure_is_followed_by_another() -> None:
    link, now = Refusing(), [0.0]
    rewrite = Rewriting(link, lambda: now[0])  # type: ignore[arg-type]
    for now[0], erased, asked in ((0.0, False, 0), (1.0, True, 1), (2.0, False, 1), (100.0, False, 2)):
        rewrite(erased)
        assert link.asked == asked
    link.busy = False
    for now[0], erased, asked in ((200.0, False, 3), (300.0, True, 3), (4000.0, False, 4), (9000.0, False, 4)):
        rewrite(erased)
        assert link.asked == asked


def test_a_merged_visitor_who_refused_in_a_file_stays_withheld(
    client: FlaskClient, archiver: Archiver, settings: Settings, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    bring(settings, tmp_path, users="user_id,personalize\nu2,false\n")
    archiver.work()
    merge(client, "u2", "u0")
    for _ in range(2):
        archiver.work()
        assert {b"lists:{main:u0}", b"lists:{main:u2}"} <= set(client_of_redis.smembers("withheld:{main}"))
    client.put("/v1/users/u0/preferences", json={"personalize": True})
    assert not client_of_redis.smembers("withheld:{main}")


def test_an_erasure_leaves_the_refusal_in_the_files(
    client: FlaskClient, archiver: Archiver, settings: Settings
) -> None:
    client.put("/v1/users/u0", json={"region": "DE"})
    client.put("/v1/users/u0/preferences", json={"personalize": False})
    archiver.work()
    client.delete("/v1/users/u0")
    archiver.work()
    assert pq.read_table(settings.shop_folder / "users.parquet")["region"].to_pylist() == [None]
    assert read_decisions(settings.shop_folder).refusing.to_pylist() == ["u0"]


def test_an_erasure_request_that_cannot_be_written_down_is_refused(client: FlaskClient, settings: Settings) -> None:
    (settings.shop_folder / "erased.parquet").mkdir()
    answer = client.delete("/v1/users/u0")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)

"""An erased customer is out of the archive, verified by looking, and out of what training reads."""

from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis
from flask.testing import FlaskClient

from machine.whole_files import alone, locked
from recommender.errors import Unavailable
from serving.adapters.parquet_archive import READERS, ParquetArchive
from serving.bootstrap import build_archiver
from serving.settings import Settings
from tests.serving import shop
from tests.serving.test_events import send, view
from training.readers import read_log

NOW = shop.NOW


def rows(root: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in root.glob("events/day=*/*.parquet"):
        for one in pq.read_table(path, partitioning=None)["user_id"].to_pylist():
            found[one] = found.get(one, 0) + 1
    return found


def test_an_erasure_is_fulfilled_in_the_files_and_verified(client: FlaskClient, settings: Settings) -> None:
    archiver, root = build_archiver(settings), settings.shop_folder
    send(client, view("tent", "a"), view("axe", "a", event_id="x"), view("tent", "b"), view("pan", "visitor"))
    client.post("/v1/users/a:merge", json={"visitor_id": "visitor"})
    client.put("/v1/users/a", json={"language": "de"})
    archiver.work()
    assert rows(root) == {"a": 2, "b": 1, "visitor": 1}
    receipt = client.delete("/v1/users/a").json["receipt"]
    before = client.get(f"/v1/users/a/erasure/{receipt}").json
    assert (before["status"], before["left"]["archive_rows"], before["verified"]) == ("archive_pending", 3, False)
    assert set(read_log(root).events["user_id"].to_pylist()) == {"b"}
    archiver.work()
    after = client.get(f"/v1/users/a/erasure/{receipt}").json
    assert (after["status"], after["verified"]) == ("done", True)
    assert client.get(f"/v1/users/b/erasure/{receipt}").status_code == 404
    assert after["removed"]["archive_rows"] == 3
    assert after["removed"]["declared_rows"] == 1
    assert after["left"] == {"live_events": 0, "bundle_histories": 0, "archive_rows": 0, "dead_letters": 0}
    assert rows(root) == {"b": 1}


def test_what_waits_in_the_stream_at_the_request_never_reaches_the_archive_for_good(
    client: FlaskClient, settings: Settings
) -> None:
    archiver = build_archiver(settings)
    send(client, view("tent", "a"))
    receipt = client.delete("/v1/users/a").json["receipt"]
    archiver.work()
    assert rows(settings.shop_folder) == {}
    assert client.get(f"/v1/users/a/erasure/{receipt}").json["verified"] is True


def test_a_customer_who_comes_back_begins_a_new_story(client: FlaskClient, settings: Settings) -> None:
    archiver = build_archiver(settings)
    send(client, view("tent", "u0", timestamp=NOW - 10))
    client.delete("/v1/users/u0")
    archiver.work()
    later = {"user_id": "u0", "item_id": "pan", "event": "view_item", "timestamp": NOW + 120}
    send(client, later)
    archiver.work()
    assert client.get("/v1/users/u0").json["events"] == 1
    assert rows(settings.shop_folder) == {"u0": 1}
    assert read_log(settings.shop_folder).events["item_id"].to_pylist() == ["pan"]


def test_merges_reach_training(client: FlaskClient, settings: Settings) -> None:
    archiver = build_archiver(settings)
    send(client, view("tent", "visitor"))
    client.post("/v1/users/u1:merge", json={"visitor_id": "visitor"})
    send(client, view("axe", "visitor"))
    archiver.work()
    assert read_log(settings.shop_folder).events["user_id"].to_pylist() == ["u1", "u1"]


def test_an_export_holds_what_is_archived(client: FlaskClient, settings: Settings) -> None:
    send(client, view("tent", "a", event_id="first"))
    build_archiver(settings).work()
    assert '"event_id":"first"' in client.get("/v1/users/a/export").text


def test_a_receipt_counts_lists_and_no_choice(client: FlaskClient) -> None:
    client.put("/v1/users/shy/preferences", json={"personalize": False})
    receipt = client.delete("/v1/users/shy").json
    assert receipt["removed"]["lists"] == 0


def test_what_lies_before_a_request_and_comes_after_it_is_refused(client: FlaskClient, settings: Settings) -> None:
    archiver = build_archiver(settings)
    send(client, view("tent", "late"))
    receipt = client.delete("/v1/users/late").json["receipt"]
    archiver.work()
    before = {**view("axe", "late"), "timestamp": NOW - 3_600}
    answer = client.post("/v1/events", json={"events": [before, view("pan", "other")]}).json
    assert (answer["accepted"], [one["code"] for one in answer["rejected"]]) == (1, ["erased"])
    archiver.work()
    found = client.get(f"/v1/users/late/erasure/{receipt}").json
    assert (found["verified"], found["left"]["live_events"]) == (True, 0)


def test_a_request_waits_for_nobody_who_holds_the_files(client: FlaskClient, settings: Settings) -> None:
    with alone(settings.shop_folder), locked(settings.shop_folder / ".import.lock"):
        assert client.delete("/v1/users/u0").status_code == 200


def test_a_request_that_redis_lost_is_fulfilled_all_the_same(
    client: FlaskClient, settings: Settings, client_of_redis: "redis.Redis"
) -> None:
    archiver = build_archiver(settings)
    send(client, view("tent", "a"), view("tent", "b"))
    archiver.work()
    receipt = client.delete("/v1/users/a").json["receipt"]
    client_of_redis.flushall()
    archiver.work()
    assert rows(settings.shop_folder) == {"b": 1}
    assert client.get(f"/v1/users/a/erasure/{receipt}").json["verified"] is True
    assert build_archiver(settings).erasures.open() == []
    held = pq.read_table(settings.shop_folder / "erased.parquet").to_pylist()
    assert [(row["user_id"], row["receipt"], row["is_fulfilled"]) for row in held] == [("a", receipt, True)]


def test_erasures_of_an_earlier_version_still_hold(client: FlaskClient, settings: Settings) -> None:
    path = settings.shop_folder / "erased.parquet"
    row = {"user_id": "a", "erased_at": datetime.fromtimestamp(NOW, UTC)}
    pq.write_table(pa.Table.from_pylist([row]), path)
    client.delete("/v1/users/b")
    archiver = build_archiver(settings)
    archiver.work()
    assert [row["user_id"] for row in pq.read_table(path).to_pylist()] == ["a", "b"]
    assert archiver.erasures.open() == []


def test_few_calls_at_a_time_go_through_all_files(tmp_path: Path) -> None:
    archive = ParquetArchive(tmp_path)
    with ExitStack() as stack:
        for _ in range(READERS):
            stack.enter_context(archive.turns)
        with pytest.raises(Unavailable, match="other calls"):
            archive.events_of(["a"])
    assert list(archive.events_of(["a"])) == []


def test_a_damaged_file_is_no_error_of_ours(client: FlaskClient, settings: Settings) -> None:
    (settings.shop_folder / "users.parquet").write_bytes(b"PAR1")
    (settings.shop_folder / "events" / "day=2026-01-01").mkdir(parents=True)
    (settings.shop_folder / "events" / "day=2026-01-01" / "part.parquet").write_bytes(b"PAR1")
    assert client.get("/v1/users/u0").status_code == 503
    assert client.get("/v1/users/u0/export").status_code == 503


def test_a_full_redis_and_a_request_that_it_refused_keep_nothing_from_being_archived(
    client: FlaskClient, settings: Settings, client_of_redis: "redis.Redis"
) -> None:
    send(client, view("tent", "a"), view("tent", "b"))
    archiver = build_archiver(settings)
    client_of_redis.config_set("maxmemory", 1)
    try:
        assert client.delete("/v1/users/a").status_code == 503
        with suppress(Unavailable):
            archiver.work()
        assert client_of_redis.xlen("log:{main}") == 0
    finally:
        client_of_redis.config_set("maxmemory", 0)
    archiver.work()
    assert rows(settings.shop_folder) == {"b": 1}


def test_a_damaged_file_of_requests_keeps_nothing_from_being_archived(
    client: FlaskClient, settings: Settings, client_of_redis: "redis.Redis"
) -> None:
    archiver = build_archiver(settings)
    send(client, view("tent", "a"))
    (settings.shop_folder / "erased.parquet").write_bytes(b"PAR1")
    with pytest.raises(pa.ArrowException):
        archiver.work()
    assert client_of_redis.xlen("log:{main}") == 0
    assert rows(settings.shop_folder) == {"a": 1}


def test_what_an_erasure_took_out_does_not_come_back_with_an_older_redis(
    client: FlaskClient, settings: Settings, client_of_redis: "redis.Redis"
) -> None:
    archiver = build_archiver(settings)
    send(client, view("tent", "a"), view("tent", "b"))
    before = archiver.stream.waiting(10)
    archiver.work()
    client.delete("/v1/users/a")
    archiver.work()
    archiver.archive.add(before)
    assert rows(settings.shop_folder) == {"b": 1}


def test_who_tries_again_has_one_open_request(
    client: FlaskClient, settings: Settings, client_of_redis: "redis.Redis"
) -> None:
    client_of_redis.config_set("maxmemory", 1)
    try:
        assert {client.delete("/v1/users/a").status_code for _ in range(3)} == {503}
    finally:
        client_of_redis.config_set("maxmemory", 0)
    assert len(build_archiver(settings).erasures.open()) == 1

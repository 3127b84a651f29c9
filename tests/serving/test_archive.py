"""Every acknowledged event is archived exactly once, whatever dies in between."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from recommender.config import LiveSettings
from recommender.errors import Unavailable
from recommender.times import DAY
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_log import RedisLog
from serving.adapters.redis_stream import RedisStream
from serving.archive import Archive
from serving.archiver import LOOK_SECONDS, Archiver
from serving.bootstrap import redis_link
from serving.event_records import read
from serving.replay import replay
from serving.settings import Settings
from serving.stream import Entry, StreamId
from tests.serving.redis_server import RedisServer

NOW = 1_767_225_600
LIVE = LiveSettings(archive_events=10)


def entry(number: int, day: int = 0, **more: Any) -> Entry:
    row = {"event_id": f"e{number}", "user_id": "u", "item_id": "i", "event": "view_item", **more}
    row.setdefault("timestamp", (NOW + day * DAY) * 1000)
    return Entry(StreamId(1_000, number), {b"event": orjson.dumps(row)})


def archived(root: Path) -> list[str]:
    files = sorted(root.glob("events/day=*/*.parquet"))
    return [one for path in files for one in pq.read_table(path, partitioning=None)["event_id"].to_pylist()]


@pytest.fixture
def link(redis_server: RedisServer, client_of_redis: "redis.Redis", tmp_path: Path) -> Any:
    return redis_link(Settings(data=tmp_path, redis_url=redis_server.url, redis_timeout_ms=2_000), "redis")


@pytest.fixture
def log(link: Any) -> RedisLog:
    return RedisLog(link, "main")


@pytest.fixture
def archiver(link: Any, tmp_path: Path) -> Archiver:
    root = tmp_path / "main"
    erasures = RedisErasures(link, "main", root)
    return archiver_of(RedisStream(link, "main"), root, erasures)


def archiver_of(stream: Any, root: Path, erasures: Any, tell: Callable[[], object] = lambda: None) -> Archiver:
    return Archiver(stream, Archive(root), erasures, ParquetArchive(root), LIVE, tell, lambda _: None)


def fill(log: RedisLog, count: int, user: str = "u", start: int = 0) -> None:
    parts = [
        {"user_id": user, "item_id": "i", "event": "view", "event_id": f"{user}{start + n}", "timestamp": NOW - n * DAY}
        for n in range(count)
    ]
    records, rejected = read(parts, NOW, LiveSettings())
    assert not rejected
    log.append(records, NOW, LIVE)


def test_entries_go_to_their_days_in_the_columns_of_the_log(tmp_path: Path) -> None:
    Archive(tmp_path).add([entry(1), entry(2, day=1, price=2.5, consent=False), entry(3)])
    assert {p.parent.name: pq.read_metadata(p).num_rows for p in tmp_path.glob("events/*/*")} == {
        "day=2026-01-01": 2,
        "day=2026-01-02": 1,
    }
    row = pq.read_table(next(tmp_path.glob("events/day=2026-01-02/*")), partitioning=None).to_pylist()[0]
    assert (row["event_id"], row["price"], row["quantity"], row["consent"]) == ("e2", 2.5, 1.0, False)


def test_the_end_is_the_last_entry_of_any_day(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for n, day in ((1, 2), (5, 0), (3, 1)):
        archive.add([entry(n, day=day)])
    assert archive.end() == Archive(tmp_path).end() == entry(5).id


def test_what_was_left_half_done_is_finished_and_not_repeated(tmp_path: Path) -> None:
    whole = [entry(n, day=n % 3) for n in range(1, 10)]
    Archive(tmp_path).add(whole)
    for path in sorted(tmp_path.glob("events/*/*"))[1:]:
        path.unlink()
    assert Archive(tmp_path).add([*whole, entry(10), entry(11, day=2)]) == 8
    assert sorted(archived(tmp_path)) == sorted(f"e{n}" for n in range(1, 12))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_killed_anywhere_and_run_again_every_entry_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, days: list[int], data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("archive")
    entries = [entry(n, day=day) for n, day in enumerate(days, 1)]
    for _ in range(data.draw(st.integers(0, 3))):
        known = data.draw(st.integers(1, len(entries)))
        before = set(root.glob("events/*/*"))
        Archive(root).add(entries[:known])
        fresh = sorted(set(root.glob("events/*/*")) - before)
        for path in fresh[data.draw(st.integers(0, len(fresh))) :]:
            path.unlink()
    Archive(root).add(entries)
    assert sorted(archived(root)) == sorted(f"e{n}" for n in range(1, len(days) + 1))


def test_many_files_of_a_day_become_one_and_an_interrupted_tidying_is_cleaned_up(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for n in range(1, 6):
        archive.add([entry(n)])
    parts = {path: path.read_bytes() for path in tmp_path.glob("events/*/*")}
    archive.tidy(4)
    assert len(list(tmp_path.glob("events/*/*"))) == 1
    assert archived(tmp_path) == ["e1", "e2", "e3", "e4", "e5"]
    for path, content in parts.items():
        path.write_bytes(content)
    assert Archive(tmp_path).add([entry(5), entry(6)]) == 1
    assert sorted(archived(tmp_path)) == ["e1", "e2", "e3", "e4", "e5", "e6"]


def test_the_stream_is_trimmed_only_behind_the_archive(
    log: RedisLog, archiver: Archiver, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    fill(log, 25)
    assert archiver.work() == 25
    assert client_of_redis.xlen("log:{main}") == 0
    assert len(archived(tmp_path / "main")) == 25
    fill(log, 3, start=25)
    archiver.archive.add(archiver.stream.waiting(10))
    assert client_of_redis.xlen("log:{main}") == 3
    again = archiver_of(archiver.stream, tmp_path / "main", archiver.erasures)
    assert again.work() == 3
    assert len(archived(tmp_path / "main")) == len(set(archived(tmp_path / "main"))) == 28


def test_a_redis_that_lost_its_data_never_uses_an_id_twice(
    log: RedisLog, archiver: Archiver, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    ahead = StreamId(2**41, 5)
    archiver.stream.stay_after(ahead)
    fill(log, 1)
    assert archiver.stream.waiting(10)[0].id > ahead
    archiver.stream.stay_after(ahead)
    assert archiver.work() == 1


def test_an_archiver_begins_by_finishing_what_a_killed_one_left_half_done(
    log: RedisLog, archiver: Archiver, tmp_path: Path
) -> None:
    fill(log, 3)
    archiver.archive.add(archiver.stream.waiting(10))
    for path in sorted((tmp_path / "main").glob("events/*/*"))[1:]:
        path.unlink()
    stopped = threading.Event()
    stopped.set()
    archiver_of(archiver.stream, tmp_path / "main", archiver.erasures).run(stopped)
    assert sorted(archived(tmp_path / "main")) == ["u0", "u1", "u2"]


def test_what_cannot_be_read_becomes_a_dead_letter_and_can_be_put_back(
    log: RedisLog, archiver: Archiver, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    client_of_redis.xadd("log:{main}", {"event": b"\xff{"})
    client_of_redis.xadd("log:{main}", {"nothing": "known"})
    mended = {"event_id": "m", "user_id": "u", "item_id": "i", "event": "view", "timestamp": "2026-01-01T00:00:00Z"}
    client_of_redis.xadd("log:{main}", {"event": orjson.dumps(mended)})
    client_of_redis.xadd("log:{main}", entry(0, quantity=True).fields)
    client_of_redis.xadd("log:{main}", {"event": b"null"})
    client_of_redis.xadd("log:{main}", {"event": b"[7]"})
    fill(log, 1)
    archiver.work()
    assert archived(tmp_path / "main") == ["u0"]
    letters = [
        orjson.loads(line) for p in archiver.archive.dead_letters.iterdir() for line in p.read_bytes().splitlines()
    ]
    assert [letter["reason"].split(":")[0] for letter in letters] == [
        "JSONDecodeError",
        "KeyError",
        "TypeError",
        "TypeError",
        "AttributeError",
        "AttributeError",
    ]
    done = replay(archiver.archive.folder, log, NOW, LIVE)
    assert (done.restored, done.left) == (1, 5)
    assert archiver.work() == 1
    assert sorted(archived(tmp_path / "main")) == ["m", "u0"]
    assert replay(archiver.archive.folder, log, NOW, LIVE).restored == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_what_cannot_be_read_is_a_dead_letter_once(tmp_path: Path, restarted: bool) -> None:
    bad = [Entry(StreamId(1_000, number), {b"event": b"{"}) for number in (1, 2, 3)]
    archive = Archive(tmp_path)
    assert archive.add(bad[:2]) == 2
    assert (Archive(tmp_path) if restarted else archive).add(bad) == 1
    letters = sorted(archive.dead_letters.iterdir())
    assert [orjson.loads(line)["stream_id"] for p in letters for line in p.read_bytes().splitlines()] == [
        str(one.id) for one in bad
    ]


def test_a_number_that_no_float_holds_exactly_is_archived_all_the_same(tmp_path: Path) -> None:
    Archive(tmp_path).add([entry(1, value=2**53 + 1)])
    assert archived(tmp_path) == ["e1"]


def test_a_damaged_catalogue_is_waited_for(
    archiver: Archiver, log: RedisLog, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    catalogue = tmp_path / "main" / "items.parquet"
    catalogue.parent.mkdir(exist_ok=True)
    catalogue.write_bytes(b"PAR1 no more")
    client_of_redis.xadd("log:{main}", {"item": orjson.dumps({"item_id": "a"})})
    stopped = threading.Event()
    stopped.set()
    archiver.run(stopped)
    assert archiver.stream.length() == 1
    catalogue.unlink()
    archiver.run(stopped)
    assert pq.read_table(catalogue)["item_id"].to_pylist() == ["a"]


def test_facts_that_cannot_be_read_stop_nothing(
    archiver: Archiver, log: RedisLog, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    bad = [{"item_id": "a", "available_from": "2026-01-01T00:00:00"}, {"price": "1"}, ["no", "item"]]
    for item in (*bad, {"item_id": "b", "price": "2"}):
        client_of_redis.xadd("log:{main}", {"item": orjson.dumps(item)})
    client_of_redis.xadd("log:{main}", {"merge": b"{"})
    fill(log, 1)
    archiver.work()
    assert pq.read_table(tmp_path / "main" / "items.parquet")["item_id"].to_pylist() == ["b"]
    assert archived(tmp_path / "main") == ["u0"]
    letters = [
        orjson.loads(line) for p in archiver.archive.dead_letters.iterdir() for line in p.read_bytes().splitlines()
    ]
    assert [letter["reason"].split(":")[0] for letter in letters] == [
        "ArrowInvalid", "ValueError", "AttributeError", "JSONDecodeError"
    ]  # fmt: skip
    assert archiver.work() == 0
    before = [path.read_bytes() for path in archiver.archive.dead_letters.iterdir()]
    assert replay(archiver.archive.folder, log, NOW, LIVE).left == 4
    assert [path.read_bytes() for path in archiver.archive.dead_letters.iterdir()] == before


def test_what_a_change_takes_away_is_gone_from_the_archive_too(
    archiver: Archiver, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    def put(*items: dict[str, Any]) -> list[dict[str, Any]]:
        for item in items:
            client_of_redis.xadd("log:{main}", {"item": orjson.dumps(item)})
        archiver.work()
        columns = ["item_id", "price", "tags", "hidden", "size"]
        return pq.read_table(tmp_path / "main" / "items.parquet").select(columns).to_pylist()

    a = {"item_id": "a", "price": "1", "tags": ["x"], "hidden": True, "size": "L"}
    b = {"item_id": "b", "price": "2", "tags": ["y"], "hidden": False, "size": "S"}
    assert put(a, b) == [a, b]
    gone = {"price": None, "tags": None, "hidden": None, "size": None}
    assert put({"item_id": "a", **gone}) == [a | gone, b]
    assert put({"item_id": "b", "price": "3"}, {"item_id": "b", "price": None}) == [a | gone, b | {"price": None}]
    assert put({"item_id": "b", "price": None}, {"item_id": "b", "price": "4"}) == [a | gone, b | {"price": "4"}]


def test_a_choice_reaches_the_archive_beside_what_is_declared(
    archiver: Archiver, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    facts = [{"user_id": "u", "personalize": False}, {"user_id": "v", "personalize": False}]
    for fact in (*facts, {"user_id": "u", "region": "north"}, {"user_id": "v", "personalize": True}):
        client_of_redis.xadd("log:{main}", {"user": orjson.dumps(fact)})
    archiver.work()
    held = pq.read_table(tmp_path / "main" / "users.parquet").select(["user_id", "region", "personalize"]).to_pylist()
    assert held == [
        {"user_id": "u", "region": "north", "personalize": False},
        {"user_id": "v", "region": None, "personalize": True},
    ]


def test_events_of_customers_who_chose_so_are_archived_as_not_to_be_learned_from(
    archiver: Archiver, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    client_of_redis.xadd("log:{main}", {**entry(1).fields, b"unlearned": b"1"})
    archiver.work()
    assert pq.read_table(tmp_path / "main" / "events", partitioning=None)["consent"].to_pylist() == [False]


def test_an_archiver_that_cannot_write_waits(log: RedisLog, archiver: Archiver, tmp_path: Path) -> None:
    fill(log, 1)
    (tmp_path / "main").mkdir(exist_ok=True)
    (tmp_path / "main" / "events").write_text("in the way")
    stopped = threading.Event()
    stopped.set()
    archiver.run(stopped)
    assert archiver.stream.length() == 1
    (tmp_path / "main" / "events").unlink()
    archiver.run(stopped)
    assert archiver.stream.length() == 0


def test_an_archiver_with_nothing_to_do_works_no_more_often_than_it_must(archiver: Archiver) -> None:
    told: list[int] = []
    times = iter([0.0])
    stopped = threading.Event()
    threading.Timer(3.5 * LOOK_SECONDS, stopped.set).start()
    archiver_of(archiver.stream, archiver.archive.folder.root, archiver.erasures, lambda: told.append(1)).run(
        stopped, lambda: next(times, 1e6)
    )
    assert len(told) == 2  # once it was late, and at the end


def test_what_the_log_takes_for_known_is_not_put_back_and_stays(
    archiver: Archiver, log: RedisLog, client_of_redis: "redis.Redis"
) -> None:
    event = {"event_id": "m", "user_id": "u", "item_id": "i", "event": "view", "timestamp": NOW}
    log.append(read([event], NOW, LIVE)[0], NOW, LIVE)
    ((at, fields),) = client_of_redis.xrange("log:{main}")
    client_of_redis.xdel("log:{main}", at)
    spoiled = orjson.dumps(orjson.loads(fields[b"event"]) | {"timestamp": "2026-01-01T00:00:00Z"})
    client_of_redis.xadd("log:{main}", {"event": spoiled})
    archiver.work()
    done = replay(archiver.archive.folder, log, NOW, LIVE)
    assert (done.restored, done.left) == (0, 1)
    later = NOW + 3 * 3_600 * LIVE.remember_ids_hours
    client_of_redis.delete(*client_of_redis.keys("ids:*"))
    assert replay(archiver.archive.folder, log, later, LIVE).restored == 1


def test_ids_are_raised_once_redis_answers_however_late(archiver: Archiver, client_of_redis: "redis.Redis") -> None:
    archiver.archive.add([entry(1)])
    answers = iter([Unavailable("event log"), None])
    stream = LateStream(archiver.stream, answers)
    stopped = threading.Event()
    worker = threading.Thread(
        target=archiver_of(stream, archiver.archive.folder.root, archiver.erasures).run, args=(stopped,)
    )
    worker.start()
    stream.raised.wait(10)
    stopped.set()
    worker.join()
    assert client_of_redis.xadd("log:{main}", {"event": b"{}"}) > b"1000-1"
    assert next(answers, "none left") == "none left"


class LateStream:
    """A log that does not answer at first."""

    def __init__(self, stream: Any, answers: Iterator[Exception | None]) -> None:
        self.stream, self.answers, self.raised = stream, answers, threading.Event()

    def stay_after(self, last: StreamId) -> None:
        if error := next(self.answers, None):
            raise error
        self.stream.stay_after(last)
        self.raised.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def test_facts_that_fit_no_common_table_are_kept_one_by_one(tmp_path: Path) -> None:
    rows = [{"item_id": "a", "in_stock": True}, {"item_id": "b", "in_stock": "0"}, {"item_id": "c", "hidden": True}]
    entries = [Entry(StreamId(1, n), {b"item": orjson.dumps(row)}) for n, row in enumerate(rows)]
    Archive(tmp_path / "main").add(entries)
    items = pq.read_table(tmp_path / "main" / "items.parquet").sort_by("item_id")
    assert items["item_id"].to_pylist() == ["a", "b", "c"]
    assert items["in_stock"].to_pylist() == [True, False, None]


def test_trouble_is_told_once_and_so_is_its_end(archiver: Archiver) -> None:
    stream = LateStream(archiver.stream, iter([Unavailable("event log"), Unavailable("event log"), None]))
    stopped = threading.Event()
    with capture_logs() as told:
        worker = threading.Thread(
            target=archiver_of(stream, archiver.archive.folder.root, archiver.erasures).run, args=(stopped,)
        )
        worker.start()
        stream.raised.wait(10)
        stopped.set()
        worker.join()
    assert [line["event"] for line in told] == ["archiver waits", "archiver works again"]


def test_what_a_redis_behind_the_archive_took_is_archived_once(tmp_path: Path) -> None:
    Archive(tmp_path).add([replace_id(entry(number), 9_000 + number) for number in range(3)])
    behind = [entry(1), entry(7), replace_id(entry(2), 9_002), entry(8, day=1)]
    assert [Archive(tmp_path).add(behind), Archive(tmp_path).add(behind)] == [2, 0]
    assert sorted(archived(tmp_path)) == ["e0", "e1", "e2", "e7", "e8"]
    Archive(tmp_path).tidy(0)
    assert sorted(archived(tmp_path)) == ["e0", "e1", "e2", "e7", "e8"]


def replace_id(entry: Entry, ms: int) -> Entry:
    return Entry(StreamId(ms, 0), entry.fields)


def test_a_redis_that_lost_its_data_in_between_gives_greater_ids_again(
    log: RedisLog, archiver: Archiver, client_of_redis: "redis.Redis", tmp_path: Path
) -> None:
    ahead = int(client_of_redis.time()[0]) * 1000 + 10**7
    client_of_redis.xadd("log:{main}", entry(1).fields, id=f"{ahead}-0")
    archiver.work()
    client_of_redis.flushall()
    archiver.work()
    fill(log, 2)
    archiver.work()
    assert sorted(archived(tmp_path / "main")) == ["e1", "u0", "u1"]

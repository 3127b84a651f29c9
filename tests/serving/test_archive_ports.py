"""The ports of erasures and archive: one suite on Redis and Parquet and on the twins."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import redis

from recommender.times import DAY
from serving.adapters.breaker import Breaker
from serving.adapters.memory_archive import MemoryArchive, MemoryErasures
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_link import RedisLink
from serving.archive import Archive
from serving.archiver import Files
from serving.ports import Archived, Erasure, Erasures
from serving.stream import Entry, StreamId
from tests.serving.redis_server import RedisServer
from tests.serving.shop import NOW

REQUEST = Erasure("r1", ("u", "visitor/🎈"), NOW, {})


def event(number: int, user: str, time: int) -> dict[str, Any]:
    return {
        "event_id": f"e{number}", "user_id": user, "item_id": "tent", "event": "view_item", "timestamp": time
    }  # fmt: skip


EVENTS = [
    event(1, "u", NOW * 1000),
    event(2, "v", NOW * 1000),
    event(3, "visitor/🎈", (NOW - DAY) * 1000),
    event(4, "u", (NOW - DAY) * 1000) | {"price": 2.5},
    event(5, "u", NOW * 1000 + 999),
    event(6, "u", (NOW + 1) * 1000),
]
DECLARED, MERGED, UNREADABLE = ["u", "w"], ["visitor/🎈", "other"], ["visitor/🎈", "w", "u"]


class TestEveryStoreOfErasures:
    @pytest.fixture(params=["redis", "memory"])
    def erasures(
        self,
        request: pytest.FixtureRequest,
        redis_server: RedisServer,
        client_of_redis: "redis.Redis",
        tmp_path: Path,
    ) -> Erasures:
        link = RedisLink(redis_server.url, 2.0, Breaker("redis", lambda: 0.0))
        return RedisErasures(link, "main", tmp_path) if request.param == "redis" else MemoryErasures()

    def test_nothing_is_known_of_a_request_that_nobody_had(self, erasures: Erasures) -> None:
        assert (erasures.get("r1"), list(erasures.open())) == (None, [])

    def test_requests_are_open_oldest_first_until_they_are_closed(self, erasures: Erasures) -> None:
        late, early = replace(REQUEST, receipt="a", asked_at=NOW + 1), replace(REQUEST, receipt="z")
        for one in (late, early):
            erasures.ask(one)
        assert list(erasures.open()) == [early, late]
        done = replace(early, removed={"archive_rows": 3}, done=True)
        assert erasures.add("z", {"archive_rows": 3}, done=True) == done
        assert (list(erasures.open()), erasures.get("z")) == ([late], done)

    def test_a_request_stays_open_with_what_is_known_of_it_by_now(self, erasures: Erasures) -> None:
        erasures.ask(REQUEST)
        known = replace(REQUEST, removed={"events": 2, "tags": 1})
        assert erasures.add("r1", known.removed, done=False) == known
        assert (list(erasures.open()), erasures.get("r1")) == ([known], known)

    def test_what_is_noted_on_two_sides_is_kept_whoever_comes_last(self, erasures: Erasures) -> None:
        erasures.ask(REQUEST)
        erasures.add("r1", {"archive_rows": 4}, done=True)
        erasures.add("r1", {"events": 2}, done=False)
        assert erasures.get("r1") == replace(REQUEST, removed={"archive_rows": 4, "events": 2}, done=True)
        assert list(erasures.open()) == []
        assert erasures.add("unknown", {"events": 2}, done=True) is None

    def test_who_asks_again_has_one_request(self, erasures: Erasures) -> None:
        erasures.ask(REQUEST)
        erasures.ask(REQUEST)
        assert list(erasures.open()) == [REQUEST]
        for _ in range(2):
            erasures.add("r1", {}, done=True)
        assert list(erasures.open()) == []


class Held(NamedTuple):
    """An archive as its two ports see it, empty until it is filled."""

    archived: Archived
    files: Files
    fill: Callable[[Sequence[dict[str, Any]]], object]

    def ids(self, one: str) -> list[str]:
        return [row["event_id"] for row in self.archived.events_of([one])]


def parquet(root: Path) -> Held:
    def fill(events: Sequence[dict[str, Any]]) -> None:
        facts = [{b"user": orjson.dumps({"user_id": one, "region": "north"})} for one in DECLARED]
        facts += [{b"merge": orjson.dumps({"visitor_id": one, "user_id": "u", "merged_at": NOW})} for one in MERGED]
        bad = [{b"event": orjson.dumps({"user_id": one})} for one in UNREADABLE]
        whole = [*({b"event": orjson.dumps(row)} for row in events), *facts, *bad]
        Archive(root).add([Entry(StreamId(1, number), fields) for number, fields in enumerate(whole)])

    return Held(ParquetArchive(root), ParquetArchive(root), fill)


def memory() -> Held:
    held = MemoryArchive()

    def fill(events: Sequence[dict[str, Any]]) -> None:
        held.events += events
        held.declared |= {one: {"region": "north"} for one in DECLARED}
        held.merged += MERGED
        held.unreadable += UNREADABLE

    return Held(held, held, fill)


class TestEveryArchive:
    @pytest.fixture(params=["parquet", "memory"])
    def held(self, request: pytest.FixtureRequest, tmp_path: Path) -> Held:
        return parquet(tmp_path) if request.param == "parquet" else memory()

    def test_an_empty_one_holds_nothing_of_anybody(self, held: Held) -> None:
        assert (held.ids("u"), held.archived.rows_left(REQUEST), sum(held.files.remove(REQUEST).values())) == ([], 0, 0)

    def test_the_events_of_ids_come_oldest_first(self, held: Held) -> None:
        held.fill(EVENTS)
        assert [held.ids(one) for one in ("u", "v", "visitor/🎈", "nobody")] == [
            ["e4", "e1", "e5", "e6"], ["e2"], ["e3"], []
        ]  # fmt: skip
        assert next(held.archived.events_of(["u"])) == EVENTS[3] | {
            "quantity": 1.0, "timestamp": datetime.fromtimestamp(NOW - DAY, UTC)
        }  # fmt: skip

    def test_what_came_up_to_the_request_is_left_until_it_is_removed(self, held: Held) -> None:
        held.fill(EVENTS)
        assert held.archived.rows_left(REQUEST) == 4
        removed = {"archive_rows": 4, "declared_rows": 1, "merges": 1, "dead_letters": 2}
        assert (held.files.remove(REQUEST), held.archived.rows_left(REQUEST)) == (removed, 0)
        assert [held.ids(one) for one in ("u", "v", "visitor/🎈")] == [["e6"], ["e2"], []]

    def test_what_is_removed_again_is_nothing(self, held: Held) -> None:
        held.fill(EVENTS)
        held.files.remove(REQUEST)
        assert held.files.remove(REQUEST) == {"archive_rows": 0, "declared_rows": 0, "merges": 0, "dead_letters": 0}

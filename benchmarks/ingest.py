"""Events a second over HTTP in batches of 100 with two workers, next to the same Redis commands without HTTP.

Both send the same events, new ids each time, from two processes at once; the bare side has them checked and packed
already and only talks to Redis. Customers begin without live state; in the last row every one has as much as is kept,
so that some are compacted with each batch.
"""

import selectors
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.client import Connection, post
from benchmarks.measured import Measured
from benchmarks.stage import PORT, Stage, redis_of, service
from recommender.config import LiveSettings
from serving.adapters.redis_log import RedisLog
from serving.bootstrap import redis_link
from serving.event_records import read
from serving.settings import Settings

BATCH, BATCHES, WORKERS, CONNECTIONS = 100, 600, 2, 8
LIVE = LiveSettings()


def measure(stage: Stage) -> list[Measured]:
    """Return events a second, the share of the bare pipeline that HTTP reaches, and the pace where states are full."""
    users, items = stage.users(), stage.items()[:2_000]
    with service(stage, workers=WORKERS):
        over_http = _over_http(_requests("h", users, items))
        bare = _bare(redis_of(stage), users, items)
        _over_http(_requests("more", users, items))
        full = _over_http(_requests("full", users, items))
    parts = f"{over_http:,.0f}/s over {bare:,.0f}/s"
    return [
        Measured("events over HTTP, batches of 100", over_http, "/s", 8_000, at_least=True),
        Measured("events over HTTP", over_http / bare, "× the same commands", 0.5, at_least=True, parts=parts),
        Measured("events over HTTP, states full", full, "/s", 8_000, at_least=True),
    ]


def _requests(run: str, users: Sequence[str], items: Sequence[str]) -> list[bytes]:
    return [post("/v1/events", {"events": batch}) for batch in batches(run, users, items, BATCHES)]


def batches(run: str, users: Sequence[str], items: Sequence[str], count: int) -> Iterator[list[dict[str, Any]]]:
    """Yield batches of events that happen now, with ids of their own."""
    stamp = int(time.time() * 1000)
    for batch in range(count):
        yield [
            {
                "event_id": f"{run}-{stamp}-{batch}-{n}",
                "user_id": users[(batch * BATCH + n) % len(users)],
                "item_id": items[(batch * 7 + n * 13) % len(items)],
                "event": "view_item",
                "timestamp": stamp,
                "session_id": f"s{n}",
                "channel": "web",
            }
            for n in range(BATCH)
        ]


def _over_http(requests: Sequence[bytes]) -> float:
    """Return events a second of a closed loop that sends every request once."""
    left = iter(requests)
    began = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        open_ = [Connection(PORT) for _ in range(CONNECTIONS)]
        for connection in open_:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(left))
        answered = 0
        while answered < len(requests):
            for key, _ in selector.select(timeout=5):
                if key.data.receive() is not None:
                    answered += 1
                    if (request := next(left, None)) is not None:
                        key.data.send(request)
    took = time.perf_counter() - began
    for connection in open_:
        connection.socket.close()
    return BATCH * len(requests) / took


def _bare(url: str, users: Sequence[str], items: Sequence[str]) -> float:
    """Return events a second of two processes that run the log's script and do nothing else."""
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        spans = list(pool.map(_append_all, [url] * WORKERS, [users] * WORKERS, [items] * WORKERS, range(WORKERS)))
    return BATCH * BATCHES / (max(end for _, end in spans) - min(begin for begin, _ in spans))


def _append_all(url: str, users: Sequence[str], items: Sequence[str], number: int) -> tuple[float, float]:
    log = RedisLog(redis_link(Settings(data=Path(), redis_url=url, redis_timeout_ms=5_000), "event log"), "main")
    now = time.time()
    ready = [read(b, now, LIVE)[0] for b in batches(f"b{number}", users, items, BATCHES // WORKERS)]
    time.sleep(2.0 - time.monotonic() % 2.0)  # both start at the same moment
    began = time.monotonic()
    for records in ready:
        log.append(records, now, LIVE)
    return began, time.monotonic()

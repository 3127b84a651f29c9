"""Bytes of Redis that one customer's live state takes: 100,000 customers with 50 events and 20 tags each.

Everything that belongs to a customer is counted: events, tags, the revision, and the keys themselves. The item ids are
those of Complete Journey.
"""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import redis

from benchmarks.measured import Measured
from benchmarks.stage import Stage
from features.live_events import pack
from recommender.times import DAY
from recommender.values import EventType
from serving.adapters import keys, tag_codec
from serving.adapters.embedded_redis import embedded_redis

CUSTOMERS, EVENTS, TAGS, ROUND = 100_000, 50, 20, 500
SECONDS = 90 * DAY


def measure(stage: Stage) -> list[Measured]:
    """Return the bytes of one customer."""
    items = stage.items()
    with tempfile.TemporaryDirectory() as folder:
        server = embedded_redis(Path(folder), "everysec")
        process = subprocess.Popen([*server.command, "--appendonly", "no"])
        try:
            while not server.answers():
                time.sleep(0.05)
            with redis.Redis.from_url(server.url) as client:
                size = _filled(client, items)
        finally:
            process.terminate()
            process.wait()
    parts = f"{CUSTOMERS:,} customers, {EVENTS} events and {TAGS} tags each"
    return [Measured("live state of a customer", size / 1024, "KiB", 2, parts=parts)]


def _filled(client: "redis.Redis", items: Sequence[str]) -> float:
    before = client.info("memory")["used_memory"]
    now = int(time.time())
    for start in range(0, CUSTOMERS, ROUND):
        with client.pipeline(transaction=False) as pipe:
            for customer in range(start, start + ROUND):
                _fill(pipe, f"customer-{customer:07d}", customer, items, now)
            pipe.execute()
    return float(client.info("memory")["used_memory"] - before) / CUSTOMERS


def _fill(pipe: "redis.client.Pipeline", one: str, number: int, items: Sequence[str], now: int) -> None:
    lists, events, tags = (keys.customer("main", kind, one) for kind in ("lists", "events", "tags"))
    packed = [
        pack(items[(number * 31 + n * 17) % len(items)], EventType.VIEW_ITEM, now - n, 1.0, 3.5) for n in range(EVENTS)
    ]
    pipe.rpush(events, *packed)
    pipe.hset(tags, mapping={f"tag-{number % 97}-{n:02d}": tag_codec.given(1.0, now) for n in range(TAGS)})
    pipe.hset(lists, "revision", EVENTS)
    for key in (lists, events, tags):
        pipe.expire(key, SECONDS)

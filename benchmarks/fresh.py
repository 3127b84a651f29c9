"""How soon a list knows: an event is posted, the same customer's list is asked for, a thousand times under load.

Meanwhile another process sends a thousand events a second. A list that does not know the event yet is an error, not a
figure. Then the cached answers a second with and without those events, both at their best.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

from benchmarks.client import Connection, get, post, throughput
from benchmarks.ingest import BATCH, batches
from benchmarks.measured import Measured
from benchmarks.stage import PORT, Stage, service

TIMES, WORKERS, RATE, SECONDS = 1_000, 2, 1_000, 5.0


def measure(stage: Stage) -> list[Measured]:
    """Return how long after its event a list reflects it, and what events cost cached reads."""
    users, items = stage.users(), stage.items()[:2_000]
    reads = [get(f"/v1/users/{user}/recommendations") for user in users[:50]]
    with service(stage, workers=WORKERS):
        for request in [*reads, *reads]:
            Connection(PORT).ask(request)
        alone = throughput(PORT, reads, SECONDS)
        with _background(users[len(users) // 2 :], items):
            took = np.array([_turn(f"fresh-{n}") for n in range(TIMES)])
            beside = throughput(PORT, reads, SECONDS)
    p50, p99 = np.percentile(took * 1000, [50, 99])
    return [
        Measured("event posted, next list knows it (p99)", float(p99), "ms", 50, parts=f"median {p50:.1f} ms"),
        Measured(
            "cached reads while 1,000 events/s flow in",
            beside / alone,
            "× without events",
            parts=f"{beside:,.0f}/s over {alone:,.0f}/s, the sender on the same cores",
        ),
    ]


def _turn(visitor: str) -> float:
    """Return the seconds from posting an event to a list that knows it; the item put into the cart must be gone."""
    connection = Connection(PORT)
    ask = post("/v1/recommendations", {"placement": "home", "visitor_id": visitor, "count": 5, "include": []})
    first = json.loads(connection.ask(ask))["items"][0]["item_id"]
    event = {"visitor_id": visitor, "item_id": first, "event": "add_to_cart"}
    began = time.perf_counter()
    connection.ask(post("/v1/events", {"events": [event]}))
    shown = [item["item_id"] for item in json.loads(connection.ask(ask))["items"]]
    took = time.perf_counter() - began
    connection.socket.close()
    if first in shown:
        raise RuntimeError(f"{visitor}: the list does not know that {first} is in the cart")
    return took


@contextmanager
def _background(users: Sequence[str], items: Sequence[str]) -> Iterator[None]:
    context = get_context("spawn")
    done = context.Event()
    sender = context.Process(target=_send, args=(users, items, done))
    sender.start()
    time.sleep(1.0)
    try:
        yield
    finally:
        done.set()
        sender.join()


def _send(users: Sequence[str], items: Sequence[str], done: "object") -> None:
    """Send ``RATE`` events a second in batches until told to stop."""
    connection, began, sent = Connection(PORT), time.monotonic(), 0
    while not done.is_set():  # type: ignore[attr-defined]  # an Event of multiprocessing
        events = next(batches(f"l{sent}", users, items, 1))
        connection.ask(post("/v1/events", {"events": events}))
        sent += BATCH
        time.sleep(max(began + sent / RATE - time.monotonic(), 0))

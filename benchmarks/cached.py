"""Cached answers a second, next to a bare Flask route with one Redis GET of the same bytes under the same server.

One worker on a core of its own, so that neither Redis nor the client takes time from what is measured; the two take
turns, and the median of the ratios counts.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import redis

from benchmarks import bare
from benchmarks.client import Connection, get, post, throughput
from benchmarks.measured import Measured
from benchmarks.stage import PORT, Stage, pin, redis_of, service, tree, workers_of
from serving.run import workers_program
from serving.settings import Settings

ROUNDS, SECONDS, USERS = 5, 3.0, 50


def measure(stage: Stage) -> list[Measured]:
    """Return the throughput of POST and GET over that of the bare route."""
    users = stage.users()[:USERS]
    kinds = {
        "POST /v1/recommendations": [post("/v1/recommendations", {"placement": "home", "user_id": u}) for u in users],
        "GET /v1/users/{id}/recommendations": [get(f"/v1/users/{u}/recommendations") for u in users],
    }
    with service(stage, workers=1) as supervisor:
        answer = _warm(kinds)
        pin(tree(supervisor), 1)
        pin(workers_of(supervisor), 0)
        with _bare_route(stage, answer):
            return [_compared(name, requests, len(answer)) for name, requests in kinds.items()]


def _compared(name: str, requests: list[bytes], size: int) -> Measured:
    rounds = []
    for _ in range(ROUNDS):
        ours = throughput(PORT, requests, SECONDS)
        theirs = throughput(PORT + 1, [get("/bare")], SECONDS)
        rounds.append((ours / theirs, ours, theirs))
    ratio, ours, theirs = sorted(rounds)[ROUNDS // 2]
    parts = f"{ours:,.0f}/s over {theirs:,.0f}/s on one core, {size:,} bytes"
    return Measured(f"cached answer, {name}", ratio, "× bare route", 0.85, at_least=True, parts=parts)


def _warm(kinds: dict[str, list[bytes]]) -> bytes:
    """Ask everything twice and return an answer that came from the cache."""
    connection = Connection(PORT)
    answers = [connection.ask(request) for _ in range(2) for requests in kinds.values() for request in requests]
    if b'"served_by":"cached"' not in answers[-1].replace(b" ", b""):
        raise RuntimeError(f"not from the cache: {answers[-1][:300]!r}")
    return answers[-1]


@contextmanager
def _bare_route(stage: Stage, answer: bytes) -> Iterator[None]:
    with redis.Redis.from_url(redis_of(stage)) as client:
        client.set(bare.KEY, answer)
    program = workers_program(Settings(data=stage.data, port=PORT + 1, workers=1))
    command = [*program.command[:-1], "benchmarks.bare:create"]
    environment = {**program.environment, bare.URL: redis_of(stage)}
    process = psutil.Popen(command, env=environment, stdout=sys.stderr, stderr=subprocess.STDOUT)
    try:
        while program.ready and not program.ready():
            time.sleep(0.05)
        pin(tree(process), 0)
        yield
    finally:
        process.terminate()
        process.wait()

"""The private memory of each of two workers, when both have answered.

Memory is private (USS) where no other process holds the same page: the libraries, imported before the workers are
forked, and the mapped bundle are not.
"""

from collections.abc import Iterator
from itertools import cycle
from time import time_ns

import psutil

from benchmarks.client import Connection, post
from benchmarks.measured import Measured
from benchmarks.stage import PORT, Stage, service, workers_of

ROUNDS, USERS = 40, 300


def measure(stage: Stage) -> list[Measured]:
    """Return what the larger of two workers holds for itself alone after live and cached answers."""
    fresh = {"placement": "home", "exclude_item_ids": [f"never cached {time_ns()}"]}
    requests = cycle([post("/v1/recommendations", fresh | {"user_id": user}) for user in stage.users()[:USERS]])
    with service(stage, workers=2) as supervisor:
        server, *workers = workers_of(supervisor)
        for _ in range(ROUNDS):
            _ask_side_by_side(requests)
        private = sorted(_mebibytes(worker) for worker in workers)
        asleep = [worker.pid for worker in workers if sum(worker.cpu_times()[:2]) < 1]
        if len(private) != 2 or asleep:
            raise RuntimeError(f"two workers were to be measured at work: {private}, {asleep} did nothing")
        parts = f"the other {private[0]:.0f} MiB, the server that forks them {_mebibytes(server):.0f} MiB (USS)"
    return [Measured("a second worker's private memory", private[1], "MiB", 60, parts=parts)]


def _ask_side_by_side(requests: Iterator[bytes], connections: int = 16) -> None:
    """Ask over new connections that are open together, so that both workers take some."""
    together = [Connection(PORT) for _ in range(connections)]
    for connection in together:
        connection.send(next(requests))
    for connection in together:
        while connection.receive() is None:
            pass
        connection.socket.close()


def _mebibytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().uss) / 2**20

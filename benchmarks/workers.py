"""The private memory that a second worker adds, when both have answered the same requests."""

import psutil

from benchmarks.client import post, throughput
from benchmarks.measured import Measured
from benchmarks.stage import PORT, Stage, service, workers_of

SECONDS, USERS = 8.0, 300


def measure(stage: Stage) -> list[Measured]:
    """Return how much more memory two workers hold for themselves alone than one."""
    requests = [post("/v1/recommendations", {"placement": "home", "user_id": u}) for u in stage.users()[:USERS]]
    private = {}
    for workers in (1, 2):
        with service(stage, workers) as supervisor:
            throughput(PORT, requests, SECONDS)
            private[workers] = sum(_private(process) for process in workers_of(supervisor))
    parts = f"{private[2] / 2**20:.0f} MiB with two, {private[1] / 2**20:.0f} MiB with one (USS)"
    return [Measured("a second worker's private memory", (private[2] - private[1]) / 2**20, "MiB", 60, parts=parts)]


def _private(process: psutil.Process) -> int:
    return int(process.memory_full_info().uss)

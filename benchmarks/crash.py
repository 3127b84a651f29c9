"""Kills workers, archiver and Redis at random while events flow in, then counts: all that was sent, each event once.

Run ``python -m benchmarks.crash --seconds 120``; the test suite runs a short one.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from zlib import crc32

import orjson
import psutil
import pyarrow.parquet as pq
import redis

from machine.shop_folder import ShopFolder
from serving.adapters.embedded_redis import embedded_redis
from serving.bootstrap import build_archiver
from serving.settings import Settings

CONFIG = "[live]\narchive_seconds = 1.0\narchive_events = 5000\n"
BATCH = 50
VICTIMS = ("worker", "workers", "archiver", "redis")
PAUSE = (0.3, 2.0)
"""Shortest and longest time between two kills, in seconds."""
RECOVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was counted in the end."""

    acknowledged: int
    stored: Counter[str]
    """How often each event id is in archive or stream."""
    missing: int
    """Acknowledged, and nowhere to be found."""
    repeated: int
    """Found more than once."""
    kills: Counter[str]
    refused: int
    """Calls that were answered with 503 or not at all, and sent again."""

    @property
    def holds(self) -> bool:
        """Return whether every acknowledged event is there exactly once, and nothing else."""
        return self.missing == 0 and self.repeated == 0 and len(self.stored) == self.acknowledged


@dataclass(slots=True)
class Till:
    """One sender: sends the same events again until they are acknowledged."""

    number: int
    port: int
    stop: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0

    def run(self) -> None:
        """Send batches until told to stop, and finish the one that is on its way."""
        sent = 0
        while not self.stop.is_set():
            ids = [f"{self.number}-{sent + n}" for n in range(BATCH)]
            self._deliver(ids)
            self.acknowledged += ids
            sent += BATCH

    def _deliver(self, ids: Sequence[str]) -> None:
        events = [
            {
                "event_id": one,
                "user_id": f"u{crc32(one.encode()) % 500}",
                "item_id": f"i{at}",
                "event": "view_item",
                "timestamp": 1000 * int(time.time()),
            }
            for at, one in enumerate(ids)
        ]
        body = orjson.dumps({"events": events})
        deadline = time.monotonic() + RECOVERY_SECONDS
        while not self._accepted(body):
            self.refused += 1
            if time.monotonic() > deadline:
                raise TimeoutError("the service did not come back")
            time.sleep(0.05)

    def _accepted(self, body: bytes) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection), suppress(OSError, HTTPException):
            connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            receipt = orjson.loads(answer.read())
            return answer.status == 202 and receipt["accepted"] + receipt["duplicates"] == BATCH
        return False


def crash(folder: Path, seconds: float, port: int, seed: int = 7, tills: int = 4) -> Outcome:
    """Serve an empty shop in ``folder`` on ``port``, send, kill for ``seconds``, stop, and count."""
    (folder / "tagalong.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "commands.main", "serve", "--data", folder, "--port", port]
    with (folder / "serve.log").open("w") as log:
        service = subprocess.Popen(
            [str(part) for part in [*command, "--config", folder / "tagalong.toml"]], stdout=log, stderr=log
        )
    stop = threading.Event()
    senders = [Till(number, port, stop) for number in range(tills)]
    threads = [threading.Thread(target=till.run) for till in senders]
    try:
        _wait_for(port)
        for thread in threads:
            thread.start()
        kills = _kill(psutil.Process(service.pid), seconds, random.Random(seed))
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()
        service.terminate()
        service.wait(60)
    return _counted(folder, senders, kills)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        with closing(connection), suppress(OSError, HTTPException):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise TimeoutError("the service did not start")


def _kill(service: psutil.Process, seconds: float, rng: random.Random) -> Counter[str]:
    """Kill one process after the other with SIGKILL, and return how many of each kind."""
    kills: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(rng.uniform(*PAUSE))
        kind = rng.choice(VICTIMS)
        found = _victims(service, kind)
        if found:
            with suppress(psutil.NoSuchProcess):
                rng.choice(found).kill()
                kills[kind] += 1
    return kills


def _victims(service: psutil.Process, kind: str) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        for child in service.children():
            line = " ".join(child.cmdline())
            is_workers = "serving.workers" in line
            if kind == "redis" and ("valkey" in line or "redis-server" in line):
                return [child]
            if kind == "archiver" and "archive_process" in line:
                return [child]
            if is_workers and kind == "workers":
                return [child]
            if is_workers and kind == "worker":
                return list(child.children())
    return []


def _counted(folder: Path, senders: Sequence[Till], kills: Counter[str]) -> Outcome:
    acknowledged = {one for till in senders for one in till.acknowledged}
    waiting = _waiting(folder)
    stored = Counter([*_archived(folder), *waiting])
    return Outcome(
        acknowledged=len(acknowledged),
        stored=stored,
        missing=len(acknowledged - stored.keys()),
        repeated=sum(count > 1 for count in stored.values()),
        kills=kills,
        refused=sum(till.refused for till in senders),
    )


def _archived(folder: Path) -> list[str]:
    files = ShopFolder(folder / "main").event_files()
    return [
        one
        for path in files
        for one in pq.read_table(path, columns=["event_id"], partitioning=None)["event_id"].to_pylist()
    ]


def _waiting(folder: Path) -> list[str]:
    """Return the ids of the events that are still in the stream after the next start, whose archiver works once more.

    What was archived while Redis was dead stands in both places until then.
    """
    server = embedded_redis(folder / "redis", "everysec")
    process = subprocess.Popen(server.command)
    try:
        while not server.answers():
            time.sleep(0.05)
        build_archiver(Settings(data=folder, redis_url=server.url, log_level="error")).drain()
        with redis.Redis.from_url(server.url) as client:
            return [orjson.loads(fields[b"event"])["event_id"] for _, fields in client.xrange("log:{main}")]
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Run from the command line; exit status 1 if an event was lost or repeated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--port", type=int, default=8767)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = crash(Path(folder), options.seconds, options.port, options.seed)
    print(f"kills           {dict(outcome.kills)}")
    print(f"acknowledged    {outcome.acknowledged}")
    print(f"stored          {len(outcome.stored)}")
    print(f"missing         {outcome.missing}")
    print(f"repeated        {outcome.repeated}")
    print(f"refused calls   {outcome.refused}")
    sys.exit(0 if outcome.holds else 1)


if __name__ == "__main__":
    main()

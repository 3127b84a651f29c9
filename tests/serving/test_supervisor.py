"""The supervisor: what is not ready in time is said, and nobody is told that all is well."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from serving.supervisor import Program, Supervisor, next_pause

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("ready", [True, False])
def test_only_what_is_ready_is_announced(ready: bool) -> None:
    supervisor = Supervisor([Program("sleeper", SLEEP, {}, lambda: ready, patience=0.2)])
    told: list[bool] = []
    threading.Timer(1.0, supervisor.stop).start()
    with capture_logs() as said:
        supervisor.run(lambda: told.append(True))
    assert told == [True] * ready
    assert any(line["event"] == "not ready in time" for line in said) is not ready


def test_what_dies_again_and_again_is_started_ever_later() -> None:
    pauses = [0.0]
    for _ in range(9):
        pauses.append(next_pause(pauses[-1], lived=1.0))
    assert pauses == [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert next_pause(30.0, lived=10.0) == 0.0


def test_what_still_comes_is_answered_before_anything_is_stopped() -> None:
    alive: list[bool] = []

    def drain() -> None:
        alive.append(supervisor.is_running("sleeper"))

    supervisor = Supervisor([Program("sleeper", SLEEP, {})], drain)
    supervisor.run(supervisor.stop)
    assert alive == [True]
    assert not supervisor.is_running("sleeper")


def test_what_dies_while_it_drains_is_started_again_until_the_second_signal(tmp_path: Path) -> None:
    births = tmp_path / "births"
    mayfly = Program("mayfly", ("sh", "-c", f"echo >> {births}; sleep 0.05"), {})
    at_first: list[int] = []

    def drain() -> None:
        at_first.append(len(births.read_text()))

    def look() -> None:
        while not at_first or len(births.read_text()) == at_first[0]:
            time.sleep(0.02)
        supervisor.stop()

    supervisor = Supervisor([mayfly], drain, drain_seconds=600)
    watcher = threading.Thread(target=look)
    watcher.start()
    supervisor.run(supervisor.stop)
    watcher.join()
    assert not supervisor.is_running("mayfly")

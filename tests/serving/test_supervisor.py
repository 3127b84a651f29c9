"""The supervisor: what is not ready in time is said, and nobody is told that all is well."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
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


def until(holds: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    """Start a thread that calls ``then`` once something holds, or has not held for a minute."""

    def wait() -> None:
        end = time.monotonic() + 60
        while not holds() and time.monotonic() < end:
            time.sleep(0.02)
        then()

    watcher = threading.Thread(target=wait)
    watcher.start()
    return watcher


def mayfly(births: Path) -> Program:
    """Return a program that notes its birth with a character and dies soon."""
    births.touch()
    return Program("mayfly", ("sh", "-c", 'printf x >> "$0"; sleep 0.05', str(births)), {})


def test_pauses_double_up_to_the_longest_until_something_lives() -> None:
    pauses = [0.0]
    for _ in range(9):
        pauses.append(next_pause(pauses[-1], lived=1.0))
    assert pauses == [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert next_pause(30.0, lived=10.0) == 0.0


def test_what_dies_again_and_again_is_started_ever_later(tmp_path: Path) -> None:
    supervisor = Supervisor([mayfly(tmp_path / "births")])
    with capture_logs() as said:
        watcher = until(lambda: (tmp_path / "births").stat().st_size >= 3, supervisor.stop)
        supervisor.run(lambda: None)
        watcher.join()
    assert [line["seconds"] for line in said if line["event"] == "died, starting again"][:2] == [0.25, 0.5]


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
    at_first: list[int] = []
    supervisor = Supervisor([mayfly(births)], lambda: at_first.append(births.stat().st_size), drain_seconds=600)
    watcher = until(lambda: bool(at_first) and births.stat().st_size > at_first[0], supervisor.stop)
    supervisor.run(supervisor.stop)
    watcher.join()
    assert births.stat().st_size > at_first[0]
    assert not supervisor.is_running("mayfly")

"""The supervisor: what is not ready in time is said, and nobody is told that all is well."""

import signal
import sys
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from serving.supervisor import Program, Supervisor

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
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
    supervisor = Supervisor([Program("mayfly", (sys.executable, "-c", "pass"), {})])
    threading.Timer(3.0, supervisor.stop).start()
    with capture_logs() as said:
        supervisor.run(lambda: None)
    pauses = [line["seconds"] for line in said if line["event"] == "died, starting again"]
    assert pauses == [0.25, 0.5, 1.0, 2.0][: len(pauses)]
    assert len(pauses) >= 2


def test_what_still_comes_is_answered_before_anything_is_stopped() -> None:
    alive: list[bool] = []
    supervisor = Supervisor([Program("sleeper", SLEEP, {})], lambda: alive.append(supervisor.is_running("sleeper")))
    supervisor.run(supervisor.stop)
    assert alive == [True]
    assert not supervisor.is_running("sleeper")

"""The whole service under kill -9: a short run of the benchmark that ``make crash`` runs for two minutes."""

import socket
from pathlib import Path

from benchmarks.crash import crash


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_acknowledged_event_survives_any_death_and_none_comes_twice(tmp_path: Path) -> None:
    outcome = crash(tmp_path, seconds=12, port=free_port(), seed=3, tills=2)
    assert outcome.kills.total() >= 3
    assert outcome.acknowledged > 0
    assert (outcome.missing, outcome.repeated) == (0, 0)
    assert len(outcome.stored) == outcome.acknowledged

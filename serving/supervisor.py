"""Keeps a machine's processes running, and stops them in the right order."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

LOOK_SECONDS = 0.25
"""Between two looks at whether a process has died."""
STEADY_SECONDS, LONGEST_PAUSE = 10.0, 30.0
"""What dies sooner after its start is started again after a pause, each time twice as long, up to the longest."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], bool] | None = None
    """Whether it can be used; None means at once. The next program starts only then."""
    patience: float = 60.0
    """Seconds to become ready, and to end after it was told to."""

    def is_ready(self) -> bool:
        """Return whether it can be used by now."""
        return self.ready is None or self.ready()


class Supervisor:
    """Starts programs in order, starts again what dies, stops in reverse order.

    Each program has a session of its own, so that Ctrl-C reaches this process alone and the order is ours.
    """

    def __init__(
        self, programs: Sequence[Program], drain: Callable[[], None] = lambda: None, drain_seconds: float = 0.0
    ) -> None:
        """Start nothing yet; once it is to stop, ``drain`` is called, and all is kept running for ``drain_seconds``."""
        self._programs, self._drain, self._drain_seconds = programs, drain, drain_seconds
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._begun: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._due: dict[str, float] = {}
        """When what died is started again, on the monotonic clock."""
        self._stops = 0
        """How often ``stop`` was called: a number, for a signal may come while a lock is held."""

    def stop(self, *_: object) -> None:
        """Make ``run`` stop everything and return, at the second call without draining; also a signal handler."""
        self._stops += 1

    def is_running(self, name: str) -> bool:
        """Return whether the program of this name was started and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def run(self, started: Callable[[], None]) -> None:
        """Start everything, call ``started``, and keep it running until ``stop``, SIGTERM, SIGINT or SIGHUP."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                signal.signal(number, self.stop)
        try:
            for program in self._programs:
                self._start(program)
            announced = False
            while not self._stops:
                if not announced and all(program.is_ready() for program in self._programs):
                    started()
                    announced = True
                self._look(0)
            self._drain()
            until = time.monotonic() + self._drain_seconds
            while self._stops < 2 and time.monotonic() < until:
                self._look(1)
        finally:
            self._stop_all()

    def _look(self, stops: int) -> None:
        """Wait a moment, then start again what died, unless ``stop`` was called more than ``stops`` times by then."""
        time.sleep(LOOK_SECONDS)
        if self._stops <= stops:
            for program in self._programs:
                self._revive(program)

    def _start(self, program: Program) -> None:
        process = subprocess.Popen(program.command, env=dict(program.environment), start_new_session=True)
        self._running[program.name], self._begun[program.name] = process, time.monotonic()
        log.info("started", program=program.name, pid=process.pid)
        looks = int(program.patience / 0.02)
        while not program.is_ready() and process.poll() is None and looks > 0:
            looks -= 1
            time.sleep(0.02)
            if self._stops:
                return
        if not looks:
            log.error("not ready in time", program=program.name, seconds=program.patience)

    def _revive(self, program: Program) -> None:
        name, process, now = program.name, self._running[program.name], time.monotonic()
        if process.poll() is None:
            return
        if name not in self._due:
            _end_children(process)
            pause = next_pause(self._pauses.get(name, 0.0), now - self._begun[name])
            self._pauses[name], self._due[name] = pause, now + pause
            log.error("died, starting again", program=name, status=process.returncode, seconds=pause)
        if now >= self._due[name]:
            del self._due[name]
            self._start(program)

    def _stop_all(self) -> None:
        for program in reversed(self._programs):
            process = self._running.get(program.name)
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(program.patience)
            except subprocess.TimeoutExpired:
                log.error("did not end in time, killed", program=program.name)
                process.kill()
                process.wait()
            _end_children(process)
            log.info("stopped", program=program.name)


def next_pause(last: float, lived: float) -> float:
    """Return how many seconds after its death a program starts again that ``lived`` for so many after a pause."""
    return 0.0 if lived >= STEADY_SECONDS else min(max(2 * last, LOOK_SECONDS), LONGEST_PAUSE)


def _end_children(process: subprocess.Popen[bytes]) -> None:
    """Kill what a dead program left in its session: a server that was killed cannot end its own workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

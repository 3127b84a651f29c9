"""The archiver as a process of its own: ``python -m serving.archive_process``, or ``tagalong archive``."""

import fcntl
import signal
import threading
from typing import IO

from features.lifeline import end_with_parent
from recommender.errors import InvalidInput
from serving.bootstrap import build_archiver
from serving.settings import Settings, process_environment

STANDBY_SECONDS = 1.0
"""Between two looks at whether the archiver at work has gone."""


def run_archiver(settings: Settings, *, standby: bool = False) -> None:
    """Archive the log of one shop until SIGTERM or Ctrl-C.

    Where another archiver is at work, one in ``standby`` waits to take over; else InvalidInput is raised.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    settings.shop_folder.mkdir(parents=True, exist_ok=True)
    with (settings.shop_folder / ".archive.lock").open("w") as lock:
        while not _taken(lock):
            if not standby:
                raise InvalidInput("--data", f"another archiver works on {settings.shop_folder}")
            if stopped.wait(STANDBY_SECONDS):
                return
        build_archiver(settings).run(stopped)


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    end_with_parent()
    run_archiver(Settings.read(process_environment()), standby=True)

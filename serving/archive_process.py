"""The archiver as a process of its own: ``python -m serving.archive_process``, or ``tagalong archive``."""

import signal
import threading
from contextlib import ExitStack
from pathlib import Path

from machine.lifeline import end_with_parent
from machine.shop_folder import ShopFolder
from machine.whole_files import locked
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
    with ExitStack() as stack:
        while not _taken(stack, ShopFolder(settings.shop_folder).archive_lock):
            if not standby:
                raise InvalidInput("--data", f"another archiver works on {settings.shop_folder}")
            if stopped.wait(STANDBY_SECONDS):
                return
        build_archiver(settings).run(stopped)


def _taken(stack: ExitStack, lock: Path) -> bool:
    try:
        stack.enter_context(locked(lock, wait=False))
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    end_with_parent()
    run_archiver(Settings.read(process_environment()), standby=True)

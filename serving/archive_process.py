"""The archiver as a process of its own: ``python -m serving.archive_process``, or ``tagalong archive``."""

import fcntl
import signal
import threading

from recommender.errors import InvalidInput
from serving.bootstrap import build_archiver
from serving.settings import Settings, process_environment


def run_archiver(settings: Settings) -> None:
    """Archive the log of one shop until SIGTERM or Ctrl-C; raises InvalidInput where another archiver is at work."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    settings.shop_folder.mkdir(parents=True, exist_ok=True)
    with (settings.shop_folder / ".archive.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InvalidInput("--data", f"another archiver works on {settings.shop_folder}") from error
        build_archiver(settings).run(stopped)


if __name__ == "__main__":
    run_archiver(Settings.read(process_environment()))

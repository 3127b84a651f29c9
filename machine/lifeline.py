"""Ends a process whose parent was killed, so that nothing of a dead service lives on and holds its port or files."""

import os
import signal
import threading

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 15.0
"""How long this process may take to end when told to."""


def end_with_parent() -> None:
    """Watch the parent from now on, in a thread; to be called once in each process."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    never.wait(PATIENCE_SECONDS)
    os._exit(1)

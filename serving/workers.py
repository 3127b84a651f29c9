"""The WSGI server: imports the app's module once, then forks the workers, which share all that they do not change.

python -m serving.workers <granian's options> module:factory
"""

import atexit
import gc
import importlib
import sys

from granian.cli import entrypoint

from machine.lifeline import end_with_parent


def main() -> None:
    """Import the module of the app that the last argument names, then become the server."""
    importlib.import_module(sys.argv[-1].partition(":")[0])
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # what stays frozen at the end is reported as leaked
    end_with_parent()
    entrypoint()  # type: ignore[no-untyped-call]  # granian leaves it without annotations


if __name__ == "__main__":
    main()

"""How many requests a worker handles at once; whoever waits for a client's body lets others go on meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

TURNS = "tagalong.turns"
"""Names them in a request's environment."""


class Turns:
    """So many requests at once; the others wait, in threads that cost next to nothing."""

    def __init__(self, most: int) -> None:
        """Let ``most`` go on at once."""
        self._free = BoundedSemaphore(most)

    def __enter__(self) -> None:
        """Wait for a turn."""
        self._free.acquire()

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._free.release()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let somebody else go on while this one waits for its client."""
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()

"""How a long piece of work tells how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Called with a step's name, how much of it is done, and how much there is (0 where nobody knows)."""

    def __call__(self, step: str, done: int = 0, total: int = 0, /) -> None:
        """Take note of it."""

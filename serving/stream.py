"""Entries of the stream that is the log, and the ids by which it orders them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class StreamId:
    """When an entry came into the stream: milliseconds since 1970, and a number among those of the same one.

    They are ordered as Redis orders them.
    """

    ms: int
    number: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Read Redis's ``1700000000000-3``."""
        ms, _, number = text.partition("-")
        return cls(int(ms), int(number or 0))

    def __str__(self) -> str:
        """Return it as Redis writes it."""
        return f"{self.ms}-{self.number}"


NOTHING = StreamId(0, 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream."""

    id: StreamId
    fields: Mapping[bytes, bytes]

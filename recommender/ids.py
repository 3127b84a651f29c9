"""Ids to rows and back, as two arrays that can be memory-mapped."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A column of texts in two arrays."""

    text: NDArray[np.uint8]
    """All texts' UTF-8 bytes, one after the other."""
    offset: NDArray[np.int64]
    """Where each text begins, and at last where the last one ends: one more than there are texts."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Build from texts, kept in their order."""
        return cls._pack([t.encode() for t in texts])

    @classmethod
    def _pack(cls, encoded: list[bytes]) -> Self:
        offset = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(e) for e in encoded], out=offset[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offset)

    def __len__(self) -> int:
        """Return how many texts there are."""
        return len(self.offset) - 1

    def _bytes(self, row: int) -> bytes:
        return self.text[self.offset[row] : self.offset[row + 1]].tobytes()

    def __getitem__(self, row: int) -> str:
        """Return the text of ``row`` (0 or more)."""
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self._bytes(row).decode()

    def __iter__(self) -> Iterator[str]:
        """Yield the texts in row order."""
        whole, offset = self.text.tobytes(), self.offset.tolist()
        return (whole[a:b].decode() for a, b in zip(offset, offset[1:], strict=False))


@dataclass(frozen=True, slots=True, eq=False)
class IdMap(Texts):
    """Distinct ids in UTF-8 byte order; an id's row is its position.

    A look-up is a binary search (about 25 comparisons for 10 million ids), so no worker keeps a dictionary of its own.
    """

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Build from any ids, in any order; repeats count once."""
        return cls._pack(sorted({t.encode() for t in texts}))

    def row(self, one: str) -> int:
        """Return the row of an id, or −1."""
        key = one.encode()
        at = bisect_left(range(len(self)), key, key=self._bytes)
        return at if at < len(self) and self._bytes(at) == key else -1

    def starting(self, prefix: str) -> NDArray[np.int32]:
        """Return the rows of all ids that begin with ``prefix`` (not empty), ascending."""
        key = prefix.encode()
        every = range(len(self))
        low = bisect_left(every, key, key=self._bytes)
        high = bisect_left(every, True, lo=low, key=lambda row: not self._bytes(row).startswith(key))
        return np.arange(low, high, dtype=np.int32)

    def rows(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the rows of many ids, −1 where unknown; builds a dictionary, so for whole files only."""
        table = {one: row for row, one in enumerate(self)}
        return np.fromiter((table.get(i, -1) for i in ids), np.int32)

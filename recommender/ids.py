"""Ids to rows and back, as two arrays that can be memory-mapped."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from typing import Annotated, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import StringConstraints

LONGEST = 256
"""Characters of an id."""
CONTROL = r"\x00-\x1f\x7f-\x9f"
"""What no id holds, as a regular expression has it between brackets."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=rf"^[^{CONTROL}]*$")]
"""Of a customer, a visitor, an item or an event."""


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
        if not 0 <= row < len(self.offset) - 1:
            raise IndexError(row)
        return self._bytes(row).decode()

    def __iter__(self) -> Iterator[str]:
        """Yield the texts in row order."""
        whole, offset = self.text.tobytes(), self.offset.tolist()
        return (whole[a:b].decode() for a, b in pairwise(offset))


@dataclass(frozen=True, slots=True, eq=False)
class IdMap(Texts):
    """Distinct ids in UTF-8 byte order; an id's row is its position.

    A look-up is a binary search (about 25 comparisons for 10 million ids), so no worker keeps a dictionary of its own.
    """

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Build from any ids, in any order; repeats count once."""
        return cls._pack(sorted({t.encode() for t in texts}))

    def _ordered(self) -> range:
        """Return the rows that stand in byte order."""
        return range(len(self.offset) - 1)

    def row(self, one: str) -> int:
        """Return the row of an id, or −1."""
        key = one.encode()
        ordered = self._ordered()
        at = bisect_left(ordered, key, key=self._bytes)
        return at if at < len(ordered) and self._bytes(at) == key else -1

    def starting(self, prefix: str) -> NDArray[np.int32]:
        """Return the rows of all ids that begin with ``prefix`` (not empty), ascending."""
        key = prefix.encode()
        ordered = self._ordered()
        low = bisect_left(ordered, key, key=self._bytes)
        high = bisect_left(ordered, True, lo=low, key=lambda row: not self._bytes(row).startswith(key))
        return np.arange(low, high, dtype=np.int32)

    def following(self, after: str | None, among: NDArray[np.bool_], most: int) -> list[int]:
        """Return the rows of the first ``most`` ids behind ``after`` in byte order, of those that ``among`` marks."""
        ordered = self._ordered()
        first = 0 if after is None else bisect_right(ordered, after.encode(), key=self._bytes)
        rows: list[int] = (first + np.flatnonzero(among[first : len(ordered)])[:most]).tolist()
        return rows

    def arrow(self) -> pa.LargeStringArray:
        """Return the ids in row order for Arrow's kernels, without a copy."""
        buffers = (pa.py_buffer(np.ascontiguousarray(part)) for part in (self.offset, self.text))
        return pa.LargeStringArray.from_buffers(len(self.offset) - 1, *buffers)

    def rows(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the rows of many ids, −1 where unknown; reads all ids once, so for whole files only."""
        asked = pa.array(ids if isinstance(ids, list) else list(ids), pa.large_string()).dictionary_encode()
        known = pc.index_in(self.arrow(), asked.dictionary)
        rows = np.full(len(asked.dictionary), -1, np.int32)
        rows[known.drop_null().to_numpy()] = np.flatnonzero(known.is_valid().to_numpy(zero_copy_only=False))
        return np.asarray(rows[asked.indices.to_numpy()])


@dataclass(frozen=True, slots=True, eq=False)
class GrownIdMap(IdMap):
    """An ``IdMap`` and ids that came later; their rows follow, in the order in which they came."""

    later: Mapping[str, int]
    """From each later id to its row."""
    added: tuple[str, ...]
    """The later ids, in the order of their rows."""

    @classmethod
    def grow(cls, ids: IdMap, more: Iterable[str]) -> IdMap:
        """Return ``ids`` and those of ``more`` that it lacks; no known row changes."""
        later = dict(ids.later) if isinstance(ids, GrownIdMap) else {}
        for one in more:
            if one not in later and IdMap.row(ids, one) < 0:
                later[one] = len(ids._ordered()) + len(later)
        return cls(ids.text, ids.offset, later, tuple(later)) if later else ids

    def __len__(self) -> int:
        """Return how many ids there are."""
        return len(self._ordered()) + len(self.later)

    def __getitem__(self, row: int) -> str:
        """Return the id of ``row`` (0 or more)."""
        known = len(self._ordered())
        return IdMap.__getitem__(self, row) if row < known else self.added[row - known]

    def __iter__(self) -> Iterator[str]:
        """Yield the ids in row order."""
        return chain(IdMap.__iter__(self), self.added)

    def arrow(self) -> pa.LargeStringArray:
        """Return the ids in row order for Arrow's kernels."""
        return pa.concat_arrays([IdMap.arrow(self), pa.array(self.added, pa.large_string())])

    def row(self, one: str) -> int:
        """Return the row of an id, or −1."""
        return self.later[one] if one in self.later else IdMap.row(self, one)

    def starting(self, prefix: str) -> NDArray[np.int32]:
        """Return the rows of all ids that begin with ``prefix`` (not empty), ascending."""
        later = [row for one, row in self.later.items() if one.startswith(prefix)]
        return np.append(IdMap.starting(self, prefix), np.array(later, np.int32))

    def following(self, after: str | None, among: NDArray[np.bool_], most: int) -> list[int]:
        """Return the rows of the first ``most`` ids behind ``after`` in byte order, of those that ``among`` marks."""
        begun = (after or "").encode()
        later = [row for one, row in self.later.items() if among[row] and one.encode() > begun]
        rows = [*IdMap.following(self, after, among, most), *later]
        return sorted(rows, key=lambda row: self[row].encode())[:most]


@dataclass(frozen=True, slots=True, eq=False)
class ChangedTexts(Texts):
    """A column of texts of which some changed or were added."""

    changed: Mapping[int, str]
    """From a row to its text; every row beyond the original column is here."""
    size: int

    @classmethod
    def change(cls, texts: Texts, changed: Mapping[int, str], size: int) -> Self:
        """Return ``texts`` with other texts in some rows, ``size`` rows in all."""
        before = texts.changed if isinstance(texts, ChangedTexts) else {}
        return cls(texts.text, texts.offset, {**before, **changed}, size)

    def __len__(self) -> int:
        """Return how many texts there are."""
        return self.size

    def __getitem__(self, row: int) -> str:
        """Return the text of ``row`` (0 or more)."""
        return self.changed[row] if row in self.changed else Texts.__getitem__(self, row)

    def __iter__(self) -> Iterator[str]:
        """Yield the texts in row order."""
        original = chain(Texts.__iter__(self), repeat(""))
        return (self.changed.get(row, text) for row, text in zip(range(self.size), original, strict=False))

"""What several signals say of the same customers, one below the other: one product, one cut and one look-up for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Block = tuple[csr_array, int]
"""(B × n) weights of rows of a table of links, and the row at which they start."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Sparse scores of S signals: row ``s × B + b`` is what signal s says of customer b; nothing stored is unknown."""

    names: tuple[str, ...]
    """The S signals."""
    table: csr_array
    """(S·B × N)."""

    @property
    def customers(self) -> int:
        """Return B."""
        return int(self.table.shape[0]) // len(self.names)

    @property
    def customer(self) -> NDArray[np.intp]:
        """Return (S·B,) the customer of each row."""
        return np.arange(self.table.shape[0]) % max(self.customers, 1)

    def of(self, name: str) -> csr_array:
        """Return (B × N) what one signal says."""
        return _below([self._part(name)], self.table.shape[1])

    def only(self, names: Sequence[str], more: Sequence["Stack"]) -> "Stack":
        """Return the stack of these signals alone, in this order, and then of ``more`` about the same customers."""
        parts = [self._part(name) for name in names] + [_whole(stack.table) for stack in more]
        width = max(stack.table.shape[1] for stack in (self, *more))
        return Stack((*names, *(name for stack in more for name in stack.names)), _below(parts, width))

    def _part(self, name: str) -> "_Part":
        size, table = self.customers, self.table
        first = self.names.index(name) * size
        indptr = table.indptr[first : first + size + 1]
        stored = slice(int(indptr[0]), int(indptr[-1]))
        return _Part(table.data[stored], table.indices[stored], indptr - indptr[0])


class _Part(NamedTuple):
    """Some rows of a sparse matrix as arrays: a matrix that is not needed as one costs more than what it holds."""

    data: NDArray[np.float32]
    indices: NDArray[np.int32]
    indptr: NDArray[np.int32]


def _whole(table: csr_array, start: int = 0) -> _Part:
    """Return a matrix as a part, its columns moved to the right by ``start``."""
    return _Part(table.data, table.indices + np.int32(start) if start else table.indices, table.indptr)


def together(stacks: Sequence[Stack]) -> Stack:
    """Return several stacks of the same customers as one; there is at least one, and N is the widest one's."""
    tables = [stack.table for stack in stacks]
    names = tuple(name for stack in stacks for name in stack.names)
    return Stack(names, _below([_whole(table) for table in tables], max(table.shape[1] for table in tables)))


def led_to(names: Sequence[str], blocks: Sequence[Block], links: csr_array) -> Stack:
    """Return what the weights of each of ``blocks`` lead to along ``links`` (R × N), by one product for all."""
    return Stack(tuple(names), _below([_whole(*block) for block in blocks], links.shape[0]) @ links)


def _below(parts: Sequence[_Part], width: int) -> csr_array:
    """Return the parts one below the other."""
    stored = np.cumsum([0, *(len(part.data) for part in parts)])
    indptr = [part.indptr[1:] + before for part, before in zip(parts, stored[:-1].tolist(), strict=True)]
    arrays = (
        np.concatenate([part.data for part in parts]),
        np.concatenate([part.indices for part in parts]).astype(np.int32, copy=False),
        np.concatenate([np.zeros(1, np.int32), *indptr]).astype(np.int32, copy=False),
    )
    return csr_array(arrays, shape=(len(arrays[2]) - 1, width))

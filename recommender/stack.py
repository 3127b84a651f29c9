"""What several signals say of the same customers, one below the other: one product, one cut and one look-up for all."""

from collections.abc import Sequence
from dataclasses import dataclass

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
        size, table = self.customers, self.table
        first = self.names.index(name) * size
        indptr = table.indptr[first : first + size + 1]
        part = slice(int(indptr[0]), int(indptr[-1]))
        return csr_array((table.data[part], table.indices[part], indptr - indptr[0]), shape=(size, table.shape[1]))


def joined(parts: Sequence[tuple[str, csr_array]]) -> Stack:
    """Return the (B × N) scores of some signals as one stack; there is at least one, and N is the widest one's."""
    names, tables = zip(*parts, strict=True)
    return Stack(names, _below(tables, [0] * len(tables), max(table.shape[1] for table in tables)))


def together(stacks: Sequence[Stack]) -> Stack:
    """Return several stacks of the same customers as one."""
    tables = [stack.table for stack in stacks]
    names = tuple(name for stack in stacks for name in stack.names)
    return Stack(names, _below(tables, [0] * len(tables), max(table.shape[1] for table in tables)))


def led_to(names: Sequence[str], blocks: Sequence[Block], links: csr_array) -> Stack:
    """Return what the weights of each of ``blocks`` lead to along ``links`` (R × N), by one product for all."""
    weights, starts = zip(*blocks, strict=True)
    return Stack(tuple(names), _below(weights, starts, links.shape[0]) @ links)


def _below(tables: Sequence[csr_array], starts: Sequence[int], width: int) -> csr_array:
    """Return the tables one below the other, the columns of each moved to the right by its start."""
    if len(tables) == 1 and not starts[0] and tables[0].shape[1] == width:
        return tables[0]
    stored = np.cumsum([0, *(table.nnz for table in tables)])
    indptr = [table.indptr[1:] + before for table, before in zip(tables, stored[:-1], strict=True)]
    columns = [
        table.indices + np.int32(start) if start else table.indices for table, start in zip(tables, starts, strict=True)
    ]
    arrays = (
        np.concatenate([table.data for table in tables]),
        np.concatenate(columns).astype(np.int32, copy=False),
        np.concatenate([np.zeros(1, np.int32), *indptr]).astype(np.int32, copy=False),
    )
    return csr_array(arrays, shape=(sum(table.shape[0] for table in tables), width))

"""What a customer did since the last training, as texts and arrays, and packed into a few bytes an event."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recommender.values import EventType

_HEAD = Struct("<BIef")
_FIELDS = np.dtype([("event", "u1"), ("time", "<u4"), ("quantity", "<f2"), ("price", "<f4")])
LEAST_QUANTITY, MOST_QUANTITY = 2.0**-14, 65_504.0
"""Between these a quantity is kept to three digits; less or more is kept as the one or the other."""
LASTING = frozenset(
    {
        EventType.ADD_TO_CART,
        EventType.REMOVE_FROM_CART,
        EventType.PURCHASE,
        EventType.REFUND,
        EventType.LIKE,
        EventType.DISLIKE,
    }
)
"""Events that exclusions look at however long ago they happened."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveEvents:
    """Events of one customer, oldest first; items are named by id, as any bundle may come to score them."""

    items: tuple[str, ...]
    event: NDArray[np.int8]
    """An ``EventType`` each."""
    time: NDArray[np.int64]
    """Seconds since 1970, UTC."""
    quantity: NDArray[np.float32]
    price: NDArray[np.float32]
    """Unit price paid; NaN where unknown."""

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.items)

    @classmethod
    def empty(cls) -> Self:
        """Return the events of somebody who did nothing yet."""
        return cls.unpacked(())

    @classmethod
    def unpacked(cls, entries: Sequence[bytes]) -> Self:
        """Read what ``pack`` wrote; entries may come in any order, those of one second keep theirs."""
        fields = np.frombuffer(b"".join([e[: _HEAD.size] for e in entries]), _FIELDS)
        order = np.argsort(fields["time"], kind="stable")
        fields = fields[order]
        items = tuple(entries[at][_HEAD.size :].decode() for at in order)
        return cls(
            items,
            fields["event"].astype(np.int8),
            fields["time"].astype(np.int64),
            fields["quantity"].astype(np.float32),
            fields["price"].astype(np.float32),
        )

    def packed(self) -> list[bytes]:
        """Return one entry an event."""
        columns = (self.items, self.event, self.time, self.quantity, self.price)
        return [pack(*row) for row in zip(*columns, strict=True)]

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return the events of ``rows``, ascending."""
        items = tuple(self.items[at] for at in rows)
        return type(self)(items, self.event[rows], self.time[rows], self.quantity[rows], self.price[rows])

    def compacted(self, recent: int) -> Self:
        """Return the last ``recent`` events and, of what is older, each item's last event of every lasting kind."""
        old = np.arange(max(len(self) - recent, 0))
        lasting = old[np.isin(self.event[old], list(LASTING))]
        last = {(self.items[at], int(self.event[at])): at for at in lasting}
        return self.take(np.concatenate([sorted(last.values()), np.arange(len(old), len(self))]).astype(np.intp))


def pack(item: str, event: int, time: int, quantity: float, price: float) -> bytes:
    """Return one event as 11 bytes and its item's id; ``time`` in seconds since 1970 (until 2106)."""
    return _HEAD.pack(event, time, min(max(quantity, LEAST_QUANTITY), MOST_QUANTITY), price) + item.encode()

"""What customers decided, applied to what is known of them: who they turned out to be, erasures, and refusals."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.columns import flat, milliseconds, rows
from features.consent import forgotten, without
from features.tables import ERASED
from recommender.values import EARLIEST, LATEST


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What customers decided, whatever a bundle still holds of them."""

    erased: pa.Table = field(default_factory=ERASED.empty_table)
    """As ``ERASED``."""
    refusing: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    """Ids of those who want no personal lists."""

    def applied(self, events: pa.Table) -> pa.Table:
        """Return the events without those of the erased, up to their wish, and of those who refuse."""
        return without(without_erased_events(events, self.erased), self.refusing)


UNDECIDED = Decisions()


def without_erased_events(events: pa.Table, erased: pa.Table) -> pa.Table:
    """Return the events without those that an erased customer left behind; what came after the wish is theirs again.

    Where ``erased_at`` is null everything goes.
    """
    gone = milliseconds(events["timestamp"]) <= forgotten_until(events["user_id"], erased)
    return events.filter(pa.array(~gone)) if gone.any() else events


def forgotten_until(users: pa.ChunkedArray | pa.Array, erased: pa.Table) -> NDArray[np.int64]:
    """Return (n,) the last wish of each of ``users`` in milliseconds since 1970; ``EARLIEST`` where there is none."""
    erased = erased.sort_by([("user_id", "ascending"), ("erased_at", "descending")])  # the last wish stands first
    at = rows(users, flat(erased["user_id"]))
    limit = milliseconds(pc.fill_null(flat(erased["erased_at"]).cast(pa.int64()), LATEST))
    return np.where(at >= 0, np.append(limit, EARLIEST)[at], EARLIEST)


def without_erased_users(users: pa.Table, erased: pa.Table) -> pa.Table:
    """Return the customers who never asked to be forgotten, and of the others their refusals alone."""
    if not len(erased):
        return users
    return forgotten(users, flat(erased["user_id"]))

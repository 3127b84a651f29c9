"""What customers decided, applied to what is known of them: who they turned out to be, erasures, and refusals."""

from dataclasses import dataclass, field

import pyarrow as pa

from features.consent import without, without_erased_events
from features.tables import ERASED, MERGES


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What customers decided, whatever a bundle still holds of them."""

    erased: pa.Table = field(default_factory=ERASED.empty_table)
    """As ``ERASED``."""
    refusing: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    """Ids of those who want no personal lists."""
    merges: pa.Table = field(default_factory=MERGES.empty_table)
    """Visitors who turned out to be customers, as ``MERGES``."""

    def applied(self, events: pa.Table) -> pa.Table:
        """Return the events without those of the erased, up to their request, and of those who refuse."""
        return without(without_erased_events(events, self.erased), self.refusing)


UNDECIDED = Decisions()

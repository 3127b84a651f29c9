"""Everything that a request handler may use, as one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from recommender.config import LiveSettings
from serving.metrics import Metrics
from serving.pace import Pace
from serving.ports import Archived, Cache, CatalogueStore, Customers, Erasures, EventLog, Profiles, ServedLists
from serving.settings import Settings
from serving.snapshots import Snapshots

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """One worker's parts, built by ``bootstrap``."""

    settings: Settings
    clock: Clock
    timer: Callable[[], float]
    """Seconds that never run backwards, for durations."""
    pace: Pace
    snapshots: Snapshots
    """The bundle in use with what changed in the catalogue since."""
    cache: Cache
    profiles: Profiles
    customers: Customers
    events: EventLog
    erasures: Erasures
    archived: Archived
    catalogue: CatalogueStore
    withheld: Callable[[str], bool]
    """Whether a customer's data must not be used; asked while Redis is down, when their own key cannot say so."""
    served: ServedLists
    metrics: Metrics
    stop: Callable[[], None]
    """Ends what goes on in the background; a process that ends needs no call."""
    pings: Mapping[str, Callable[[], None]]
    """What must work for this worker to be ready, by name; each raises when it does not."""

    @property
    def live(self) -> LiveSettings:
        """Return how live state is kept, by the configuration in use."""
        return self.snapshots.current.config.live

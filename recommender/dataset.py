"""All that a training job knows: who did what to which items, checked at birth."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_array

from recommender.catalogue import Catalogue
from recommender.ids import IdMap
from recommender.values import EARLIEST, Histories


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """U customers, N items and every event between them that the log holds."""

    users: IdMap
    histories: Histories
    """One row a user, in the order of ``users``."""
    catalogue: Catalogue
    declared: csr_array
    """(U × T) weights of the tags that customers declared, in the catalogue's tag vocabulary."""
    refusing: IdMap = field(default_factory=lambda: IdMap.of(()))
    """Who wants no personal lists; they are none of the users."""

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        if len(self.histories) != len(self.users):
            raise ValueError(f"dataset: {len(self.users)} users but {len(self.histories)} histories")
        if len(self.histories.item) and int(self.histories.item.max()) >= len(self.catalogue):
            raise ValueError(f"dataset: an event names item row {self.histories.item.max()} of {len(self.catalogue)}")

    def before(self, time: int) -> "Dataset":
        """Return the same users and items with only what was known before ``time`` (seconds since 1970).

        When an item would first be bought or seen is not known either; when it would come on sale is.
        """
        past = self.histories.where(self.histories.time < time)
        seen, announced = self.catalogue.first_seen, self.catalogue.available_from != EARLIEST
        known = replace(self.catalogue, first_seen=np.where((seen < time) | announced, seen, EARLIEST))
        return replace(self, histories=past, catalogue=known)

"""Everything that serving needs from training, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.catalogue import Catalogue
from recommender.config import Config
from recommender.ids import IdMap
from recommender.models.arrivals import ArrivalsModel
from recommender.models.collaborative import CollaborativeModel
from recommender.models.content import ContentModel
from recommender.models.neighbours import NeighbourModel
from recommender.models.popularity import PopularityModel
from recommender.models.repurchase import RepurchaseModel
from recommender.models.transitions import TransitionModel
from recommender.ranker import Ranker
from recommender.values import Histories

NOTHING_ARCHIVED = "0-0"
"""An id of the log below all others."""


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What the manifest says of a bundle beside its arrays."""

    bundle_id: str
    created_at: str
    """RFC 3339, UTC."""
    code_version: str
    data_from: int
    """Time of the first event, seconds since 1970."""
    data_until: int
    """Time of the last event."""
    config: Config
    metrics: Mapping[str, Any]
    """What the training job measured on its own held-out window."""
    archived_until: str = NOTHING_ARCHIVED
    """The log's last entry that was archived when the data were read: what came up to it is in this bundle."""


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """The fitted sources. Histories given to ``score`` may hold events that no model was fitted on."""

    weights: NDArray[np.float32]
    """(event types,) how much each type of event says."""
    collaborative: CollaborativeModel
    neighbours: NeighbourModel
    transitions: TransitionModel
    content: ContentModel
    repurchase: RepurchaseModel
    popularity: PopularityModel
    arrivals: ArrivalsModel


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """One trained state of one shop."""

    info: BundleInfo
    users: IdMap
    histories: Histories
    """What every known user did, in the order of ``users``; a request's fresher events are added to it."""
    declared: csr_array
    """(U × T) tags that customers declared."""
    catalogue: Catalogue
    """May have more rows than the models were fitted on: items that came later follow at the end."""
    models: Models
    rankers: Mapping[str, Ranker]
    """By the ranker name that a placement gives (``home``, ``discovery``, ``anchored``)."""
    brings: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By tag, the tags that go with it among this shop's customers, each with the share of its weight that it gets."""
    refusing: IdMap = field(default_factory=lambda: IdMap.of(()))
    """Who wanted no personal lists when the data were read; they are none of the users."""

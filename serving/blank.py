"""A bundle that knows nothing, so that a shop without a trained one still answers."""

import numpy as np
from scipy.sparse import csr_array

from features.build import build_dataset
from features.interactions import event_weights
from features.tables import Tables
from recommender.bundle import Bundle, BundleInfo, Models
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.models.arrivals import ArrivalsModel
from recommender.models.collaborative import CollaborativeModel
from recommender.models.content import ContentModel
from recommender.models.neighbours import NeighbourModel
from recommender.models.popularity import PopularityModel
from recommender.models.repurchase import RepurchaseModel
from recommender.models.transitions import SIDES, TransitionModel
from recommender.values import EventType


def blank_bundle(config: Config, tables: Tables | None = None, bundle_id: str = "none") -> Bundle:
    """Return a bundle over the items of ``tables`` of which no customer has done anything yet."""
    dataset = build_dataset(tables or Tables.of(), config)
    info = BundleInfo(bundle_id, "1970-01-01T00:00:00Z", "", 0, 0, config, {})
    return Bundle(
        info, dataset.users, dataset.histories, dataset.declared, dataset.catalogue, _models(dataset, config), {}
    )


def _models(dataset: Dataset, config: Config) -> Models:
    size = len(dataset.catalogue)
    missing = np.full(size, np.nan, np.float32)
    nobody, none = np.zeros(size, np.float32), np.zeros((size, 1), np.float32)
    category = dataset.catalogue.category
    by_category = csr_array((len(category.names), size), dtype=np.float32)
    return Models(
        event_weights(config.events),
        CollaborativeModel(
            half_life=1.0,
            alpha=1.0,
            factors=none,
            gram=np.ones((1, 1), np.float32),
            unknown=np.arange(size, dtype=np.int32),
        ),
        NeighbourModel(csr_array((2 * size, size), dtype=np.float32)),
        TransitionModel(csr_array((len(SIDES) * size, size), dtype=np.float32)),
        ContentModel.of(dataset.catalogue.tags, config.content.max_share),
        RepurchaseModel(
            target_event=EventType.PURCHASE,
            fresh_days=1.0,
            lasting_days=1.0,
            again=nobody,
            gap=np.ones(size, np.float32),
        ),
        PopularityModel(
            overall=missing,
            recent=missing,
            trend=missing,
            owners=nobody,
            category=category.code,
            by_category=by_category,
        ),
        ArrivalsModel(dataset.catalogue.first_seen),
    )

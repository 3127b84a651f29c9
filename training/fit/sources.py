"""Fit every source on one dataset."""

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from recommender.bundle import Models
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.models.arrivals import ArrivalsModel
from recommender.models.content import ContentModel
from recommender.trail import trail
from recommender.values import EventType
from training.fit.collaborative import fit_collaborative
from training.fit.neighbours import fit_neighbours
from training.fit.popularity import fit_popularity
from training.fit.repurchase import fit_repurchase
from training.fit.transitions import fit_transitions


def fit_sources(dataset: Dataset, config: Config, *, now: int, had: int, start: Models | None = None) -> Models:
    """Fit the sources at ``now``; ``start`` gives earlier ones of the same items to go on from."""
    weights = event_weights(config)
    items = len(dataset.catalogue)
    steps = trail(dataset.histories, weights, items)
    clock = np.full(len(dataset.histories), now)
    half_life = config.events.half_life_days
    before = start.collaborative if start is not None else None
    rng = np.random.default_rng(config.seed)
    repurchase = fit_repurchase(dataset.histories, items, now, had)
    owned = repurchase.habits(dataset.histories, clock)
    fits = [
        delayed(fit_collaborative)(steps, clock, weights, half_life, config.collaborative, config.seed, before),
        delayed(fit_transitions)(steps, weights, config.transitions),
        delayed(fit_neighbours)(steps, weights, config.neighbours),
        delayed(fit_popularity)(steps, owned.matrix(owned.times), weights, dataset.catalogue.category, now, rng),
    ]
    collaborative, transitions, neighbours, popularity = Parallel(n_jobs=2, prefer="threads")(fits)
    content = ContentModel.of(dataset.catalogue.tags, weights, config.content.max_share)
    arrivals = ArrivalsModel(dataset.catalogue.first_seen)
    return Models(collaborative, neighbours, transitions, content, repurchase, popularity, arrivals)


def event_weights(config: Config) -> NDArray[np.float32]:
    """Return the configured weight of each ``EventType``."""
    return np.array([config.events.weights.get(event.name.lower(), 0.0) for event in EventType], np.float32)

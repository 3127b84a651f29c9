"""Fit every source on one dataset."""

from dataclasses import replace

from joblib import Parallel, delayed

from features.interactions import event_weights
from recommender.bundle import Models
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.models.arrivals import ArrivalsModel
from recommender.models.content import ContentModel
from recommender.models.popularity import PopularityModel
from recommender.models.repurchase import RepurchaseModel
from recommender.trail import Trail, trail
from training.fit.collaborative import fit_collaborative
from training.fit.neighbours import fit_neighbours
from training.fit.popularity import fit_popularity
from training.fit.repurchase import fit_repurchase
from training.fit.transitions import fit_transitions
from training.forked import CORES


def fit_sources(
    dataset: Dataset, config: Config, *, now: int, target_event: int, start: Models | None = None
) -> Models:
    """Fit the sources at ``now``; ``start`` gives earlier ones of the same items to go on from."""
    weights = event_weights(config.events)
    steps = trail(dataset.histories, weights, len(dataset.catalogue))
    half_life = config.events.half_life_days
    before = start.collaborative if start is not None else None
    content = ContentModel.of(dataset.catalogue.tags, config.content.max_share)
    fits = [
        delayed(fit_collaborative)(steps, half_life, config.collaborative, config.seed, before),
        delayed(fit_transitions)(steps, content.tags, config.transitions),
        delayed(fit_neighbours)(steps, config.neighbours),
        delayed(_counted)(dataset, config, steps, now, target_event),
    ]
    collaborative, transitions, neighbours, counted = Parallel(n_jobs=CORES, prefer="threads")(fits)
    return Models(weights, collaborative, neighbours, transitions, content, *counted)


def recounted(models: Models, dataset: Dataset, config: Config, *, now: int, target_event: int) -> Models:
    """Return the models with what changes by the day, and costs little, as ``dataset`` shows it at ``now``."""
    steps = trail(dataset.histories, models.weights, len(dataset.catalogue))
    repurchase, popularity, arrivals = _counted(dataset, config, steps, now, target_event)
    return replace(models, repurchase=repurchase, popularity=popularity, arrivals=arrivals)


def _counted(
    dataset: Dataset, config: Config, steps: Trail, now: int, target_event: int
) -> tuple[RepurchaseModel, PopularityModel, ArrivalsModel]:
    repurchase, owners = fit_repurchase(dataset.histories, len(dataset.catalogue), now, target_event)
    popularity = fit_popularity(steps, owners, dataset.catalogue.category, now)
    return repurchase, popularity, ArrivalsModel(dataset.catalogue.first_seen)

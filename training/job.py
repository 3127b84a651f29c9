"""The training job: split, fit the sources on the past, learn the rankers, fit the sources on everything."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender import __version__
from recommender.bundle import Bundle, BundleInfo, Models
from recommender.config import Config, RankerName
from recommender.dataset import Dataset
from recommender.ranker import Ranker
from recommender.trail import DAY
from training.fit.repurchase import strongest_event
from training.fit.sources import fit_sources
from training.fit_ranker import Lessons, fit_ranker, lessons
from training.split import Questions, beside, questions, split_time

Progress = Callable[[str], None]
HELD_OUT = 5
"""One customer in this many is held out, to choose with and to evaluate on."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a training run leaves."""

    bundle: Bundle
    """Fitted on everything; for serving."""
    past: Bundle
    """The same rankers over sources that know only what lies before ``since``; for evaluation."""
    since: int
    """Where the log was split, seconds since 1970."""
    held: Questions
    """First visits after the split of customers that no ranker learned from."""


def fit(dataset: Dataset, config: Config, *, now: int, progress: Progress) -> Bundle:
    """Return the bundle to serve."""
    return fit_and_hold(dataset, config, now=now, progress=progress).bundle


def fit_and_hold(dataset: Dataset, config: Config, *, now: int, progress: Progress) -> Fitted:
    """Return the bundle to serve, and what is needed to judge it without fitting again."""
    had = strongest_event(dataset.histories)
    since = split_time(dataset, had)
    progress("fitting the sources on the past")
    before = dataset.before(since)
    past = _bundle(before, config, fit_sources(before, config, now=since, had=had), {}, {}, since)
    asked = _questions(dataset, config, had, since)
    held = held_out(asked.customer)
    rankers, figures = _rankers(past, asked, held, config, progress)
    progress("fitting the sources on everything")
    until = int(dataset.histories.time.max(initial=now)) if len(dataset.histories.time) else now
    models = fit_sources(dataset, config, now=until, had=had, start=past.models)
    metrics: dict[str, Any] = {"rankers": figures, "split": since}
    first = asked.take(np.flatnonzero(held & _firsts(asked.customer)))
    return Fitted(_bundle(dataset, config, models, rankers, metrics, now), replace(past, rankers=rankers), since, first)


def held_out(customer: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which of these customers are held out: one in ``HELD_OUT``, whatever their row."""
    mixed = (customer.astype(np.uint32) + np.uint32(1)) * np.uint32(2654435761)
    return np.asarray((mixed >> np.uint32(8)) % HELD_OUT == 0)


def _questions(dataset: Dataset, config: Config, had: int, since: int) -> Questions:
    asked = questions(dataset, had, since, 5)
    customers = len(np.unique(asked.customer))
    most = int(np.clip(config.ranker.customers // max(customers, 1), 1, 5))
    rank = np.arange(len(asked)) - np.searchsorted(asked.customer, asked.customer)
    asked = asked.take(np.flatnonzero(rank < most))
    if len(asked) > config.ranker.customers:
        rng = np.random.default_rng(config.seed)
        asked = asked.take(np.sort(rng.choice(len(asked), config.ranker.customers, replace=False)))
    return asked


def _firsts(customer: NDArray[np.intp]) -> NDArray[np.bool_]:
    return np.concatenate([np.ones(min(len(customer), 1), np.bool_), customer[1:] != customer[:-1]])


def _rankers(
    past: Bundle, asked: Questions, held: NDArray[np.bool_], config: Config, progress: Progress
) -> tuple[dict[str, Ranker], dict[str, dict[str, float]]]:
    """Learn each ranker that a placement names."""
    rankers, figures = {}, {}
    horizon = _horizon(asked)
    for name in ("home", "discovery", "anchored"):
        progress(f"learning the {name} ranker")
        learned = _lessons(name, past, asked, held, config)
        rankers[name], figures[name] = fit_ranker(learned, config.ranker, horizon, config.seed)
    return rankers, figures


def _lessons(name: RankerName, past: Bundle, asked: Questions, held: NDArray[np.bool_], config: Config) -> Lessons:
    placement = config.placements["product" if name == "anchored" else "home"]
    if name == "home":
        return lessons(past, placement, asked, held, exclude_had=False)
    part = asked.discovery() if name == "discovery" else beside(asked, np.random.default_rng(config.seed))
    return lessons(past, placement, part, held_out(part.customer), exclude_had=name == "discovery")


def _horizon(asked: Questions) -> float:
    """Return the days that hardly a customer (one in twenty) had been idle for when asked."""
    log = asked.queries.histories
    active = np.flatnonzero(np.diff(log.indptr) > 0)
    idle = (asked.queries.now[active] - log.time[log.indptr[active + 1] - 1]) / DAY
    return max(float(np.quantile(idle, 0.95)), 1 / 24) if len(idle) else 7.0


def _bundle(
    dataset: Dataset, config: Config, models: Models, rankers: dict[str, Ranker], metrics: dict[str, Any], now: int
) -> Bundle:
    time = dataset.histories.time
    created = datetime.fromtimestamp(now, UTC)
    info = BundleInfo(
        bundle_id=created.strftime("%Y%m%dT%H%M%SZ"),
        created_at=created.isoformat().replace("+00:00", "Z"),
        code_version=__version__,
        data_from=int(time.min()) if len(time) else now,
        data_until=int(time.max()) if len(time) else now,
        config=config,
        metrics=metrics,
    )
    return Bundle(info, dataset.users, dataset.histories, dataset.declared, dataset.catalogue, models, rankers)

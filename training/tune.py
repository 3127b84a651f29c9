"""Searches for better settings on the validation split of a training run; the held-out future is never looked at."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import hypot
from pathlib import Path
from statistics import fmean
from typing import Any
from zlib import crc32

import optuna
import tomli_w

from recommender.config import Config
from recommender.dataset import Dataset
from recommender.errors import InvalidInput
from training.appraisal import appraise
from training.baselines import CHEAP_FITS
from training.gate import DECIDING, figure, surely_below
from training.job import fit_and_hold
from training.progress import Progress


@dataclass(frozen=True, slots=True)
class Search:
    """How long to search, and where to remember it."""

    storage: Path
    """A file; a search that finds one about the same data and settings goes on where it ended."""
    seconds: float
    trials: int


@dataclass(frozen=True, slots=True)
class Found:
    """The best settings of a search."""

    changes: dict[str, Any]
    """Value by dotted key of the configuration, such as ``collaborative.factors``."""
    score: float
    before: float
    """What the settings reach that the search began with."""
    trials: int
    """Of this search."""
    tried: int
    """In all, with those of searches that this one went on from."""
    customers: int
    """Held-out customers that both were measured on."""
    is_sure: bool
    """The gain is more than chance explains, as far as the two intervals tell."""


REACHED = "reached"
"""What a trial's interval is kept under in the study."""
SQLITE = b"SQLite format 3\x00"
"""How a file begins that a study may be kept in."""
SPACE: Mapping[str, tuple[Any, ...]] = {
    "events.half_life_days": (7.0, 365.0),
    "collaborative.factors": (32, 128),
    "collaborative.regularization": (0.005, 5.0),
    "collaborative.alpha": (0.5, 40.0),
    "neighbours.kind": ("one of", "bm25", "cosine"),
    "neighbours.neighbours": (20, 300),
    "transitions.distance": (1, 30),
    "content.max_share": (0.02, 0.5),
    "ranker.candidates": (60, 300),
    "ranker.trees": (20, 160),
    "ranker.leaves": (7, 63),
}
"""What matters, by dotted key: a range, searched by its logarithm, or choices."""


def suggest(trial: optuna.Trial, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one trial, by dotted key; what is ``given`` is in reach, be it outside ``SPACE``."""
    return {key: _one(trial, key, space, given[key]) for key, space in SPACE.items()}


def _one(trial: optuna.Trial, key: str, space: tuple[Any, ...], given: Any) -> Any:
    first, *rest = space
    if first == "one of":
        return trial.suggest_categorical(key, rest)
    kind = trial.suggest_int if isinstance(first, int) else trial.suggest_float
    return kind(key, min(first, given), max(rest[0], given), log=True)


def changed(config: Config, changes: Mapping[str, Any]) -> Config:
    """Return ``config`` with values by dotted key, checked like any configuration."""
    return Config.model_validate(_with(config.model_dump(), changes))


def as_toml(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """Return a configuration file: what was read from one, and ``changes`` by dotted key."""
    return tomli_w.dumps(_with(whole, changes))


def _with(whole: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    sections = dict(whole)
    for key, value in changes.items():
        section, name = key.split(".")
        sections[section] = {**sections.get(section, {}), name: value}
    return sections


def present(config: Config) -> dict[str, Any]:
    """Return what ``config`` says of everything that is searched, by dotted key."""
    whole = config.model_dump()
    return {key: whole[section][name] for key in SPACE for section, name in [key.split(".")]}


@dataclass(frozen=True, slots=True)
class Reached:
    """The mean over the tasks of our ``FIGURE``, with its interval, on the run's held-out customers."""

    mean: float
    low: float
    high: float
    customers: int


def score(dataset: Dataset, config: Config) -> Reached:
    """Return what a training run reaches. Raises InvalidInput where it holds nobody out."""
    fitted = fit_and_hold(dataset, config, now=int(dataset.histories.time.max(initial=0)) + 1, progress=lambda *_: None)
    found = appraise(fitted.past, fitted.held, fits=CHEAP_FITS)
    reached = [one for task in DECIDING if (one := figure(found, task))]
    if not reached:
        raise InvalidInput("--interactions", "no customer came back after the split, so nothing can be compared")
    mean = fmean(one["mean"] for one in reached)
    below, above = (hypot(*(one[side] - one["mean"] for one in reached)) / len(reached) for side in ("low", "high"))
    return Reached(mean, mean - below, mean + above, found["held_out"]["customers"])


def search(dataset: Dataset, config: Config, plan: Search, progress: Progress) -> Found:
    """Try settings until time or trials are over, and return the best.

    The first trial is ``config`` itself, unless it was tried before. Every trial is kept in ``plan.storage``, so a
    search can be stopped and continued. The sampler is seeded with the configuration's seed and the number of trials
    done.
    """
    study = _study(dataset, config, plan)
    done = len(study.trials)
    given = present(config)
    if not any(one.params == given and one.value is not None for one in study.trials):
        study.enqueue_trial(given)
    ends = time.monotonic() + plan.seconds
    for number in range(plan.trials):
        progress("trials", number, plan.trials)
        study.optimize(lambda trial: _tried(trial, dataset, changed(config, suggest(trial, given))), n_trials=1)
        if time.monotonic() >= ends:
            break
    first = next(one for one in study.trials if one.params == given and one.value is not None)
    before, best = (Reached(**one.user_attrs[REACHED]) for one in (first, study.best_trial))
    is_sure = surely_below(asdict(before), asdict(best))
    tried = len(study.trials)
    return Found(dict(study.best_params), best.mean, before.mean, tried - done, tried, before.customers, is_sure)


def _tried(trial: optuna.Trial, dataset: Dataset, config: Config) -> float:
    found = score(dataset, config)
    trial.set_user_attr(REACHED, asdict(found))
    return found.mean


def _study(dataset: Dataset, config: Config, plan: Search) -> optuna.Study:
    if not plan.storage.parent.is_dir():
        raise InvalidInput("--study", f"there is no folder {plan.storage.parent}")
    if plan.storage.exists() and plan.storage.read_bytes()[: len(SQLITE)] not in (b"", SQLITE):
        raise InvalidInput("--study", f"{plan.storage} is no study, nor any SQLite file")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=_name(dataset, config),
        storage=f"sqlite:///{plan.storage.resolve()}",
        direction="maximize",
        load_if_exists=True,
    )
    # A sampler that begins anew with the same seed would propose again what it proposed before the stop.
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(study.trials), n_startup_trials=8)
    return study


def _name(dataset: Dataset, config: Config) -> str:
    """Return a name for what is compared: trials on other data, or beside other settings, tell nothing here.

    Nor do those of a version that kept no interval under ``REACHED``.
    """
    rest = config.model_dump(mode="json")
    for key in SPACE:
        section, name = key.split(".")
        del rest[section][name]
    log = dataset.histories
    columns = (log.indptr, log.item, log.event, log.time)
    said = repr((REACHED, SPACE, rest, len(dataset.catalogue))).encode() + b"".join(
        column.tobytes() for column in columns
    )
    return f"tagalong {crc32(said):08x}"

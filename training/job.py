"""The training job: split, fit the sources on the past, learn the rankers, fit the sources on everything."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, get_args

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from features.histories import spread_out
from features.tag_pairs import learn_brings
from recommender import __version__, pairs
from recommender.bundle import Bundle, BundleInfo, Models
from recommender.config import Config, RankerName
from recommender.dataset import Dataset
from recommender.models.repurchase import strongest_event
from recommender.ranker import Ranker
from recommender.times import DAY, rfc3339
from recommender.trail import changed
from recommender.values import LATEST
from training.fit.sources import fit_sources, recounted
from training.fit_ranker import fit_ranker
from training.progress import Progress
from training.ranking_data import RankerTask, RankingData, joined, ranking_data, tells_dates
from training.split import (
    Acquisitions,
    LabelledQueries,
    beside,
    labelled_queries,
    newcomers,
    sliced,
    split_time,
    unowned,
    windows,
)
from training.taste import lasting

AFFORDABLE = 1_000_000
"""Events that may be fitted in all to learn the rankers."""
VISITS = 4
"""Visits of a customer that a ranker learns from; the slices of a window share them, each has one at least."""
SLICES = 5
"""Into so many parts, at most, is what is asked cut; before each of them what changes by the day is counted anew."""
SHORTEST = 7 * DAY
"""Seconds that such a part lasts at least."""
FRESH = 2
"""Discovery asks so many times as many visits and moments, for about half of them end without a hit."""
HOME, ANCHORED = 0.5, 0.3
"""Shares of the moments that the rankers of the home page and of item pages learn from: more cost time and were not
shown to help; discovery's do."""
ENOUGH = 5_000
"""Moments of one part of a window, at most, however few parts there are: asking takes most of a training's time."""
MOST = 600_000
"""Candidates that a ranker learns from, about: small shops of many customers have moments in up to eight windows."""
AT_ONCE = 1_200_000
"""Candidates, beyond which rankers are learned one after the other: each takes several times their room."""
NEWCOMERS, BRIEF = 8, 3
"""One moment in ``NEWCOMERS`` is asked once more, with the history cut to its last 0 to ``BRIEF`` events; home counts
them before it takes its share of the moments."""
TOLD = 1000
"""Moments, at most, that tell whether taste lasts."""
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
    held: LabelledQueries
    """First visits after the split of customers that no ranker learned from."""


def fit(dataset: Dataset, config: Config, *, now: int, progress: Progress) -> Bundle:
    """Return the bundle to serve."""
    return fit_and_hold(dataset, config, now=now, progress=progress).bundle


def fit_and_hold(dataset: Dataset, config: Config, *, now: int, progress: Progress) -> Fitted:
    """Return the bundle to serve, and what is needed to judge it without fitting again.

    What has no moment of its own is learned from as if it had, and stays in the bundle's histories as it was told.
    """
    told, dataset = dataset.histories, replace(dataset, histories=spread_out(dataset.histories))
    target_event = strongest_event(dataset.histories.event)
    since, acquired = split_time(dataset, target_event), Acquisitions.of(dataset, target_event)
    past, home, learned = _learned(acquired, config, since, progress)
    rankers, figures = _rankers(learned, config, _horizon(home), progress)
    progress("fitting the sources on everything")
    until = int(dataset.histories.time.max(initial=since))
    models = fit_sources(dataset, config, now=until, target_event=target_event, start=past.models)
    whole = replace(dataset, histories=told)
    bundle = _bundle(whole, config, models, rankers, {"rankers": figures, "split": since}, now)
    bundle = _lasting(bundle, past.models.neighbours.lasting)
    bundle = replace(bundle, brings=learn_brings(dataset.histories, dataset.catalogue))
    held = home.take(np.flatnonzero(held_out(home.customer) & changed(home.customer)))
    return Fitted(bundle, replace(past, rankers=rankers), since, held)


def _learned(
    acquired: Acquisitions, config: Config, since: int, progress: Progress
) -> tuple[Bundle, LabelledQueries, dict[str, list[RankingData]]]:
    """Return the sources at the split, what was asked of the home page from then on, and what rankers learn from."""
    rng = np.random.default_rng(config.seed)
    tasks: list[tuple[str, RankerTask]] = []
    stretches = windows(acquired.dataset, since, _stretches(acquired, config, since))
    progress("fitting the sources on the past")
    for window, fitted in _fitted(acquired, config, since, stretches):
        for bundle, asked in _slices(acquired, config, window, fitted, rng):
            tasks += [(name, _task(name, bundle, part)) for name, parts in asked.items() for part in parts]
        if window[0] == since:
            past, home = fitted, _some(labelled_queries(acquired, window, VISITS, rng), config.ranker.customers, rng)
    share = {name: MOST // count for name, count in Counter(name for name, _ in tasks).items()}
    found = ranking_data(
        [replace(task, most=share[name]) for name, task in tasks],
        progress=partial(progress, "asking the sources what rankers learn from"),
    )
    learned = {
        name: [taught for (n, _), taught in zip(tasks, found, strict=True) if n == name]
        for name in get_args(RankerName)
    }
    return past, home, learned


def _fitted(
    acquired: Acquisitions, config: Config, since: int, stretches: list[tuple[int, int]]
) -> list[tuple[tuple[int, int], Bundle]]:
    """Return each stretch of time with the sources as fitted before it; all take taste alike, as ``since`` shows it."""
    dataset, found = acquired.dataset, {}
    for window in stretches:
        before = dataset.before(window[0])
        models = fit_sources(before, config, now=window[0], target_event=acquired.target_event)
        found[window] = _bundle(before, config, models, {}, {}, window[0])
    split = next(window for window in stretches if window[0] == since)
    rng = np.random.default_rng(config.seed)
    asked = _some(labelled_queries(acquired, split, 1, rng, new=True).answered(), TOLD, rng)
    lasts = lasting(found[split].models.neighbours, found[split].models.weights, asked)
    return [(window, _lasting(bundle, lasts)) for window, bundle in found.items()]


def _lasting(bundle: Bundle, lasts: bool) -> Bundle:
    neighbours = replace(bundle.models.neighbours, lasting=lasts)
    return replace(bundle, models=replace(bundle.models, neighbours=neighbours))


def _slices(
    acquired: Acquisitions, config: Config, window: tuple[int, int], fitted: Bundle, rng: np.random.Generator
) -> Iterator[tuple[Bundle, dict[str, list[LabelledQueries]]]]:
    """Yield, slice by slice of the window, what is asked in it, and ``fitted`` with its counts as of its beginning.

    A list is asked for soon after the bundle was made: rankers must not learn from counts that are weeks old.
    """
    parts = sliced(window, SLICES, SHORTEST)
    for part in parts:
        models = fitted.models
        if part[0] > window[0]:
            models = recounted(
                fitted.models, acquired.dataset.before(part[0]), config, now=part[0], target_event=acquired.target_event
            )
        yield replace(fitted, models=models), _labelled(acquired, config, part, len(parts), rng)


def _rankers(
    learned: dict[str, list[RankingData]], config: Config, horizon: float, progress: Progress
) -> tuple[dict[str, Ranker], dict[str, dict[str, float]]]:
    progress("learning the rankers")
    tasks = (delayed(fit_ranker)(joined(parts), config.ranker, horizon, config.seed) for parts in learned.values())
    told = sum(len(part.features) for parts in learned.values() for part in parts)
    together = len(learned) if told <= AT_ONCE else 1
    found = dict(zip(learned, Parallel(n_jobs=together, prefer="threads")(tasks), strict=True))
    rankers = {name: ranker for name, (ranker, _) in found.items()}
    return rankers, {name: figures for name, (_, figures) in found.items()}


def _stretches(acquired: Acquisitions, config: Config, since: int) -> int:
    """Return over how many windows to learn: more where one has few customers and a fit is cheap."""
    asked = labelled_queries(acquired, (since, LATEST), 1, np.random.default_rng(0), new=True)
    if len(asked) >= config.ranker.customers:
        return 1
    return int(np.clip(AFFORDABLE // max(len(acquired.dataset.histories.item), 1), 1, 8))


def held_out(customer: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which of these ``customer`` rows are held out: one in ``HELD_OUT``, by a hash of the row."""
    mixed = (customer.astype(np.uint32) + np.uint32(1)) * np.uint32(2654435761)
    return np.asarray((mixed >> np.uint32(8)) % HELD_OUT == 0)


def _labelled(
    acquired: Acquisitions, config: Config, window: tuple[int, int], parts: int, rng: np.random.Generator
) -> dict[str, list[LabelledQueries]]:
    """Return what each ranker learns from: moments of customers as they are, and of some as if they were new.

    The window is one of so many ``parts`` that share visits and moments.
    """
    visits, most = -(-VISITS // parts), -(-config.ranker.customers // parts)
    every = labelled_queries(acquired, window, visits, rng)
    fresh = labelled_queries(acquired, window, FRESH * visits, rng, new=True)
    anchored = beside(_some(every, int(ANCHORED * most), rng), rng)
    home, discovery = _some(every, int(HOME * most), rng), _some(fresh, FRESH * most, rng)
    few, more = (
        newcomers(_some(every, part // NEWCOMERS, rng), acquired.target_event, BRIEF, rng)
        for part in (most, FRESH * most)
    )
    return {"home": [home, few], "discovery": [discovery, unowned(more)], "anchored": [anchored]}


def _some(asked: LabelledQueries, most: int, rng: np.random.Generator) -> LabelledQueries:
    """Return at most ``most`` moments, every customer's first visits before anybody's later ones."""
    order = np.lexsort((rng.random(len(asked)), pairs.turns(asked.customer)))
    return asked.take(np.sort(order[:most]))


def _task(name: str, past: Bundle, asked: LabelledQueries) -> RankerTask:
    placement = past.info.config.placements["product" if name == "anchored" else "home"]
    asked = asked.take(np.random.default_rng(past.info.config.seed).permutation(len(asked))[:ENOUGH])
    held, dated = held_out(asked.customer), tells_dates(asked, past.catalogue)
    return RankerTask(past, placement.sources, asked, held, exclude_owned=name == "discovery", dated=dated)


def _horizon(asked: LabelledQueries) -> float:
    """Return the 95th percentile of the days since the customer's last event, over the moments ``asked``."""
    log = asked.queries.histories
    active = np.flatnonzero(np.diff(log.indptr) > 0)
    idle = (asked.queries.now[active] - log.time[log.indptr[active + 1] - 1]) / DAY
    return max(float(np.quantile(idle, 0.95)), 1 / 24) if len(idle) else 7.0


def _bundle(
    dataset: Dataset, config: Config, models: Models, rankers: dict[str, Ranker], metrics: dict[str, Any], now: int
) -> Bundle:
    time = dataset.histories.time
    info = BundleInfo(
        bundle_id=datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ"),
        created_at=rfc3339(now),
        code_version=__version__,
        data_from=int(time.min()) if len(time) else now,
        data_until=int(time.max()) if len(time) else now,
        config=config,
        metrics=metrics,
    )
    return Bundle(
        info,
        dataset.users,
        dataset.histories,
        dataset.declared,
        dataset.catalogue,
        models,
        rankers,
        refusing=dataset.refusing,
    )

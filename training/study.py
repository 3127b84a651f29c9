"""One evaluation from a log to a report: split, fit on the past, ask, judge, next to baselines."""

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.build import build_dataset
from features.interactions import interactions
from features.tables import Tables
from recommender import pairs
from recommender.bundle import Bundle
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.lists import SOURCES
from recommender.pipeline import order
from recommender.policy import Rules, always_eligible
from recommender.values import EARLIEST
from training.appraisal import baselines, ours, share, unseen
from training.baselines import EVERY, fit_popularity, list_best
from training.batch import ask_for, owned_by
from training.evaluation import Lists, Yardstick, judge, sources
from training.heldout import Heldout, Split, SplitProtocol, split
from training.job import fit
from training.progress import Progress
from training.report import OURS, Report, Row, Task

WITHOUT_TAGS = f"{OURS} without tags"
COLD_SHARE = 0.05
"""Share of the items whose past is hidden to measure cold items."""
FEW_EVENTS = 3
LIBRARIES = ("tagalong", "numpy", "scipy", "implicit", "lightgbm")
FEWEST = 20
"""A row needs at least this many customers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate."""

    protocol: SplitProtocol
    test_from: int | None
    ks: tuple[int, ...]
    customers: int
    """Held-out customers, at most."""
    extras: bool = True
    """Also fit without tags and without the past of some items."""


@dataclass(slots=True)
class Clock:
    """How long each step took."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce a step and time it."""
        self.progress(name)
        began = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - began, 2)


def study(tables: Tables, config: Config, plan: Plan, progress: Progress) -> Report:
    """Return the report of one evaluation; raises InvalidInput where nobody is left to ask."""
    clock = Clock(progress)
    with clock.step("splitting"):
        parts = split(tables, config, plan.protocol, plan.test_from, config.seed, plan.customers)
    with clock.step("fitting"):
        bundle = fit(parts.past, config, now=parts.now, progress=progress)
    yardstick = Yardstick(parts.heldout, bundle.catalogue, share(bundle), plan.ks, config.seed)
    with clock.step("asking our models"):
        found = {OURS: ours(bundle, parts.heldout.queries, max(plan.ks))}
    with clock.step("fitting and asking the baselines"):
        found |= baselines(bundle, parts.heldout, max(plan.ks), EVERY)
    if plan.extras and bundle.catalogue.tags.nnz:
        with clock.step("fitting without tags"):
            found |= _without_tags(parts, config, plan)
    judged = [judge(name, lists, yardstick) for name, lists in found.items()]
    cold = _cold(parts, bundle, config, plan, clock)
    return Report(
        plan.protocol,
        _about(parts, config, plan),
        plan.ks,
        tuple(row for rows, _ in judged for row in rows),
        tuple(row for _, buckets in judged for row in buckets),
        tuple(sources(found[OURS], yardstick, SOURCES)),
        tuple(cold),
        clock.seconds,
    )


def _without_tags(parts: Split, config: Config, plan: Plan) -> Mapping[str, Lists]:
    """Fit on the same events with items and customers reduced to their ids."""
    bare = Tables.of(
        parts.tables.events, parts.tables.items.select(["item_id"]), parts.tables.users.select(["user_id"])
    )
    dataset = build_dataset(bare, config)
    bundle = fit(dataset, config, now=parts.now, progress=lambda *_: None)
    asked = parts.heldout.queries
    tags = csr_array((len(asked), len(dataset.catalogue.tag_names)), dtype=np.float32)
    return {WITHOUT_TAGS: ours(bundle, replace(asked, tags=tags), max(plan.ks))}


def _cold(parts: Split, bundle: Bundle, config: Config, plan: Plan, clock: Clock) -> list[Row]:
    rows = few_events(parts.heldout, bundle, plan)
    rows += declared_only(parts.heldout, bundle, plan)
    if plan.extras and bundle.catalogue.tags.nnz:
        with clock.step("fitting without the past of some items"):
            rows += cold_items(parts.past, parts.now, parts.heldout, config, plan)
    return rows


def few_events(heldout: Heldout, bundle: Bundle, plan: Plan, task: Task = "discovery") -> list[Row]:
    """Ask for the same customers as if only their last three events were known."""
    asked = heldout.queries
    position = np.arange(len(asked.histories.item)) - asked.histories.indptr[asked.histories.customer() + 1]
    histories = asked.histories.where(position >= -FEW_EVENTS)
    few = replace(heldout, queries=replace(asked, histories=histories))
    return _beside_popularity(f"customers with {FEW_EVENTS} events", few, bundle, plan, task)


def declared_only(heldout: Heldout, bundle: Bundle, plan: Plan, task: Task = "discovery") -> list[Row]:
    """Ask for the customers who declared tags as if nothing else were known of them."""
    some = heldout.take(np.flatnonzero(np.diff(heldout.queries.tags.indptr)))
    nothing = some.queries.histories.where(np.zeros(len(some.queries.histories.item), np.bool_))
    silent = replace(some, queries=replace(some.queries, histories=nothing))
    return _beside_popularity("customers with declared tags only", silent, bundle, plan, task)


def _beside_popularity(group: str, heldout: Heldout, bundle: Bundle, plan: Plan, task: Task) -> list[Row]:
    """Return how we and popularity did; what was hidden of a customer counts as not had, in lists and truth."""
    if len(heldout) < FEWEST:
        return []
    heldout = replace(heldout, owned=owned_by(bundle, heldout.queries.histories))
    yardstick = Yardstick(heldout, bundle.catalogue, share(bundle), plan.ks, bundle.info.config.seed)
    ask = unseen if task == "discovery" else ours
    found = {OURS: ask(bundle, heldout.queries, max(plan.ks))}
    found |= baselines(bundle, heldout, max(plan.ks), {"popularity": fit_popularity})
    rows = [row for name, lists in found.items() for row in judge(name, lists, yardstick)[0]]
    return [replace(row, group=group) for row in rows if row.task == task]


def cold_items(known: Dataset, now: int, asked: Heldout, config: Config, plan: Plan) -> list[Row]:
    """Hide all events of some items, and ask which of these customers chose; popularity knows nothing of them."""
    catalogue, histories = known.catalogue, known.histories
    hidden = np.random.default_rng(config.seed).random(len(catalogue)) < COLD_SHARE
    unseen = np.where(hidden, EARLIEST, catalogue.first_seen)
    past = replace(
        known,
        histories=histories.where(~hidden[histories.item]),
        catalogue=replace(catalogue, first_seen=unseen),
    )
    heldout = _choosing(asked, hidden)
    if len(heldout) < FEWEST:
        return []
    bundle = fit(past, config, now=now, progress=lambda *_: None)
    yardstick = Yardstick(heldout, bundle.catalogue, share(bundle), plan.ks, config.seed)
    rows = [
        row
        for name, lists in _among(hidden, heldout, bundle, max(plan.ks)).items()
        for row in judge(name, lists, yardstick)[0]
    ]
    return [replace(row, group="items without events, among themselves") for row in rows if row.task == "discovery"]


def _choosing(heldout: Heldout, items: NDArray[np.bool_]) -> Heldout:
    """Return the customers who chose some of ``items`` (N,), with only that as truth, and no event with them."""
    known = csr_array(heldout.truth[:, : len(items)])
    kept = items[known.indices]
    cells = (pairs.rows(known)[kept], known.indices[kept])
    truth = csr_array((np.ones(kept.sum(), np.bool_), cells), shape=known.shape)
    log = heldout.queries.histories
    queries = replace(heldout.queries, histories=log.where(~items[log.item]))
    none = csr_array(known.shape, dtype=np.bool_)
    return Heldout(queries, truth, none).take(np.flatnonzero(np.diff(truth.indptr)))


def _among(items: NDArray[np.bool_], heldout: Heldout, bundle: Bundle, count: int) -> dict[str, Lists]:
    """Return our lists and those of popularity where only ``items`` (N,) may be shown."""
    eligible = items & always_eligible(bundle.catalogue, int(heldout.queries.now.max()))
    rules = Rules(eligible, heldout.owned, count)
    found = order(bundle, ask_for(bundle, "home", repeat=False).placement, heldout.queries, rules)
    config = bundle.info.config
    score = fit_popularity(interactions(bundle.histories, len(items), config.events), config.seed)
    done = interactions(heldout.queries.histories, len(items), config.events)
    popular = list_best(score, done, eligible, None, count)
    return {OURS: Lists(found.rows, found.rows), "popularity": Lists(popular, popular)}


def _about(parts: Split, config: Config, plan: Plan) -> dict[str, object]:
    log = parts.past.histories
    return {
        "customers": len(parts.past.users),
        "items": len(parts.past.catalogue),
        "events": len(log.item),
        "held_out_customers": len(parts.heldout),
        "now": parts.now,
        "test_from": plan.test_from,
        "seed": config.seed,
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"

"""Real shopping, small: some households of Complete Journey, cut in time, under ids that say something or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from examples.complete_journey import package_data, write
from features.tables import Tables
from recommender.bundle import Bundle
from recommender.config import CollaborativeSettings, Config, Placement, RankerSettings, SourceName
from training.appraisal import ours, share
from training.batch import BatchRequest, lists
from training.evaluation import Lists, Yardstick, values
from training.heldout import Heldout, split
from training.intervals import Estimate, estimate
from training.job import fit
from training.readers import read_files
from training.report import Task

CUT = datetime(2017, 12, 1, tzinfo=UTC)
"""What came before is fitted; each household's first basket from then on is asked for."""
HOUSEHOLDS = 0.16
"""Share of the households: 392 of them, 321 of whom shop before the cut and after it."""
BUYERS = 8
"""An item is in the catalogue if so many of them bought it before the cut."""
CONFIG = Config(
    collaborative=CollaborativeSettings(factors=16, iterations=4),
    ranker=RankerSettings(trees=30, candidates=120, customers=200),
)
"""Smaller than the defaults, so that one fit takes five seconds of one core."""
EVERYBODY = 1_000_000
FIGURES = ("HR@10", "R@10", "NDCG@10")

Naming = Literal["given", "shuffled", "telling"]
"""Ids as the data has them; ids at random; or ids by which the items that are bought after the cut sort first."""
Figures = Mapping[str, Mapping[str, float]]
"""By figure and household, under the id that the data gave it."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One fit on the past of the sample, and who is asked after it."""

    bundle: Bundle
    heldout: Heldout
    households: tuple[str, ...]
    """Who is asked, row by row, under the ids that the data gave them."""

    @property
    def yardstick(self) -> Yardstick:
        """What lists are measured against."""
        return Yardstick(self.heldout, self.bundle.catalogue, share(self.bundle), (10,), CONFIG.seed)

    def figures(self, shown: Lists, task: Task) -> Figures:
        """Return how good lists are for each household that the task asks."""
        asked, found = values(shown, self.yardstick, task)
        who = [self.households[row] for row in asked]
        return {name: dict(zip(who, found[name].tolist(), strict=True)) for name in FIGURES}


@cache
def sample() -> Tables:
    """Return the sample's tables under the ids that the data gave."""
    with TemporaryDirectory() as folder:
        write(package_data(), Path(folder), HOUSEHOLDS)
        files = [[f"{folder}/{name}.parquet"] for name in ("interactions", "items", "users")]
        every = read_files(files[0], files[1], files[2])
    buyers = _part(every.events, after=False).group_by("item_id").aggregate([("user_id", "count_distinct")])
    kept = buyers.filter(pc.greater_equal(buyers["user_id_count_distinct"], BUYERS))["item_id"]
    events, items = (part.filter(pc.is_in(part["item_id"], value_set=kept)) for part in (every.events, every.items))
    return Tables.of(events, items, every.users)


@cache
def trial(naming: Naming) -> Trial:
    """Return the fit on the sample under a ``naming``, done once a test run."""
    users, items = names(naming)
    tables = sample() if naming == "given" else renamed(sample(), users, items)
    cut = int(CUT.timestamp())
    parts = split(tables, CONFIG, "temporal", cut, CONFIG.seed, EVERYBODY)
    bundle = fit(parts.past, CONFIG, now=cut, progress=lambda *_: None)
    given = {new: old for old, new in users.items()}
    again = set(pc.unique(_part(tables.events, after=True)["user_id"]).to_pylist())
    active = (parts.past.users[int(row)] for row in np.flatnonzero(np.diff(parts.past.histories.indptr)))
    return Trial(bundle, parts.heldout, tuple(given[user] for user in active if user in again))


@cache
def our_lists(naming: Naming) -> Lists:
    """Return our ten items for every household that is asked."""
    one = trial(naming)
    return ours(one.bundle, one.heldout.queries, 10)


@cache
def source_lists(source: SourceName, naming: Naming) -> Lists:
    """Return the ten items that one source alone puts first, in the order of its own scores."""
    one = trial(naming)
    alone = Placement(ranker=None, sources=(source,), fallback=())
    allowed, fresh = (
        lists(one.bundle, BatchRequest(alone, 10, new), one.heldout.queries).rows for new in (False, True)
    )
    return Lists(allowed, fresh)


def names(naming: Naming) -> tuple[dict[str, str], dict[str, str]]:
    """Return the new id of each user and item."""
    tables, rng = sample(), np.random.default_rng(CONFIG.seed)
    users, items = tables.users["user_id"].to_pylist(), tables.items["item_id"].to_pylist()
    if naming == "given":
        return dict(zip(users, users, strict=True)), dict(zip(items, items, strict=True))
    place = rng.permutation(len(items)) if naming == "shuffled" else np.argsort(np.argsort(-_bought_next(items)))
    return _numbered(users, rng.permutation(len(users))), _numbered(items, place)


def renamed(tables: Tables, users: Mapping[str, str], items: Mapping[str, str]) -> Tables:
    """Return the same tables under other ids, every table's rows in another order."""
    rng = np.random.default_rng(CONFIG.seed)
    events = _with(_with(tables.events, "user_id", users), "item_id", items)
    number = pa.array([str(one) for one in rng.permutation(len(events))])
    events = events.set_column(events.column_names.index("event_id"), "event_id", number)
    parts = (events, _with(tables.items, "item_id", items), _with(tables.users, "user_id", users))
    return Tables.of(*(part.take(pa.array(rng.permutation(len(part)))) for part in parts))


def above(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Estimate:
    """Return by how much one figure is above the other, household by household, with its interval."""
    if ours.keys() != theirs.keys():
        raise ValueError("not the same households were asked")
    pairs = np.array([ours[one] - theirs[one] for one in sorted(ours)])
    return estimate(pairs, np.random.default_rng(CONFIG.seed))


def _part(events: pa.Table, *, after: bool) -> pa.Table:
    """Return the events before the cut, or from then on."""
    past = pc.less(events["timestamp"], pa.scalar(CUT))
    return events.filter(pc.invert(past) if after else past)


def _bought_next(items: list[str]) -> NDArray[np.intp]:
    """Return how often each item is bought after the cut."""
    later = _part(sample().events, after=True)["item_id"]
    return np.bincount(pc.index_in(later, value_set=pa.array(items)).to_numpy(), minlength=len(items))


def _numbered(ids: list[str], place: NDArray[np.integer]) -> dict[str, str]:
    return {one: f"{at:06}" for one, at in zip(ids, place, strict=True)}


def _with(table: pa.Table, name: str, moved: Mapping[str, str]) -> pa.Table:
    column = pa.array([moved[one] for one in table[name].to_pylist()])
    return table.set_column(table.column_names.index(name), name, column)

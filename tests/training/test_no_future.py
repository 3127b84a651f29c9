"""What the ranker learns is asked before the future happens: rewriting it moves no feature by a bit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.sparse import csr_array

from features.build import build_dataset
from features.tables import Tables
from recommender.bundle import Bundle, BundleInfo
from recommender.dataset import Dataset
from recommender.values import EventType
from tests.training.shop import BEGINNING, CONFIG, shop_tables
from training.fit.sources import fit_sources, recounted
from training.ranking_data import RankerTask, RankingData, ranking_data
from training.split import Acquisitions, LabelledQueries, beside, labelled_queries

SPLIT, LATER = BEGINNING + timedelta(days=60), BEGINNING + timedelta(days=75)
SOURCES = {"home": CONFIG.placements["home"].sources, "anchored": CONFIG.placements["product"].sources}
ALTERED = 400
"""Events added, of about 2,500 in all."""

Alter = Callable[[pa.Table, datetime], pa.Table]
Fit = Callable[[Dataset], Bundle]


def removed(events: pa.Table, since: datetime) -> pa.Table:
    """Nobody ever comes again."""
    return events.filter(pc.less(events["timestamp"], pa.scalar(since)))


def thinned(events: pa.Table, since: datetime) -> pa.Table:
    """Half of what happens does not."""
    happens = np.random.default_rng(1).random(len(events)) < 0.5
    return events.filter(pc.or_(pc.less(events["timestamp"], pa.scalar(since)), pa.array(happens)))


def changed(events: pa.Table, since: datetime) -> pa.Table:
    """Everybody does something else, for another price."""
    rng, past = np.random.default_rng(2), removed(events, since)
    future = events.filter(pc.greater_equal(events["timestamp"], pa.scalar(since)))
    items = future["item_id"].take(pa.array(rng.permutation(len(future))))
    future = future.set_column(future.column_names.index("item_id"), "item_id", items)
    for name, value in (("quantity", 9.0), ("price", 99.0)):
        column = pa.array(np.full(len(future), value))
        future = future.set_column(future.column_names.index(name), name, column)
    return pa.concat_tables([past, future])


def added(events: pa.Table, since: datetime) -> pa.Table:
    """Customers also look at, cart and buy whatever has been bought before."""
    return pa.concat_tables([events, _more(events, since, removed(events, since)["item_id"].to_pylist())])


def premiered(events: pa.Table, since: datetime) -> pa.Table:
    """Customers also buy what nobody had ever bought: the last two of each hobby."""
    fresh = [f"{hobby}-{at}" for hobby in ("camping", "cooking", "cycling", "painting") for at in (12, 13)]
    return pa.concat_tables([events, _more(events, since, fresh)])


def _more(events: pa.Table, since: datetime, items: list[str]) -> pa.Table:
    rng = np.random.default_rng(3)
    users = pc.unique(events["user_id"]).to_pylist()
    rows = {
        "event_id": [f"more-{at}" for at in range(ALTERED)],
        "user_id": [users[at] for at in rng.integers(len(users), size=ALTERED)],
        "item_id": [items[at] for at in rng.integers(len(items), size=ALTERED)],
        "timestamp": [since + timedelta(seconds=int(s)) for s in rng.integers(3_600, 10 * 86_400, ALTERED)],
        "event": [("view_item", "add_to_cart", "purchase")[at] for at in rng.integers(3, size=ALTERED)],
    }
    return Tables.of(pa.table(rows)).events


def shop(alter: Alter | None = None, since: datetime = SPLIT) -> Dataset:
    tables = shop_tables()
    events = tables.events if alter is None else alter(tables.events, since)
    users = pa.table({"user_id": pc.unique(tables.events["user_id"])})
    return build_dataset(Tables.of(events, tables.items, users), CONFIG)


def fitted_before_the_split(data: Dataset) -> Bundle:
    past, now = data.before(int(SPLIT.timestamp())), int(SPLIT.timestamp())
    models = fit_sources(past, CONFIG, now=now, target_event=EventType.PURCHASE)
    info = BundleInfo("past", "", "", int(BEGINNING.timestamp()), now, CONFIG, {})
    return Bundle(info, past.users, past.histories, past.declared, past.catalogue, models, {}, {})


def counted_anew_at_the_split(data: Dataset) -> Bundle:
    """Return sources fitted three weeks before the split, whose counts are as of the split."""
    begun, now = int((SPLIT - timedelta(weeks=3)).timestamp()), int(SPLIT.timestamp())
    bundle = fitted_before_the_split(data)
    early = fit_sources(data.before(begun), CONFIG, now=begun, target_event=EventType.PURCHASE)
    models = recounted(early, data.before(now), CONFIG, now=now, target_event=EventType.PURCHASE)
    return replace(bundle, models=models)


def asked(data: Dataset, *, visits: int, new: bool = False) -> LabelledQueries:
    window = (int(SPLIT.timestamp()), int(LATER.timestamp()))
    return labelled_queries(
        Acquisitions.of(data, EventType.PURCHASE), window, visits, np.random.default_rng(0), new=new
    )


def asked_at_the_split(data: Dataset) -> LabelledQueries:
    """Return the queries of customers who did nothing between the split and the visit that answers them."""
    found = asked(data, visits=1)
    return found.take(np.flatnonzero(found.queries.now == int(SPLIT.timestamp())))


def learned(data: Dataset, name: str) -> RankingData:
    """Return what a ranker learns from the visits between the split and ``LATER``, truths and all."""
    found = asked(data, visits=4, new=name == "discovery")
    found = beside(found, np.random.default_rng(0)) if name == "anchored" else found
    sources = SOURCES["anchored" if name == "anchored" else "home"]
    none_held = np.zeros(len(found), np.bool_)
    return ranking_data(
        [RankerTask(fitted_before_the_split(data), sources, found, none_held, exclude_owned=name == "discovery")]
    )[0]


def described(data: Dataset, customers: LabelledQueries, fit: Fit = fitted_before_the_split) -> RankingData:
    """Return every candidate of these moments with its features, whatever was then bought."""
    every = replace(customers, truth=csr_array(np.ones(customers.truth.shape, np.float32)))
    none_held = np.zeros(len(every), np.bool_)
    return ranking_data([RankerTask(fit(data), SOURCES["home"], every, none_held, exclude_owned=False)])[0]


def assert_same(one: RankingData, other: RankingData) -> None:
    assert one.names == other.names
    assert len(one.features) == one.group.sum() > 1000
    for column, name in enumerate(one.names):
        assert one.features[:, column].tobytes() == other.features[:, column].tobytes(), name
    for part in ("hit", "group", "truths"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.parametrize("alter", [removed, thinned, changed, added])
@pytest.mark.parametrize("name", ["home", "discovery", "anchored"])
def test_what_happens_after_the_window_changes_nothing_that_is_learned_from(name: str, alter: Alter) -> None:
    assert_same(learned(shop(), name), learned(shop(alter, LATER), name))


@pytest.mark.parametrize("fit", [fitted_before_the_split, counted_anew_at_the_split])
@pytest.mark.parametrize("alter", [thinned, changed, added, premiered])
def test_what_customers_go_on_to_do_changes_no_feature_of_what_they_are_asked(alter: Alter, fit: Fit) -> None:
    given, other = shop(), shop(alter)
    first, second = (asked_at_the_split(data) for data in (given, other))
    both = np.intersect1d(first.customer, second.customer)
    assert len(both) > 20
    first, second = (one.take(np.searchsorted(one.customer, both)) for one in (first, second))
    assert (first.truth != second.truth).nnz > 0
    assert_same(described(given, first, fit), described(other, second, fit))


@pytest.mark.parametrize("fit", [fitted_before_the_split, counted_anew_at_the_split])
def test_a_past_that_differs_is_noticed(fit: Fit) -> None:
    given, other = shop(), shop(added, SPLIT - timedelta(days=10))
    first, second = (described(data, asked_at_the_split(data), fit) for data in (given, other))
    with pytest.raises(AssertionError):
        assert_same(first, second)

"""Every source, fitted and asked: the checkerboard's right answer, what cannot be said, and what events change."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, vstack

from recommender.config import Config, NeighbourSettings
from recommender.models.repurchase import STEADY, habits, strongest_event
from recommender.scorer import dense
from recommender.signals import RETRIEVAL, ask_sources
from recommender.times import DAY
from recommender.trail import trail
from recommender.values import EventType, Histories
from tests.recommender.checkerboard import CUSTOMERS, ITEMS, ask, dataset, histories, missing
from training.fit.autoencoder import RIDGE, fit_autoencoder
from training.fit.collaborative import fit_collaborative
from training.fit.cooccurrence import cooccurrence
from training.fit.neighbours import NEWEST, fit_neighbours
from training.fit.popularity import fit_popularity
from training.fit.sources import fit_sources, recounted

SIGNALS = [name for names in RETRIEVAL.values() for name in names]
PERSONAL = [name for name in SIGNALS if name not in ("popularity", "trend", "arrivals")]


@pytest.fixture(scope="module")
def models():
    return fit_sources(dataset(), Config(), now=10 * DAY, target_event=EventType.PURCHASE)


def said(models, name: str, log: Histories, items: int = ITEMS) -> np.ndarray:
    """Return (B × N) what a signal says where lists are made; NaN where it cannot say."""
    return np.array(dense(ask_sources(models, ask(log, items=items)).proposals(name)))


@pytest.mark.parametrize(
    "names", [["collaborative"], ["neighbours"], ["ease"], ["content"], ["followed", "preceded"], ["next", "preceded"]]
)
def test_the_missing_item_of_the_customers_colour_comes_first(models, names):
    log = dataset().histories
    scores = np.sum([np.nan_to_num(said(models, name, log)) for name in names], axis=0)
    scores[log.customer(), log.item] = -np.inf
    assert scores.argmax(axis=1).tolist() == [missing(customer) for customer in range(CUSTOMERS)]


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_says_of_one_customer_what_it_says_of_them_among_others(models, name):
    log = dataset().histories
    alone, among = said(models, name, log.take(np.array([5]))), said(models, name, log)[5:6]
    np.testing.assert_allclose(alone, among, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PERSONAL)
def test_nothing_is_said_to_a_customer_without_events(models, name):
    assert not np.isfinite(said(models, name, Histories.empty(2))).any()


@pytest.mark.parametrize("name", SIGNALS)
def test_an_empty_log_can_be_fitted_and_asked(name):
    empty = dataset().before(0)
    models = fit_sources(empty, Config(), now=0, target_event=strongest_event(empty.histories.event))
    scores = said(models, name, Histories.empty(1))
    assert scores.shape == (1, ITEMS)
    assert not np.isfinite(scores).any()


@pytest.mark.parametrize("name", PERSONAL)
def test_events_on_items_that_came_after_training_change_nothing(models, name):
    known, strange = histories([[(0, 1), (2, 2)]]), histories([[(0, 1), (2, 2), (ITEMS + 3, 3)]])
    tags = models.content.tags
    grown = replace(models, content=models.content.over(vstack([tags, csr_array((4, tags.shape[1]))], format="csr")))
    later = said(grown, name, strange, ITEMS + 4)
    np.testing.assert_allclose(said(models, name, known), later[:, :ITEMS], rtol=1e-5)


def test_folding_in_gives_the_fitted_factors(models):
    model = models.collaborative
    interest = model.interest(_steps(models, dataset().histories))
    folded = model.fold_in(interest)
    exact = _solved(model, interest)
    np.testing.assert_allclose(folded, exact, rtol=1e-2, atol=1e-3)


def _steps(models, log):
    return trail(log, models.weights, ITEMS)


def _solved(model, interest: csr_array) -> np.ndarray:
    """Return each customer's factors by the normal equations, one after the other."""
    rows = []
    for row in range(interest.shape[0]):
        vectors = model.factors[interest.indices[interest.indptr[row] : interest.indptr[row + 1]]].astype(np.float64)
        confidence = model.alpha * interest.data[interest.indptr[row] : interest.indptr[row + 1]].astype(np.float64)
        left = model.gram + vectors.T @ (confidence[:, None] * vectors)
        rows.append(np.linalg.solve(left, vectors.T @ (1 + confidence)))
    return np.array(rows)


def test_transitions_know_the_direction():
    shop = dataset()
    there = histories([[(0, 1), (1, 2)]] * 4 + [[(2, 1), (3, 2)]] * 12)
    models = fit_sources(
        type(shop)(shop.users, there, shop.catalogue, shop.declared), Config(), now=10 * DAY, target_event=8
    )
    assert models.transitions.side("forward")[0, 1] == pytest.approx(25 * 4 / np.sqrt(20))
    assert models.transitions.side("forward")[1, 0] == 0
    assert models.transitions.side("backward")[1, 0] == pytest.approx(25 * 4 / np.sqrt(20))


def test_what_the_next_step_holds_is_not_what_everybody_takes_all_the_time():
    shop, staple = dataset(), 7
    logs = [[(first, 1), (staple, 1), (first + 3, 2), (staple, 2)] for first in (0, 1, 2, 3) for _ in range(4)]
    log = histories(logs)
    models = fit_sources(
        type(shop)(shop.users, log, shop.catalogue, shop.declared), Config(), now=10 * DAY, target_event=8
    )
    forward, following = (models.transitions.side(name).toarray() for name in ("forward", "next"))
    for first in range(4):
        assert forward[first, first + 3] == pytest.approx(forward[first, staple])
        assert following[first].argmax() == first + 3
        assert following[first, first + 3] > 1.5 * following[first, staple] > 0


@pytest.mark.parametrize("most", [1, 3, 40])
def test_of_what_occurs_together_the_strongest_pairs_are_kept_and_nothing_with_itself(most):
    rng = np.random.default_rng(0)
    left, right = (csr_array(rng.random((30, 12)) * (rng.random((30, 12)) < 0.4)) for _ in range(2))
    whole = (left.T @ right).toarray()
    np.fill_diagonal(whole, 0)
    kept = cooccurrence(left, right, most).toarray()
    np.testing.assert_allclose(kept[kept > 0], whole[kept > 0], rtol=1e-5)
    first = [-np.sort(-table, axis=1)[:, :most] for table in (kept, whole)]
    np.testing.assert_allclose(*first, rtol=1e-5)
    assert (np.count_nonzero(kept, axis=1) <= most + 1).all()
    assert not kept.diagonal().any()


def test_the_autoencoder_keeps_the_weights_of_the_closed_form_that_are_furthest_from_0():
    had = np.random.default_rng(0).random((200, 30)) < 0.3
    had[:, 7] = False
    had[:, 8] = had[:, 9]
    had[:, 10] = ~had[:, 11]
    inverse = np.linalg.inv(had.T.astype(float) @ had + RIDGE * np.eye(30))
    whole = -inverse / inverse.diagonal()
    np.fill_diagonal(whole, 0)
    found = fit_autoencoder(csr_array(had.astype(np.float32)), 5 * 29).toarray()
    np.testing.assert_allclose(found[found != 0], whole[found != 0], rtol=1e-4)
    assert (np.count_nonzero(found, axis=1) == np.where(np.arange(30) == 7, 0, 5)).all()
    furthest = [-np.sort(-np.abs(table), axis=1)[:, :5] for table in (found, whole)]
    np.testing.assert_allclose(*furthest, rtol=1e-4)
    assert found[8].argmax() == 9
    assert (found < 0).any()


@pytest.mark.parametrize(("customers", "items", "least"), [(0, 0, 0), (0, 3, 0), (1, 1, 0), (1, 2, 2), (3, 50, 250)])
def test_an_autoencoder_of_next_to_nothing_can_be_fitted(customers: int, items: int, least: int):
    found = fit_autoencoder(csr_array(np.ones((customers, items), np.float32)), 5 * items)
    assert found.shape == (items, items)
    assert not found.diagonal().any()
    assert np.isfinite(found.data).all()
    assert found.nnz >= least
    assert (found.nnz > 0) == (least > 0)


def test_an_autoencoder_of_many_items_knows_those_of_most_customers(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(1)
    had = rng.random((300, 40)) < np.where(np.arange(40) % 4 == 2, 0.6, 0.1)
    small = fit_autoencoder(csr_array(had[:, 2::4].astype(np.float32))).toarray()
    monkeypatch.setattr("training.fit.autoencoder.ITEMS", 10)
    found = fit_autoencoder(csr_array(had.astype(np.float32))).toarray()
    np.testing.assert_allclose(found[2::4, 2::4], small, rtol=1e-5)
    assert np.count_nonzero(found) == np.count_nonzero(small) > 0


def test_of_a_long_history_only_the_last_items_have_neighbours():
    old, weights = 50, np.ones(len(EventType), np.float32)
    items = NEWEST + old
    log = histories([[(item, item) for item in range(items)]] * 3 + [[(0, 0)]] * 9)
    found = fit_neighbours(trail(log, weights, items), NeighbourSettings()).links[:items]
    assert not found[:old].nnz
    assert (np.diff(found[old:].indptr) > 0).all()


def test_a_habit_knows_its_count_gap_and_due_day():
    log = histories([[(3, 0), (3, 10), (3, 20)]])
    found = habits(log, np.array([24 * DAY]), EventType.PURCHASE, (7.0, 70.0), np.full(ITEMS, 10.0, np.float32))
    assert (found.item.tolist(), found.times.tolist(), found.since.tolist()) == ([3], [3.0], [4.0])
    assert found.gap[0] == pytest.approx(10.0)
    assert found.ratio[0] == pytest.approx(0.4)


@pytest.mark.parametrize("pace", [1, 50])
def test_a_steady_count_fades_with_the_customers_baskets_and_not_with_the_days(pace):
    log = histories([[(3, 0), (5, pace), (3, 2 * pace)]])
    found = habits(log, np.array([900 * DAY]), EventType.PURCHASE, (7.0, 70.0), np.full(ITEMS, 10.0, np.float32))
    assert found.item.tolist() == [3, 5]
    np.testing.assert_allclose(found.steady, [1 + 0.5 ** (2 / STEADY), 0.5 ** (1 / STEADY)], rtol=1e-6)


def test_what_was_taken_last_lasts_as_long_as_what_was_taken_before():
    log = histories([[(3, 0), (3, 10), (3, 10), (3, 20), (5, 20)]])
    quantity, price = np.array([1, 1, 3, 2, 1], np.float32), np.array([9, 8, 8, 7, 5], np.float32)
    log = Histories(log.indptr, log.item, log.event, log.time, quantity, price)
    found = habits(log, np.array([24 * DAY]), EventType.PURCHASE, (7.0, 70.0), np.full(ITEMS, 10.0, np.float32))
    assert (found.units.tolist(), found.taken.tolist(), found.paid.tolist()) == ([2, 1], [7, 1], [7, 5])
    assert found.supply[0] == pytest.approx(2 * 20 / 5)
    assert found.used_up[0] == pytest.approx(4 / 8)
    assert (found.pause[0], found.paused[0]) == (10, pytest.approx(0.4))
    assert np.isnan([found.supply[1], found.used_up[1], found.pause[1], found.paused[1]]).all()


def test_counts_made_anew_are_those_of_a_fit_at_that_time():
    shop, early, late = dataset(), 3 * DAY, 6 * DAY
    fitted = fit_sources(shop.before(early), Config(), now=early, target_event=EventType.PURCHASE)
    anew = recounted(fitted, shop.before(late), Config(), now=late, target_event=EventType.PURCHASE)
    whole = fit_sources(shop.before(late), Config(), now=late, target_event=EventType.PURCHASE)
    assert anew.collaborative is fitted.collaborative
    for trend in ("recent", "trend", "owners"):
        np.testing.assert_array_equal(getattr(anew.popularity, trend), getattr(whole.popularity, trend))
    np.testing.assert_array_equal(anew.repurchase.gap, whole.repurchase.gap)
    assert (anew.popularity.recent != fitted.popularity.recent).any()


def test_what_came_up_today_shows_in_the_sudden_trends_first():
    old, today = [[(0, day)] for day in range(60)], [[(1, 60)]] * 2
    weights = np.ones(len(EventType), np.float32)
    log = histories([*old, *today])
    steps, owners = trail(log, weights, ITEMS), np.zeros(ITEMS, np.int64)
    category = dataset().catalogue.category
    found = fit_popularity(steps, owners, category, 60 * DAY)
    assert found.sudden[0][1] > found.sudden[1][1] > found.trend[1] > 0
    assert found.sudden[0][0] < found.trend[0]


def test_what_nobody_turned_to_of_late_does_not_rise():
    old, today = [[(0, 0)]] * 50 + [[(2, 0)]], [[(1, 300)]] * 2
    steps, owners = trail(histories([*old, *today]), np.ones(len(EventType), np.float32), ITEMS), np.zeros(ITEMS)
    category = dataset().catalogue.category
    found = fit_popularity(steps, owners.astype(np.int64), category, 300 * DAY)
    assert found.trend[1] > 0 > found.trend[2] > found.trend[0]


def test_a_customer_who_left_long_ago_teaches_and_is_asked_as_one_who_is_here():
    rows = [[(item, day) for day, item in enumerate(range(customer % 2, ITEMS, 2))] for customer in range(40)]
    weights, settings = np.ones(len(EventType), np.float32), Config().collaborative
    here, gone = (
        fit_collaborative(trail(shifted(rows, days), weights, ITEMS), 60.0, settings, 7) for days in (0, 5000)
    )
    np.testing.assert_array_equal(here.factors, gone.factors)
    assert np.abs(gone.factors[: ITEMS // 2]).max() > 0.1


def shifted(rows: list[list[tuple[int, int]]], days: int) -> Histories:
    """Return the histories with every second customer's ``days`` later."""
    return histories([[(item, day + days * (customer % 2)) for item, day in row] for customer, row in enumerate(rows)])


def test_a_refund_takes_the_purchase_back():
    log = histories([[(3, 0), (3, 10), (5, 11)]])
    event = np.array([EventType.PURCHASE, EventType.REFUND, EventType.PURCHASE], np.int8)
    log = Histories(log.indptr, log.item, event, log.time, log.quantity, log.price)
    found = habits(log, np.array([24 * DAY]), EventType.PURCHASE, (7.0, 70.0), np.full(ITEMS, 10.0, np.float32))
    assert found.item.tolist() == [5]


def test_without_purchases_the_strongest_event_makes_an_item_had():
    assert strongest_event(histories([[(0, 1)]], EventType.LIKE).event) == EventType.LIKE
    assert strongest_event(histories([[(0, 1)]], EventType.VIEW_ITEM).event) == EventType.VIEW_ITEM
    assert strongest_event(np.array([EventType.ADD_TO_WISHLIST, EventType.ADD_TO_CART])) == EventType.ADD_TO_CART
    assert strongest_event(Histories.empty().event) == EventType.PURCHASE

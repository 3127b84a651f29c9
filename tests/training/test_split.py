"""The split by time: where it falls, what is asked, and that nothing later is known when it is asked."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender.candidates import merge
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.ids import IdMap
from recommender.policy import Rules
from recommender.ranker_features import describe
from recommender.ranking import allowed_by, gather
from recommender.signals import ask_sources
from recommender.times import DAY
from recommender.values import EARLIEST, LATEST, EventType, Histories
from tests.recommender.checkerboard import ITEMS, dataset, histories
from training.fit.sources import fit_sources
from training.job import HELD_OUT, fit, fit_and_hold, held_out
from training.ranking_data import RankerTask, ranking_data, sampled, tells_dates
from training.split import Acquisitions, beside, labelled_queries, newcomers, sliced, split_time, unowned, windows

HOME = Config().placements["home"].sources
ALL = (4 * DAY, 100 * DAY)


def shop(log: Histories) -> Dataset:
    base = dataset()
    users = IdMap.of(f"u{row:03}" for row in range(len(log)))
    return Dataset(users, log, base.catalogue, csr_array((len(log), 2), dtype=np.float32))


def random_shop(customers: int = 60, seed: int = 1) -> Dataset:
    """Return customers who walk through their colour's items in a circle, one a day."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 4, customers)
    return shop(
        histories([[(row % 2 + 2 * ((start[row] + day) % 4), day) for day in range(1, 9)] for row in range(customers)])
    )


def asked_of(data: Dataset, window=ALL, *, new: bool = False):
    return labelled_queries(Acquisitions.of(data, EventType.PURCHASE), window, 5, np.random.default_rng(0), new=new)


def test_the_split_leaves_most_customers_a_future():
    log = histories([[(0, 1), (2, 5)]] * 4 + [[(1, 1), (3, 9)]] * 6)
    assert split_time(shop(log), EventType.PURCHASE) == 9 * DAY


def test_a_log_of_guests_is_split_too_and_half_of_them_show_a_part_of_their_basket() -> None:
    baskets = [[(item, 1 + row % 9) for item in range(row % 2, ITEMS, 2)] for row in range(200)]
    data = shop(histories(baskets))
    since = split_time(data, EventType.PURCHASE)
    assert DAY < since < 9 * DAY
    asked = asked_of(data)
    shown, truth = np.diff(asked.queries.histories.indptr), np.diff(asked.truth.indptr)
    assert 0.2 < (shown > 0).mean() < 0.6
    assert set((shown + truth)[shown > 0]) == {ITEMS // 2}
    for row, log in enumerate(np.split(asked.queries.histories.item, asked.queries.histories.indptr[1:-1])):
        assert not set(log) & set(asked.truth[[row]].indices)


def test_who_came_before_shows_nothing_of_the_visit_that_is_asked_about() -> None:
    data = shop(histories([[(0, 1), *((item, 5) for item in range(1, ITEMS))]] * 50))
    assert set(asked_of(data, (4 * DAY, 100 * DAY)).queries.histories.item) == {0}


def test_windows_cover_the_end_of_the_log_and_begin_once_at_the_split():
    data = random_shop()
    found = windows(data, 7 * DAY, 3)
    assert found[-1][1] == 8 * DAY + 1
    assert 7 * DAY in [start for start, _ in found]
    assert all(before[1] == after[0] for before, after in pairwise(found))


@pytest.mark.parametrize(("days", "parts"), [(0, 1), (6, 1), (14, 2), (400, 4)])
def test_a_window_is_cut_into_equal_slices_none_too_short(days: int, parts: int):
    found = sliced((DAY, DAY + days * DAY), 4, 7 * DAY)
    assert len(found) == parts
    assert (found[0][0], found[-1][1]) == (DAY, DAY + days * DAY)
    assert all(before[1] == after[0] for before, after in pairwise(found))


def test_a_question_holds_the_events_before_its_moment_and_the_truth_is_what_followed():
    data = shop(histories([[(0, 1), (2, 3), (4, 5), (6, 5)]]))
    asked = asked_of(data)
    assert asked.queries.histories.item.tolist() == [0, 2]
    assert asked.truth.toarray().nonzero()[1].tolist() == [4, 6]
    assert asked.owned.toarray().nonzero()[1].tolist() == [0, 2]
    assert asked.queries.now.tolist() == [4 * DAY]


def test_what_a_visit_looks_at_before_it_buys_belongs_to_the_answer():
    log = histories([[(0, 1), (2, 5), (2, 5)]])
    event = np.array([EventType.PURCHASE, EventType.VIEW_ITEM, EventType.PURCHASE], np.int8)
    time = log.time + np.array([0, 0, 60])
    data = shop(Histories(log.indptr, log.item, event, time, log.quantity, log.price))
    asked = asked_of(data)
    assert asked.queries.histories.item.tolist() == [0]
    assert asked.truth.toarray().nonzero()[1].tolist() == [2]


@pytest.mark.parametrize("new", [False, True])
def test_visits_are_asked_about_before_they_begin_and_from_within(new: bool):
    minute = 1 / 1440
    data = shop(histories([[(7, 1), *((item, 5 + (row + item) * minute) for item in range(5))] for row in range(200)]))
    asked = asked_of(data, new=new)
    assert len(asked) == 200
    known = np.diff(asked.queries.histories.indptr)
    assert (known + np.diff(asked.truth.indptr) == 6).all()
    assert not asked.truth.multiply(asked.owned).nnz
    assert 0.3 < (known > 1).mean() < 0.5  # half of them, but for those drawn at their first item
    assert set(known.tolist()) == {1, 2, 3, 4, 5}


def test_discovery_asks_only_for_what_the_customer_never_touched():
    data = shop(histories([[(0, 1), (2, 3), (0, 5), (6, 5)]]))
    assert asked_of(data, new=True).truth.toarray().nonzero()[1].tolist() == [6]


def test_the_item_on_the_page_is_no_part_of_the_truth():
    found = beside(asked_of(random_shop()), np.random.default_rng(0))
    assert len(found)
    assert not found.truth.multiply(found.queries.anchors).nnz


def test_newcomers_are_known_by_their_last_events_only():
    asked = asked_of(random_shop())
    brief = newcomers(asked, EventType.PURCHASE, 3, np.random.default_rng(0))
    log, whole = brief.queries.histories, asked.queries.histories
    sizes = np.diff(log.indptr)
    assert set(sizes.tolist()) == {0, 1, 2, 3}
    for row, size in enumerate(sizes):
        last = whole.item[whole.indptr[row] : whole.indptr[row + 1]][-size:] if size else []
        assert log.item[log.indptr[row] : log.indptr[row + 1]].tolist() == list(last)
        assert set(brief.owned[[row]].indices.tolist()) == set(last)
    assert (brief.truth != asked.truth).nnz == 0


def test_what_a_newcomer_is_not_known_to_have_had_is_still_to_be_discovered():
    data = shop(histories([[(0, 1), (2, 3), (4, 5), (0, 6), (4, 6)]]))
    asked = labelled_queries(
        Acquisitions.of(data, EventType.PURCHASE), (6 * DAY, 100 * DAY), 1, np.random.default_rng(0)
    )
    brief = newcomers(asked, EventType.PURCHASE, 1, np.random.default_rng(1))
    assert brief.queries.histories.item.tolist() in ([], [4])
    known = brief.owned.indices.tolist()
    assert unowned(brief).truth.toarray().nonzero()[1].tolist() == [item for item in (0, 4) if item not in known]


def test_events_after_the_split_reach_no_feature():
    data, window = random_shop(), (6 * DAY, 7 * DAY)
    log = data.histories
    later = log.time >= 6 * DAY
    changed = Histories(
        log.indptr,
        np.where(later, (log.item + 4) % ITEMS, log.item).astype(np.int32),
        log.event,
        log.time,
        np.where(later, 9, log.quantity).astype(np.float32),
        np.where(later, 9, log.price).astype(np.float32),
    )
    found = [_described(data, one, window) for one in (log, changed)]
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def _described(data: Dataset, log: Histories, window: tuple[int, int]):
    """Return the features of the first queries of a log, all of them and not only those with a hit."""
    whole = Dataset(data.users, log, data.catalogue, data.declared)
    before = whole.before(window[0])
    models = fit_sources(before, Config(), now=window[0], target_event=EventType.PURCHASE)
    asked = labelled_queries(Acquisitions.of(whole, EventType.PURCHASE), window, 1, np.random.default_rng(0))
    rules = Rules.none(len(asked), ITEMS, 1)
    signals = ask_sources(models, asked.queries)
    allowed = allowed_by(asked.queries, rules)
    candidates = merge(gather(signals, HOME, allowed, 8), allowed.table.shape, 8)
    columns = describe(signals, data.catalogue, candidates)
    return tuple(columns), np.stack(list(columns.values()))


def test_held_out_customers_are_one_in_five_whatever_their_row():
    share = held_out(np.arange(5000)).mean()
    assert abs(share - 1 / HELD_OUT) < 0.02


def test_the_same_seed_and_clock_give_the_same_lists_bundle_and_figures():
    first, second = (fit(random_shop(), Config(), now=9 * DAY, progress=lambda *_: None) for _ in range(2))
    assert first.info == second.info
    for name, ranker in first.rankers.items():
        assert list(ranker.boosters) == list(second.rankers[name].boosters)
        assert ranker.coefficients.tobytes() == second.rankers[name].coefficients.tobytes()
    assert first.models.collaborative.factors.tobytes() == second.models.collaborative.factors.tobytes()
    assert first.models.transitions.links.data.tobytes() == second.models.transitions.links.data.tobytes()


def test_the_held_customers_were_not_learned_from_and_have_a_truth():
    fitted = fit_and_hold(random_shop(300), Config(), now=9 * DAY, progress=lambda *_: None)
    assert len(fitted.held)
    assert held_out(fitted.held.customer).all()
    assert np.diff(fitted.held.truth.indptr).all()


def test_a_ranker_with_enough_queries_is_learned_and_knows_the_circle():
    fitted = fit_and_hold(random_shop(600), Config(), now=9 * DAY, progress=lambda *_: None)
    figures = fitted.bundle.info.metrics["rankers"]["home"]
    assert figures["lambdamart"] > 0.9 or figures["linear"] > 0.9


def test_a_log_with_one_date_for_all_teaches_rankers_and_keeps_its_date() -> None:
    data = random_shop(600)
    data = replace(data, histories=replace(data.histories, time=np.full_like(data.histories.time, 9 * DAY)))
    fitted = fit_and_hold(data, Config(), now=9 * DAY, progress=lambda *_: None)
    assert len(fitted.past.histories.item) > len(data.histories.item) / 2
    assert fitted.bundle.info.metrics["rankers"]["home"]["moments"] > 100
    assert (fitted.bundle.histories.time == 9 * DAY).all()


def test_ranking_data_hold_only_moments_with_a_hit():
    data = random_shop()
    past = fit_and_hold(data, Config(), now=9 * DAY, progress=lambda *_: None).past
    asked = asked_of(data, (7 * DAY, 9 * DAY))
    (learned,) = ranking_data([RankerTask(past, HOME, asked, held_out(asked.customer), exclude_owned=False)])
    hits = np.add.reduceat(learned.hit, np.concatenate([[0], np.cumsum(learned.group)[:-1]]))
    assert len(learned.features) == learned.group.sum()
    assert (hits > 0).all()


def test_lots_asked_together_teach_what_each_teaches_alone():
    data = random_shop(600)
    past = fit_and_hold(data, Config(), now=9 * DAY, progress=lambda *_: None).past
    asked = asked_of(data, (7 * DAY, 9 * DAY))
    half = len(asked) // 2
    parts = [asked.take(np.arange(0, half)), asked.take(np.arange(half, len(asked)))]
    tasks = [RankerTask(past, HOME, part, held_out(part.customer), exclude_owned=False) for part in parts]
    alone = [ranking_data([task], processes=1)[0] for task in tasks]
    assert all(len(one.group) for one in alone)
    told: list[tuple[int, int]] = []
    together = ranking_data(tasks, progress=lambda *of: told.append(of))
    assert told == [(done, told[0][1]) for done in range(told[0][1] + 1)]
    for one, other in zip(together, alone, strict=True):
        assert one.features.tobytes() == other.features.tobytes()
        np.testing.assert_array_equal(one.group, other.group)


def test_held_out_moments_stay_whole_and_of_the_others_a_sample_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.ranking_data.TELLING", 0)
    monkeypatch.setattr("training.ranking_data.FEWEST", 3)
    data = random_shop()
    past = fit_and_hold(data, Config(), now=9 * DAY, progress=lambda *_: None).past
    asked = asked_of(data, (7 * DAY, 9 * DAY))
    held = np.arange(len(asked)) % 2 == 0
    (few,) = ranking_data([RankerTask(past, HOME, asked, held, exclude_owned=False)])
    assert set(few.group[few.held].tolist()) == {ITEMS}
    assert set(few.group[~few.held].tolist()) == {3}


def test_discovery_learns_of_nothing_that_was_had_already() -> None:
    data = shop(histories([[(row % 4, 1), (4 + row % 4, 8)] for row in range(60)]))
    past = fit_and_hold(data, Config(), now=9 * DAY, progress=lambda *_: None).past
    asked = asked_of(data, (7 * DAY, 9 * DAY), new=True)
    every = np.ones(len(asked), np.bool_)
    anything, new = ranking_data([RankerTask(past, HOME, asked, every, exclude_owned=owned) for owned in (False, True)])
    assert (anything.group.max(), new.group.max()) == (ITEMS, ITEMS - 1)
    times = new.features[:, new.names.index("times")]
    assert np.isnan(times).all()
    assert not np.isnan(anything.features[:, anything.names.index("times")]).all()


def test_of_many_moments_some_are_learned_from_so_that_memory_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small shop of many customers has moments in several windows."""

    def candidates_learned_from(most: int) -> dict[str, float]:
        monkeypatch.setattr("training.job.MOST", most)
        fitted = fit_and_hold(random_shop(600), Config(), now=9 * DAY, progress=lambda *_: None)
        return {name: ITEMS * figures["moments"] for name, figures in fitted.bundle.info.metrics["rankers"].items()}

    every, some = candidates_learned_from(1 << 40), candidates_learned_from(8_000)
    assert every == candidates_learned_from(600_000)
    assert every["home"] > 2 * 8_000
    assert all(500 < some[name] <= min(8_000, every[name]) for name in ("home", "discovery"))


def test_of_many_candidates_a_sample_is_learned_from_and_no_hit_gives_way_to_a_miss():
    rng = np.random.default_rng(3)
    moment = np.repeat(np.arange(40), rng.integers(1, 100, 40))
    hit = rng.random(len(moment)) < 0.1
    told = sampled(moment, hit, 30, np.random.default_rng(7))
    size, kept = np.bincount(moment), np.bincount(moment, told)
    assert (kept == np.minimum(size, 30)).all()
    assert told[hit].all()
    drawn = np.stack([sampled(moment, hit, 30, np.random.default_rng(seed)) for seed in range(200)])
    big = (size[moment] == size.max()) & ~hit
    assert np.ptp(drawn[:, big].mean(axis=0)) < 0.25, "a miss's place must not tell how often it is drawn"


def test_rankers_learn_among_what_was_on_sale_where_most_of_the_truth_was():
    shown = random_shop()
    asked, late = asked_of(shown), 7 * DAY
    dated = replace(shown.catalogue, available_from=np.where(np.arange(ITEMS) == 0, late, EARLIEST))
    assert not tells_dates(asked, shown.catalogue)
    assert tells_dates(asked, dated)
    assert not tells_dates(asked, replace(dated, available_from=np.full(ITEMS, LATEST - 1)))
    on_sale = dated.within_dates(asked.queries.now[:, None])
    np.testing.assert_array_equal(on_sale[:, 0], asked.queries.now >= late)
    assert on_sale[:, 1:].all()
    assert 0 < on_sale[:, 0].mean() < 1


def test_ranking_data_of_what_was_on_sale_hold_nothing_else() -> None:
    data = random_shop()
    past = fit_and_hold(data, Config(), now=9 * DAY, progress=lambda *_: None).past
    gone = np.where(np.arange(ITEMS) < ITEMS // 2, 1 * DAY, LATEST)
    past = replace(past, catalogue=replace(past.catalogue, available_until=gone))
    asked = asked_of(data, (7 * DAY, 9 * DAY))
    every = np.ones(len(asked), np.bool_)
    anything, on_sale = ranking_data(
        [RankerTask(past, HOME, asked, every, exclude_owned=False, dated=dated) for dated in (False, True)]
    )
    assert anything.group.max() == ITEMS
    assert on_sale.group.max() == ITEMS - ITEMS // 2

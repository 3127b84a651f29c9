"""How the two stages are joined."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender.candidates import Candidates
from recommender.config import Config
from recommender.policy import Rules
from recommender.ranker import linear
from recommender.ranking import _by_source, ranked, within_horizon
from recommender.signals import BESIDE, RETRIEVAL
from recommender.times import DAY
from recommender.values import Histories, Queries
from tests.recommender.checkerboard import ITEMS, ask, dataset
from training.job import fit


def test_the_clock_stands_still_for_who_is_idle_longer_than_the_ranker_has_seen() -> None:
    days, ones = np.array([1, 9, 4]), np.ones(3, np.float32)
    log = Histories(np.array([0, 2, 3, 3]), np.zeros(3, np.int32), np.zeros(3, np.int8), days * DAY, ones, ones)
    queries = Queries.about_nothing(log, 20 * DAY, csr_array((3, 1), dtype=np.float32), 1)
    asked = within_horizon(queries, 15 * DAY, linear((), np.zeros(0, np.float32), horizon=7.0))
    assert (asked.now // DAY).tolist() == [16, 11, 20]
    forgetful = within_horizon(queries, 12 * DAY, linear((), np.zeros(0, np.float32), horizon=7.0))
    assert (forgetful.now // DAY).tolist() == [16, 11, 19]


@pytest.mark.parametrize("ranker", [None, linear((), np.zeros(0, np.float32), horizon=np.inf)])
def test_without_a_horizon_the_clock_is_as_asked(ranker) -> None:
    queries = Queries.about_nothing(Histories.empty(), 20 * DAY, csr_array((1, 1), dtype=np.float32), 1)
    assert within_horizon(queries, 0, ranker) is queries


def test_who_is_idle_for_years_is_ranked_as_at_the_rankers_horizon() -> None:
    bundle = fit(dataset(), Config(), now=10 * DAY, progress=lambda *_: None)
    by_time = replace(linear(("since",), np.ones(1, np.float32), 7.0), scale=np.full(1, 100, np.float32))
    bundle, home = replace(bundle, rankers={"home": by_time}), Config().placements["home"]
    asked = ask(dataset().histories.take(np.array([0])))
    last = int(asked.histories.time.max())
    at_horizon, years_on, before = (
        ranked(bundle, home, replace(asked, now=np.array([last + days * DAY])), Rules.none(1, ITEMS, 5)).score
        for days in (7, 3650, 5)
    )
    np.testing.assert_array_equal(np.sort(years_on), np.sort(at_horizon))
    assert np.nanmax(before) < np.nanmax(at_horizon)


def test_a_page_about_items_that_nobody_knows_is_ranked_like_home() -> None:
    bundle = fit(dataset(), Config(), now=10 * DAY, progress=lambda *_: None)
    rankers = {name: linear((), np.zeros(0, np.float32), horizon=1.0) for name in ("home", "anchored")}
    bundle, product = replace(bundle, rankers=rankers), Config().placements["product"]
    unknown = ask(dataset().histories.take(np.array([0])))
    about = replace(unknown, anchors=csr_array((np.ones(1, np.float32), ([0], [3])), shape=(1, ITEMS)))
    for queries, name in ((unknown, "home"), (about, "anchored")):
        assert ranked(bundle, product, queries, Rules.none(1, ITEMS, 3)).ranker is rankers[name]


def test_where_the_ranker_cannot_tell_agreement_of_the_sources_decides() -> None:
    bundle = fit(dataset(), Config(), now=10 * DAY, progress=lambda *_: None)
    silent = replace(bundle, rankers={"home": linear((), np.zeros(0, np.float32), horizon=1.0)})
    queries = ask(dataset().histories.take(np.array([0])))
    found = ranked(silent, Config().placements["home"], queries, Rules.none(1, ITEMS, 5))
    fused = found.candidates.fused
    assert fused.max() > 1.1 * fused.min()
    assert found.score[fused.argmax()] > found.score[fused.argmin()]


def test_what_suits_the_page_goes_before_what_suits_the_customer() -> None:
    page, own = BESIDE["content"][0], RETRIEVAL["content"][0]
    ranks = {own: np.array([0, np.nan], np.float32), page: np.array([np.nan, 0], np.float32)}
    both = Candidates((1, 2), np.zeros(2, np.intp), np.arange(2, dtype=np.int32), ranks, np.ones(2, np.float32))
    theirs, of_the_page = _by_source(("content",), both)
    assert of_the_page > theirs

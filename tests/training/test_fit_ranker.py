"""Which ranker wins where held-out moments are few or many."""

import re

import numpy as np
import pytest

from recommender.config import RankerSettings
from recommender.ids import Texts
from recommender.ranker import LINEAR, Ranker
from training.fit_ranker import MANY, chosen, fit_ranker
from training.ranking_data import RankingData


def test_trees_are_kept_where_few_moments_cannot_tell_what_is_better():
    assert chosen({"linear": np.array([1.0, 0.0, 0.6]), "lambdamart": np.array([0.0, 1.0, 0.4])}) == "lambdamart"


def test_trees_give_way_to_what_is_better_beyond_chance():
    assert chosen({"linear": np.full(9, 0.5), "lambdamart": np.full(9, 0.4)}) == "linear"


def test_without_trees_the_highest_mean_wins():
    assert chosen({"fused": np.array([0.1, 0.2]), "linear": np.array([0.3, 0.1])}) == "linear"


def test_a_value_far_out_weighs_no_more_than_three_standard_deviations():
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    ranker = Ranker(LINEAR, Texts.of(("price",)), Texts.of(()), one, zero, one, 1.0)
    assert ranker.predict(np.array([[2.0], [3.0], [90.0], [np.nan]], np.float32)).tolist() == [2.0, 3.0, 3.0, 0.0]


def taught(moments: int, candidates: int = 30) -> RankingData:
    """Return moments in which the hit is the one candidate nearest to a place in the middle, which takes trees."""
    table = np.random.default_rng(0).random((moments * candidates, 3), np.float32)
    distance = np.abs(table[:, 1:] - 0.5).sum(axis=1).reshape(moments, candidates)
    hit = (distance == distance.min(axis=1, keepdims=True)).ravel()
    group, truths = np.full(moments, candidates), np.ones(moments, np.float32)
    return RankingData(("fused", "price", "breadth"), table, hit, group, truths, np.arange(moments) % 5 == 0)


@pytest.mark.parametrize(("moments", "leaves", "most"), [(MANY - 100, 15, 80), (MANY, 31, 40)])
def test_fewer_moments_grow_more_trees_that_are_smaller(moments: int, leaves: int, most: int):
    ranker, figures = fit_ranker(taught(moments), RankerSettings(trees=40, leaves=31), 7.0, 7)
    assert figures["lambdamart"] > figures["fused"]
    for text in ranker.boosters:
        sizes = [int(size) for size in re.findall(r"^num_leaves=(\d+)$", text, re.MULTILINE)]
        assert max(sizes) == leaves
        assert 1 <= len(sizes) <= most

"""Which ranker wins where held-out moments are few or many."""

import numpy as np

from recommender.ids import Texts
from recommender.ranker import LINEAR, Ranker
from training.fit_ranker import chosen


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

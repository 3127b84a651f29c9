"""How a discovery list gives places to what was looked at."""

import numpy as np

from recommender.candidates import Candidates
from recommender.ranking import _revisited

NAN = np.float32(np.nan)


def order(score: list[float], touched: list[float], every: int) -> list[int]:
    """Return the items of one customer, best first."""
    item = np.arange(len(score), dtype=np.int32)
    candidates = Candidates((1, len(score)), np.zeros(len(score), np.intp), item, {}, np.zeros(len(score), np.float32))
    found = _revisited(np.array(score, np.float32), np.array(touched, np.float32), candidates, every)
    return np.argsort(-found, kind="stable").tolist()


def test_one_place_in_four_goes_to_what_was_looked_at_strongest_interest_first():
    score = [9, 8, 7, 6, 5, 4, 99, 98]
    touched = [NAN, NAN, NAN, NAN, NAN, NAN, 1, 2]
    assert order(score, touched, 4) == [0, 1, 7, 2, 3, 4, 6, 5]


def test_what_finds_no_neighbours_comes_last_in_order_of_interest():
    assert order([3, 2, 1, 1, 1], [NAN, NAN, 1, 3, 2], 2) == [0, 3, 1, 4, 2]


def test_only_what_was_looked_at_is_ordered_by_interest():
    assert order([1, 2, 3], [1, 3, 2], 4) == [1, 2, 0]


def test_nothing_moves_where_nothing_was_looked_at():
    assert order([1, 3, 2], [NAN, NAN, NAN], 4) == [1, 2, 0]

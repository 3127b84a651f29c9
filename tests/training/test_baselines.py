"""Baselines on a checkerboard: customers of even rows like even items, the others odd ones."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from features.interactions import interactions
from recommender.config import EventSettings
from recommender.values import Histories
from training.baselines import EVERY, list_best

ITEMS = 8


def checkerboard() -> csr_array:
    """Everybody has all items of their colour but one."""
    dense = np.fromfunction(lambda u, i: (u + i) % 2 == 0, (40, ITEMS)).astype(np.float32)
    for user in range(40):
        dense[user, (user + user // 2 * 2) % ITEMS] = 0
    return csr_array(dense)


@pytest.mark.parametrize("name", ["implicit ALS", "implicit BM25"])
def test_the_missing_item_of_ones_colour_comes_first(name: str) -> None:
    done = checkerboard()
    lists = list_best(EVERY[name](done, 7), done, np.ones(ITEMS, np.bool_), done, 1)
    assert lists.ravel().tolist() == [(user + user // 2 * 2) % ITEMS for user in range(40)]


@pytest.mark.parametrize("name", EVERY)
def test_where_nothing_is_past_every_baseline_still_scores(name: str) -> None:
    nothing = csr_array((5, ITEMS), dtype=np.float32)
    assert np.isfinite(EVERY[name](nothing, 7)(nothing[:2])).all()


def test_popularity_counts_customers() -> None:
    done = csr_array(np.array([[1, 9, 0], [1, 0, 0]], np.float32))
    assert list_best(EVERY["popularity"](done, 7), done, np.ones(3, np.bool_), None, 3).tolist() == [
        [0, 1, 2],
        [0, 1, 2],
    ]


def test_personal_frequency_puts_ones_own_items_first() -> None:
    done = csr_array(np.array([[1, 0, 0.5], [0, 3, 0]], np.float32))
    score = EVERY["personal frequency"](csr_array(np.array([[1, 1, 1], [1, 1, 0]], np.float32)), 7)
    assert list_best(score, done, np.ones(3, np.bool_), None, 3).tolist() == [[0, 2, 1], [1, 0, 2]]


def test_masks_come_before_the_cut() -> None:
    done = csr_array(np.array([[5, 4, 3, 2], [0, 0, 0, 1]], np.float32))
    eligible, excluded = np.array([True, False, True, True]), csr_array(np.array([[1, 0, 0, 0], [0, 0, 0, 1]]))
    lists = list_best(EVERY["popularity"](done, 7), done, eligible, excluded, 3)
    assert lists[0].tolist() == [3, 2, -1]
    assert (sorted(lists[1, :2].tolist()), lists[1, 2]) == ([0, 2], -1)


def test_an_events_weight_fades_by_half_every_half_life() -> None:
    when = np.array([0, 60 * 86_400], np.int64)
    one = np.ones(2, np.float32)
    histories = Histories(np.array([0, 2]), np.array([1, 1], np.int32), np.array([8, 3], np.int8), when, one, one)
    assert interactions(histories, 2, EventSettings()).toarray().tolist() == [[0, 6]]
    assert interactions(histories, 2, EventSettings(), when[1:]).toarray().tolist() == [[0, 3.5]]

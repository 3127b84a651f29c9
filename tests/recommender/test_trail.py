"""Steps of histories, written out by hand."""

import numpy as np
import pytest

from recommender.times import DAY
from recommender.trail import Trail, trail
from recommender.values import EventType, Histories

VIEW, BUY, OTHER = EventType.VIEW_ITEM, EventType.PURCHASE, EventType.OTHER
WEIGHTS = np.zeros(len(EventType), np.float32)
WEIGHTS[[VIEW, BUY]] = 1, 4


def steps(*customers: list[tuple[int, EventType, int]], items: int = 4) -> Trail:
    """Return the steps of customers with events of an item, a type and a day."""
    events = [event for events in customers for event in events]
    item, kind, day = (np.array([event[at] for event in events]) for at in range(3))
    ones = np.ones(len(events), np.float32)
    indptr = np.cumsum([0, *map(len, customers)])
    return trail(Histories(indptr, item.astype(np.int32), kind.astype(np.int8), day * DAY, ones, ones), WEIGHTS, items)


def test_what_is_done_in_a_row_to_one_item_is_one_turn_as_strong_as_its_strongest_event() -> None:
    found = steps([(2, VIEW, 1), (2, BUY, 2), (2, VIEW, 3), (0, VIEW, 4), (2, VIEW, 5)], [(2, VIEW, 9)])
    assert found.item.tolist() == [2, 0, 2, 2]
    assert found.weight.tolist() == [4, 1, 1, 1]
    assert (found.time // DAY).tolist() == [3, 4, 5, 9]
    assert found.back.tolist() == [2, 1, 0, 0]
    assert found.matrix(found.weight).toarray().tolist() == [[1, 0, 5, 0], [0, 0, 1, 0]]


def test_what_weighs_nothing_and_items_beyond_the_known_leave_no_step() -> None:
    found = steps([(0, OTHER, 1), (1, VIEW, 2), (3, VIEW, 3)], items=3)
    assert (found.item.tolist(), found.back.tolist()) == ([1], [0])


def test_a_steps_items_share_its_weight_which_falls_with_each_step_back_up_to_a_depth() -> None:
    found = steps([(3, BUY, 1), (0, VIEW, 2), (1, VIEW, 2), (2, BUY, 3)])
    assert found.last(0.5, 2).tolist() == [0, 0.25, 0.25, 4]
    assert found.last(0.5, 3).tolist() == [1, 0.25, 0.25, 4]
    assert found.recent(0.5, 3, 2).toarray().tolist() == [[0, 0, 4, 1]]
    assert found.newest(1).toarray().tolist() == [[0, 0, 4, 0]]


def test_weights_fade_before_the_moment_asked_about_or_the_customers_own_last_turn() -> None:
    found = steps([(0, VIEW, 10), (1, VIEW, 20)], [(0, BUY, 30)])
    asked = np.array([30, 20]) * DAY
    assert found.faded(10.0, asked).tolist() == pytest.approx([0.25, 0.5, 4])  # nothing that is to come weighs more
    assert found.settled(10.0).tolist() == pytest.approx([0.5, 1, 4])

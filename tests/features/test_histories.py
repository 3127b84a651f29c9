"""What customers did, as arrays."""

import numpy as np

from features.histories import UNTIMED, spread_out, untimed
from recommender.times import DAY
from tests.recommender.checkerboard import histories


def test_events_that_share_a_second_with_most_others_are_spread_over_the_days_before() -> None:
    log = histories([[(item, 40) for item in range(8)], [(1, 5), (2, 40), (3, 41)]])
    assert untimed(log).tolist() == [True] * 8 + [False, True, False]
    spread = spread_out(log)
    first, second = spread.time[:8], dict(zip(spread.item[8:].tolist(), spread.time[8:].tolist(), strict=True))
    assert (np.diff(first) > 0).all()
    assert ((first > (40 - UNTIMED) * DAY) & (first <= 40 * DAY)).all()
    assert sorted(spread.item[:8].tolist()) == list(range(8))
    assert spread.item[:8].tolist() != list(range(8))
    assert (second[1], second[3]) == (5 * DAY, 41 * DAY)
    assert (np.diff(spread.time[8:]) > 0).all()


def test_what_several_kinds_of_event_say_of_one_item_keeps_its_order() -> None:
    log = histories([[(0, 9), (0, 9), (1, 9)]])
    spread = spread_out(log)
    times = spread.time[spread.item == 0]
    assert len(times) == 2
    assert times[0] == times[1]


def test_a_log_with_times_is_left_alone() -> None:
    for log in (histories([[(0, 1), (1, 2)], [(0, 2), (1, 3)]]), histories([[(0, 1)]]), histories([[]])):
        assert not untimed(log).any()
        assert spread_out(log) is log

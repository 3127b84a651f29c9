"""What the ranker is told of the moment at which a customer asks."""

from datetime import UTC, datetime

import numpy as np

from recommender.evidence import _calendar


def test_hour_and_weekday_are_those_of_the_moment_in_utc():
    moments = [datetime(2026, 3, 2, 0, 0, tzinfo=UTC), datetime(2026, 3, 8, 23, 30, tzinfo=UTC)]
    now = np.array([int(moment.timestamp()) for moment in moments])
    found = _calendar(now, np.array([0, 0, 1]))
    assert found["hour"].tolist() == [0.0, 0.0, 23.5]
    assert found["weekday"].tolist() == [0.0, 0.0, 6.0]

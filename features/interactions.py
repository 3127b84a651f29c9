"""Events as one matrix: how much each customer's doings say about each item, fading with time."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.config import EventSettings
from recommender.times import DAY
from recommender.values import EventType, Histories


def event_weights(settings: EventSettings) -> NDArray[np.float32]:
    """Return the configured weight of each ``EventType``; 0 for a type that the configuration does not name."""
    weights = np.zeros(len(EventType), np.float32)
    for name, weight in settings.weights.items():
        weights[EventType[name.upper()]] = weight
    return weights


def interactions(
    histories: Histories, items: int, settings: EventSettings, now: NDArray[np.int64] | None = None
) -> csr_array:
    """Return (B × N) summed positive event weights; with ``now`` (B,), halved every ``half_life_days`` before it."""
    customer = histories.customer()
    weight = np.maximum(event_weights(settings), 0)[histories.event]
    if now is not None:
        weight = weight * np.exp2((histories.time - now[customer]) / (settings.half_life_days * DAY))
    matrix = csr_array((weight, (customer, histories.item)), shape=(len(histories), items), dtype=np.float32)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix

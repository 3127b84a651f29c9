"""Fit what is known of buying again: the shop's rhythm, and each item's."""

import numpy as np
from numpy.typing import NDArray

from recommender.models.repurchase import RepurchaseModel, habits, owned
from recommender.times import DAY
from recommender.values import Histories

PRIOR = 5.0
"""An item's own figures weigh as much as the shop's once this many customers had it."""


def fit_repurchase(
    histories: Histories, items: int, now: int, target_event: int
) -> tuple[RepurchaseModel, NDArray[np.integer]]:
    """Measure how soon customers come back, and which items they come back for; and count each item's owners (N,)."""
    rhythm = _rhythm(owned(histories, target_event, items))
    plain = habits(histories, np.full(len(histories), now), target_event, (1.0, 1.0), np.zeros(items, np.float32))
    again = plain.times > 1
    came_back = np.bincount(plain.item, again, minlength=items)
    owners = np.bincount(plain.item, minlength=items)
    share = float(again.mean()) if len(again) else 0.0
    own_gap = (plain.gap * (plain.times + 1) / np.maximum(plain.times - 1, 1))[again]
    usual = float(np.median(own_gap)) if len(own_gap) else 4 * rhythm
    total = np.bincount(plain.item[again], own_gap, minlength=items)
    model = RepurchaseModel(
        target_event,
        fresh_days=4 * rhythm,
        lasting_days=35 * rhythm,
        again=((came_back + PRIOR * share) / (owners + PRIOR)).astype(np.float32),
        gap=np.maximum((total + PRIOR * usual) / (came_back + PRIOR), 1 / 24).astype(np.float32),
    )
    return model, owners


def _rhythm(own: Histories) -> float:
    """Return the median of the days between two baskets of one customer; 7 where nobody came twice."""
    customer = own.customer()
    gap = np.diff(own.time)[(np.diff(customer) == 0) & (np.diff(own.time) > 0)]
    return max(float(np.median(gap)) / DAY, 1 / 24) if len(gap) else 7.0

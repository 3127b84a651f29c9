"""Fit popularity and trend, overall and by category."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.catalogue import Coded
from recommender.models.popularity import PopularityModel
from recommender.scorer import compact, jitter
from recommender.times import DAY
from recommender.trail import Trail, heaviest

PER_CATEGORY = 50
SUDDEN = (1 / 7, 3 / 7)
"""Half-lives of sudden trends, as shares of that of what is popular of late: a day and three, where it is a week."""


def fit_popularity(steps: Trail, owners: NDArray[np.integer], category: Coded, now: int) -> PopularityModel:
    """Count customers and events; ``owners`` (N,) is how many customers had each item.

    "Of late" is a week's half-life, or a tenth of the log where that is shorter.
    """
    span = (now - int(steps.time.min(initial=now))) / DAY
    days = max(min(7.0, span / 10), 1 / 24)
    clock = np.full(steps.customers, now)
    recent = np.bincount(steps.item, steps.faded(days, clock), minlength=steps.items)
    every = np.bincount(steps.item, steps.weight, minlength=steps.items)
    customers = np.diff(steps.matrix(steps.weight).T.tocsr().indptr)
    unseen = customers == 0
    sudden = [np.bincount(steps.item, steps.faded(days * part, clock), minlength=steps.items) for part in SUDDEN]
    return PopularityModel(
        overall=_known(np.log1p(customers), unseen),
        recent=_known(np.log1p(recent), unseen),
        trend=_known(_risen(recent, every), unseen),
        sudden=tuple(_known(_risen(fresh, every), unseen) for fresh in sudden),
        owners=_known(np.log1p(owners), unseen),
        category=category.code,
        by_category=_by_category(recent, category),
    )


def _risen(fresh: NDArray[np.number], every: NDArray[np.number]) -> NDArray[np.float64]:
    """Return the log ratio of each item's fresh events to what its share of all would make of them, one added to each.

    So a little evidence says little, and none says nothing.
    """
    expected = every * (float(fresh.sum()) / max(float(every.sum()), 1e-12))
    return np.asarray(np.log1p(fresh) - np.log1p(expected), np.float64)


def _known(values: NDArray[np.float64], unseen: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(unseen, np.nan, values).astype(np.float32)


def _by_category(recent: NDArray[np.number], category: Coded) -> csr_array:
    recent = recent * (1 + 1e-4 * jitter(np.arange(len(recent))))  # of equal ones no more are kept than of others
    items = np.flatnonzero((category.code >= 0) & (recent > 0))
    code = category.code[items]
    total = np.bincount(code, recent[items], minlength=len(category.names))
    share = (recent[items] / total[code]).astype(np.float32)
    table = csr_array((share, (code, items)), shape=(len(category.names), len(recent)))
    return compact(heaviest(table, PER_CATEGORY))

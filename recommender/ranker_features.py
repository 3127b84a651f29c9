"""What the ranker knows of each candidate: every source's score and rank, the customer, the item and how they match."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recommender import pairs
from recommender.candidates import Candidates
from recommender.catalogue import Catalogue, Coded
from recommender.models.repurchase import Habits
from recommender.signals import BESIDE, RETRIEVAL, Signals
from recommender.stack import Stack
from recommender.times import DAY
from recommender.trail import INTEREST, Trail
from recommender.values import EARLIEST

Column = NDArray[np.float32]
LINKS = (
    *("alike", "followed", "next", "preceded", "together"),
    *("collaborative", "content", "ease", "in_category", "neighbours"),
)
ANCHORED = (
    *("anchor_alike", "anchor_followed", "anchor_preceded", "anchor_together"),
    *("anchor_content", "anchor_neighbours"),
)
RISING_HABITS = ("times", "lasting", "steady", "lasting_share", "rate", "share", "due", "due_share", "again", "fresh")
OF_HABITS = (
    *("times", "fresh", "lasting", "steady", "share", "rate", "since", "gap", "back", "ratio"),
    *("units", "usual", "taken", "used_up", "pause", "paused", "paid"),
)
"""Features that are attributes of ``Habits``."""
RELATIVE = ("followed", "preceded", "neighbours", "ease", "collaborative", "content", "lasting", "due", "popularity")
"""Scores that are also given as a share of the customer's highest."""
RISING = frozenset((*LINKS, *ANCHORED, *RISING_HABITS, "anchor_collaborative", "content_last", "followed_last")).union(
    ("fused", "stated"), (f"{name}_share" for name in LINKS if name in RELATIVE)
)
"""Features with an increasing monotone constraint: what a small log seems to teach to the contrary does not hold."""
PROPOSING = frozenset(name for table in (RETRIEVAL, BESIDE) for names in table.values() for name in names)
"""Signals with a rank beside their score."""
FALLING = frozenset(f"rank_{name}" for name in (*LINKS, *ANCHORED, "lasting") if name in PROPOSING) | {"back"}
"""Features with a decreasing monotone constraint."""
CALENDAR = frozenset(("hour", "weekday"))
"""When the customer asks: one value for all candidates of a moment, so it only ever says what other features mean."""
SUDDEN = ("sudden_0", "sudden_1")
"""``PopularityModel.sudden``, the freshest first."""
SEASONAL = ("age", "trend", *SUDDEN, "popularity", "popularity_share", "overall", "owners")
DRIFTING = CALENDAR.union(SEASONAL, ("rank_trend", "rank_arrivals", "rank_popularity"))
"""What the season makes of an item: it may mean something else after the split than before."""
FINE = frozenset(("steady", "units", "usual", "taken", "used_up", "pause", "paused", "paid_share", *SUDDEN))
"""What tells candidates apart only a little: it takes many moments to learn how much."""
CENT = np.float32(0.01)
"""No price is taken for less."""


def describe(signals: Signals, catalogue: Catalogue, candidates: Candidates) -> dict[str, Column]:
    """Return a column (n,) a feature, by name; NaN where a source cannot say."""
    columns: dict[str, Column] = {f"rank_{name}": rank for name, rank in candidates.ranks.items()}
    columns["fused"] = candidates.fused
    columns |= _sparse(signals.sparse, candidates)
    columns |= {name: _dense(scores, candidates) for name, scores in signals.dense.items()}
    columns["in_category"] = signals.models.popularity.within(signals.affinity, candidates.customer, candidates.item)
    columns |= _habits(signals, catalogue.price, candidates)
    columns |= signals.models.content.match(signals.profiles, candidates.customer, candidates.item)
    columns |= _item(signals, catalogue, candidates)
    columns |= _match(signals, catalogue, candidates)
    columns |= _customer(signals, candidates)
    columns |= _calendar(signals.queries.now, candidates.customer)
    columns |= {f"{name}_share": _share(columns[name], candidates) for name in RELATIVE if name in columns}
    return columns


def _sparse(stack: Stack, candidates: Candidates) -> dict[str, Column]:
    """Return (n,) by signal what it says of the candidates; NaN where it says nothing."""
    indptr, table = candidates.indptr, stack.table
    turn = np.arange(len(candidates.item)) - indptr[candidates.customer] + 1
    number = np.zeros(candidates.shape, np.min_scalar_type(int(turn.max(initial=0))))
    number[candidates.customer, candidates.item] = turn
    size = np.diff(table.indptr)
    place = number.ravel()[np.repeat(stack.customer * candidates.shape[1], size) + table.indices]
    found = np.flatnonzero(place)
    row = np.searchsorted(table.indptr, found, side="right") - 1
    columns = np.full((len(stack.names), len(candidates.item)), np.nan, np.float32)
    columns[row // stack.customers, indptr[stack.customer[row]] + place[found] - 1] = table.data[found]
    return dict(zip(stack.names, columns, strict=True))


def _dense(scores: NDArray[np.float32], candidates: Candidates) -> Column:
    """Return (n,) the scores of the candidates; NaN where the item is beyond the matrix."""
    customer, item = candidates.customer, candidates.item
    inside = item < scores.shape[1]
    return np.where(inside, scores[customer, np.where(inside, item, 0)], np.nan) if scores.size else _none(item)


def _none(like: NDArray[np.generic]) -> Column:
    return np.full(len(like), np.nan, np.float32)


def _at(values: NDArray[np.generic], place: NDArray[np.integer]) -> Column:
    """Return ``values[place]``, NaN where the place is −1 or beyond the values."""
    if not len(values):
        return _none(place)
    inside = (place >= 0) & (place < len(values))
    return np.where(inside, values[np.where(inside, place, 0)], np.nan).astype(np.float32)


def _habits(signals: Signals, prices: Column, candidates: Candidates) -> dict[str, Column]:
    habits: Habits = signals.habits
    item = candidates.item
    place = habits.places(candidates.customer, item)
    columns = {name: _at(getattr(habits, name), place) for name in OF_HABITS}
    paid = np.asarray(columns.pop("paid") / np.maximum(prices[item], CENT), np.float32)
    return columns | {
        "due": _at(signals.models.repurchase.due(habits), place),
        "again": _at(signals.models.repurchase.again, item),
        "item_gap": _at(signals.models.repurchase.gap, item),
        "paid_share": paid,
    }


def _item(signals: Signals, catalogue: Catalogue, candidates: Candidates) -> dict[str, Column]:
    popularity, item = signals.models.popularity, candidates.item
    now = signals.queries.now[candidates.customer]
    seen = signals.models.arrivals.first_seen[item]
    known = seen != EARLIEST
    return {
        "overall": _at(popularity.overall, item),
        "popularity": _at(popularity.recent, item),
        "trend": _at(popularity.trend, item),
        **{name: _at(trend, item) for name, trend in zip(SUDDEN, popularity.sudden, strict=False)},
        "owners": _at(popularity.owners, item),
        "age": np.where(known, np.log1p(np.maximum(now - np.where(known, seen, now), 0) / DAY), np.nan).astype(
            np.float32
        ),
        "price": np.log1p(catalogue.price[item]),
    }


def _match(signals: Signals, catalogue: Catalogue, candidates: Candidates) -> dict[str, Column]:
    """Return how far the item is from the customer's usual price, and what share of their interest its groups have."""
    steps, customer, item = signals.steps, candidates.customer, candidates.item
    paid = np.log1p(catalogue.price[steps.item])
    known = np.isfinite(paid)
    weight = steps.faded(INTEREST, signals.queries.now)
    total = np.bincount(steps.customer[known], weight[known], minlength=steps.customers)
    level = np.bincount(steps.customer[known], (weight * paid)[known], minlength=steps.customers)
    with np.errstate(invalid="ignore"):
        distance = np.log1p(catalogue.price[item]) - (level / total)[customer]
        columns = {"price_distance": distance.astype(np.float32)}
    groups = {"category_share": catalogue.category, "top_share": catalogue.category_top, "brand_share": catalogue.brand}
    for name, coded in groups.items():
        columns[name] = _group_share(steps, weight, coded.code, len(coded.names), customer, item)
    columns["category_idle"] = _group_idle(steps, catalogue.category, signals.queries.now, customer, item)
    return columns


def _group_idle(
    steps: Trail, coded: Coded, now: NDArray[np.int64], customer: NDArray[np.intp], item: NDArray[np.int32]
) -> Column:
    """Return the days since the customer last turned to the item's group; NaN if never."""
    codes = len(coded.names)
    if not codes:
        return _none(item)
    code = coded.code[steps.item]
    table = np.full((steps.customers, codes), np.nan, np.float32)
    table[steps.customer[code >= 0], code[code >= 0]] = (now[steps.customer] - steps.time)[code >= 0] / DAY
    return np.where(coded.code[item] >= 0, table[customer, coded.code[item]], np.nan).astype(np.float32)


def _group_share(
    steps: Trail,
    weight: Column,
    code: NDArray[np.int32],
    codes: int,
    customer: NDArray[np.intp],
    item: NDArray[np.int32],
) -> Column:
    if not codes:
        return _none(item)
    known = code[steps.item] >= 0
    flat = pairs.keys(steps.customer[known], code[steps.item[known]], codes)
    table = np.bincount(flat, weight[known], minlength=steps.customers * codes).reshape(steps.customers, codes)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-12)
    return np.where(code[item] >= 0, share[customer, code[item]], np.nan).astype(np.float32)


def _customer(signals: Signals, candidates: Candidates) -> dict[str, Column]:
    queries, steps, habits = signals.queries, signals.steps, signals.habits
    turns = np.bincount(steps.customer, minlength=len(queries))
    moments = np.zeros(len(queries))
    moments[steps.customer[::-1]] = steps.back[::-1] + 1
    breadth = np.bincount(habits.customer, minlength=len(queries))
    with np.errstate(invalid="ignore", divide="ignore"):
        repeats = np.bincount(habits.customer, habits.times > 1, minlength=len(queries)) / breadth
        columns = {"history": np.log1p(moments), "breadth": turns / moments, "repeats": repeats}
    return {name: values.astype(np.float32)[candidates.customer] for name, values in columns.items()}


def _calendar(now: NDArray[np.int64], customer: NDArray[np.intp]) -> dict[str, Column]:
    """Return the hour of the day, from 0 to below 24, and the day of the week, 0 on Monday, both in UTC."""
    day, second = np.divmod(now, DAY)
    weekday = (day + 3) % 7  # 1970 began on a Thursday
    return {
        "hour": (second / 3600).astype(np.float32)[customer],
        "weekday": weekday.astype(np.float32)[customer],
    }


def _share(values: Column, candidates: Candidates) -> Column:
    """Return the values as a share of the customer's highest."""
    indptr = candidates.indptr
    filled = np.diff(indptr) > 0
    highest = np.full(len(filled), np.nan, np.float32)
    highest[filled] = np.fmax.reduceat(values, indptr[:-1][filled]) if len(values) else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(values / highest[candidates.customer], np.float32)


def matrix(columns: Mapping[str, Column], names: tuple[str, ...], rows: int) -> NDArray[np.float32]:
    """Return (n × F) the columns of these ``names``, NaN for a name that nothing computed."""
    table = np.full((rows, len(names)), np.nan, np.float32)
    for place, name in enumerate(names):
        if name in columns:
            table[:, place] = columns[name]
    return table

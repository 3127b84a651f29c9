"""A shop of two tastes: even customers buy even items, odd customers odd ones, and everybody has one gap to fill."""

import numpy as np
from scipy.sparse import csr_array

from recommender.dataset import Dataset
from recommender.ids import IdMap
from recommender.values import EventType, Histories, Queries
from tests.recommender.little_shop import catalogue

ITEMS, CUSTOMERS, DAY = 8, 16, 86_400


def histories(rows: list[list[tuple[int, int]]], event: EventType = EventType.PURCHASE) -> Histories:
    """Return histories of (item, day) pairs, oldest first."""
    flat = [pair for row in rows for pair in row]
    size = len(flat)
    return Histories(
        np.cumsum([0, *map(len, rows)]).astype(np.int64),
        np.array([item for item, _ in flat], np.int32).reshape(size),
        np.full(size, event, np.int8),
        np.array([day * DAY for _, day in flat], np.int64).reshape(size),
        np.ones(size, np.float32),
        np.full(size, np.nan, np.float32),
    )


def missing(customer: int) -> int:
    """Return the item of the customer's own colour that they have not bought."""
    return customer % 2 + 2 * (customer // 2 % (ITEMS // 2))


def dataset() -> Dataset:
    """Return sixteen customers who each bought three of the four items of their colour."""
    rows = [
        [(item, day) for day, item in enumerate(range(customer % 2, ITEMS, 2), 1) if item != missing(customer)]
        for customer in range(CUSTOMERS)
    ]
    shop = catalogue(
        [
            {"item_id": f"i{row}", "tags": ["odd" if row % 2 else "even"], "category": "A", "first_seen": row * DAY}
            for row in range(ITEMS)
        ]
    )
    users = IdMap.of(f"u{row:02}" for row in range(CUSTOMERS))
    return Dataset(users, histories(rows), shop, csr_array((CUSTOMERS, 2), dtype=np.float32))


def ask(log: Histories, *, items: int = ITEMS, tags: int = 2, now: int = 10 * DAY) -> Queries:
    """Return one question for each of ``log``, without anchors and tags."""
    size = len(log)
    return Queries(
        log,
        np.full(size, now, np.int64),
        csr_array((size, items), dtype=np.float32),
        csr_array((size, tags), dtype=np.float32),
    )

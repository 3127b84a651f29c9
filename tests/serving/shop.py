"""A shop small enough to know by heart, and a service over it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.build import build_dataset
from features.tables import TIME, Tables
from recommender.bundle import Bundle
from recommender.config import Config
from recommender.times import DAY
from serving.services import Services
from training.job import fit
from training.registry import Registry

NOW = 1_767_225_600
"""2026-01-01T00:00:00Z."""
CAMPING = ["tent", "stove", "lamp", "mat", "rope", "axe"]
KITCHEN = ["pan", "pot", "cup", "bowl", "fork", "whisk"]


@contextmanager
def running(services: Services) -> Iterator[Services]:
    """End in the background, too, what a test built."""
    try:
        yield services
    finally:
        services.stop()


def tables() -> Tables:
    """Return forty customers, of whom half buy for the camp and half for the kitchen."""
    rng = np.random.default_rng(7)
    rows = []
    for customer in range(40):
        goods = CAMPING if customer % 2 == 0 else KITCHEN
        for visit in range(6):
            for item in rng.choice(goods, 2, replace=False):
                rows.append((f"u{customer}", str(item), NOW - DAY * (40 - 6 * visit) - customer))
    users, items, times = zip(*rows, strict=True)
    events = pa.table(
        {
            "event_id": [f"e{n}" for n in range(len(rows))],
            "user_id": users,
            "item_id": items,
            "event": ["purchase"] * len(rows),
            "timestamp": pa.array([datetime.fromtimestamp(t, UTC) for t in times], TIME),
            "price": [2.0] * len(rows),
        }
    )
    catalogue = pa.table(
        {
            "item_id": CAMPING + KITCHEN,
            "title": [f"The {item}" for item in CAMPING + KITCHEN],
            "category": ["Outdoor > Camping"] * 6 + ["Home > Kitchen"] * 6,
            "tags": [["camping"]] * 6 + [["cooking"]] * 6,
            "price": [str(10 * (n + 1)) for n in range(12)],
        }
    )
    return Tables.of(events, catalogue)


def bundle(config: Config | None = None, now: int = NOW) -> Bundle:
    """Return the shop's trained bundle."""
    settings = config or Config()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # implicit warns of forms that it converts by itself
        return fit(build_dataset(tables(), settings), settings, now=now, progress=lambda *_: None)


def publish(data: Path, trained: Bundle) -> None:
    """Publish a bundle in the shop ``main`` of the data folder."""
    registry = Registry(data / "main" / "bundles")
    registry.add(trained)
    registry.publish(trained.info.bundle_id)

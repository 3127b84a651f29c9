"""A made-up shop: households that buy staples again and again, and things for their hobby now and then."""

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from features.build import build_dataset
from features.tables import Tables
from recommender.bundle import Bundle
from recommender.config import CollaborativeSettings, Config, RankerSettings
from training.job import Fitted, fit_and_hold

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
HOBBIES = ("camping", "cooking", "cycling", "painting")
CONFIG = Config(
    collaborative=CollaborativeSettings(factors=8, iterations=3), ranker=RankerSettings(trees=20, candidates=60)
)


def shop_tables(customers: int = 80, days: int = 90, seed: int = 3) -> Tables:
    """Return what the shop's customers bought; the same seed gives the same shop."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, datetime]] = []
    for customer in range(customers):
        hobby = HOBBIES[customer % len(HOBBIES)]
        staples = rng.choice(10, 3, replace=False)
        for day in np.sort(rng.choice(days, 12, replace=False)):
            when = BEGINNING + timedelta(days=int(day), hours=10, seconds=customer)
            rows += [(f"u{customer}", f"staple-{one}", when) for one in staples if rng.random() < 0.7]
            rows.append((f"u{customer}", f"{hobby}-{rng.integers(12)}", when))
    user, item, time = zip(*rows, strict=True)
    events = pa.table(
        {
            "event_id": [str(at) for at in range(len(rows))],
            "user_id": user,
            "item_id": item,
            "timestamp": time,
            "event": ["purchase"] * len(rows),
        }
    )
    return Tables.of(events, _items())


def _items() -> pa.Table:
    names = [f"staple-{at}" for at in range(10)] + [f"{hobby}-{at}" for hobby in HOBBIES for at in range(14)]
    kinds = [name.rsplit("-", 1)[0] for name in names]
    return pa.table({"item_id": names, "category": kinds, "tags": [[kind] for kind in kinds]})


@cache
def tiny_run() -> Fitted:
    """Return a training run over the shop, done once a test run."""
    dataset = build_dataset(shop_tables(), CONFIG)
    return fit_and_hold(dataset, CONFIG, now=int(BEGINNING.timestamp()), progress=lambda *_: None)


def tiny_bundle() -> Bundle:
    """Return the bundle of ``tiny_run``."""
    return tiny_run().bundle

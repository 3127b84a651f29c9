"""Lists for whole audiences: customers a second, and the time over that of the two parts nobody can leave out."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.live import FACTORS
from benchmarks.measured import Measured
from benchmarks.stage import Stage
from examples.demo import tagalong
from recommender.bundle import Bundle
from recommender.bundle_io import load
from recommender.policy import Rules
from recommender.ranking import ranked
from recommender.values import Queries
from training.audience import gather
from training.batch import BatchRequest, ask_for, in_blocks
from training.registry import bundle_folder

CUSTOMERS, BLOCK = 512, 64
"""So many customers are timed part by part, on one thread; all are timed through the command."""


def measure(stage: Stage) -> list[Measured]:
    """Return the speed of ``tagalong recommend`` and the pipeline's time over its two parts."""
    return [_command(stage), _parts(load(bundle_folder(stage.shop / "bundles")), stage.users()[:CUSTOMERS])]


def _command(stage: Stage) -> Measured:
    users = stage.users()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "users.csv"
        file.write_text("\n".join(["user_id", *users]))
        call = tagalong(
            "recommend", "--bundle", stage.shop / "bundles", "--users", file, "--out", file.with_name("o.csv")
        )
        took = _seconds(lambda: subprocess.run(call, check=True))
    parts = f"{len(users):,} customers in {took:.1f} s, start and files included"
    return Measured("tagalong recommend", len(users) / took, "customers/s", 500, at_least=True, parts=parts)


def _parts(bundle: Bundle, users: list[str]) -> Measured:
    queries = gather(bundle, users, None).queries(bundle.info.data_until + 1)
    what = ask_for(bundle, "home")
    with threadpool_limits(1):
        whole = _seconds(lambda: list(in_blocks(bundle, what, queries, processes=1)))
        product = _seconds(lambda: _products(len(bundle.catalogue), len(users)))
        predict = _predictions(bundle, what, queries)
    parts = (
        f"{whole:.2f} s over {product:.2f} s (product) + {predict:.2f} s (ranker), {len(users)} customers, one thread"
    )
    return Measured("lists for an audience", whole / (product + predict), "× product + ranker", 2.5, parts=parts)


def _products(items: int, customers: int) -> None:
    rng = np.random.default_rng(0)
    factors, tastes = rng.random((items, FACTORS), np.float32), rng.random((customers, FACTORS), np.float32)
    for at in range(0, customers, BLOCK):
        tastes[at : at + BLOCK] @ factors.T


def _predictions(bundle: Bundle, what: BatchRequest, queries: Queries) -> float:
    total = 0.0
    for at in range(0, len(queries), BLOCK):
        part = queries.take(np.arange(at, min(at + BLOCK, len(queries))))
        found = ranked(bundle, what.placement, part, Rules.none(len(part), len(bundle.catalogue), what.count))
        ranker = found.ranker
        if ranker is not None:
            total += _seconds(lambda ranker=ranker, found=found: ranker.predict(found.features))  # type: ignore[misc]
    return total


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

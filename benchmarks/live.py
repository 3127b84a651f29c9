"""The time of a live answer to one client, next to the one dense factor product that it contains."""

import json
from collections import Counter
from statistics import median
from time import perf_counter, sleep, time_ns

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.client import latencies, post
from benchmarks.measured import Measured
from benchmarks.stage import PORT, Stage, service

REQUESTS, RATE, WARM = 1_000, 30.0, 50
FACTORS = 64


def measure(stage: Stage) -> list[Measured]:
    """Return the median over the product's time, and the 99th percentile; each request is another customer's."""
    users, items = stage.users(), len(stage.items())
    fresh = {"placement": "home", "exclude_item_ids": [f"never cached {time_ns()}"]}
    requests = [post("/v1/recommendations", fresh | {"user_id": user}) for user in users]
    with service(stage, workers=2):
        latencies(PORT, requests[:WARM], RATE)
        before = dense_product(items)
        took, answers = latencies(PORT, requests[WARM : WARM + REQUESTS], RATE)
        product = median([before, dense_product(items)])
    served = Counter(json.loads(answer)["served_by"] for answer in answers)
    if served["live"] < 0.99 * len(answers):
        raise RuntimeError(f"answers were not live: {served}")
    half, worst = np.percentile(took, [50, 99]) * 1e3
    parts = f"{half:.1f} ms over {product * 1e3:.2f} ms"
    return [
        Measured(f"live answer, {items:,} items: median", half / product / 1e3, "× dense product", 8, parts=parts),
        Measured(f"live answer, {items:,} items: p99", float(worst), "ms", 25, parts=f"{len(took):,} at {RATE:.0f}/s"),
    ]


def dense_product(items: int, times: int = 100) -> float:
    """Return the median seconds of one (N × 64) · (64) product on one thread, at the pace of the requests.

    Between two of them a processor slows down and forgets; back to back, the same product takes half as long.
    """
    rng = np.random.default_rng(0)
    factors, customer = rng.random((items, FACTORS), np.float32), rng.random(FACTORS, np.float32)
    took = []
    with threadpool_limits(1):
        for _ in range(times):
            sleep(1 / RATE)
            began = perf_counter()
            factors @ customer
            took.append(perf_counter() - began)
    return median(took)

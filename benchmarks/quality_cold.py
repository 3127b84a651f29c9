"""The cold rows of docs/quality.md: items without events, and customers of whom little is known, next to popularity."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from benchmarks.quality_fits import SEED
from recommender import pairs
from recommender.bundle import Bundle
from recommender.config import Config
from recommender.dataset import Dataset
from recommender.values import Queries
from training.heldout import Heldout
from training.report import Row, Task
from training.study import Plan, cold_items, declared_only, few_events

MOST = 10_000
"""Customers who are asked, at most."""
DECLARED = 3
"""Tags that stand for declared ones."""


def cold_customers(bundle: Bundle, heldout: Heldout, cuts: Sequence[int], *, repeat: bool) -> list[Row]:
    """Return the rows of customers; those who declare tags are left out where there are none."""
    plan = Plan("temporal", None, tuple(cuts), MOST)
    task: Task = "next" if repeat else "discovery"
    asked = _some(heldout)
    rows = few_events(asked, bundle, plan, task)
    if bundle.catalogue.tags.nnz:
        rows += declared_only(_declaring(asked, bundle), bundle, plan, task)
    return rows


def new_items(whole: Dataset, heldout: Heldout, cuts: Sequence[int]) -> list[Row]:
    """Return the rows of items without events; none where no tag tells anything of them."""
    if not whole.catalogue.tags.nnz:
        return []
    plan = Plan("temporal", None, tuple(cuts), MOST)
    return cold_items(whole, int(heldout.queries.now.max()), _some(heldout), Config(seed=SEED), plan)


def _some(heldout: Heldout) -> Heldout:
    return heldout.take(np.sort(np.random.default_rng(SEED).permutation(len(heldout))[:MOST]))


def question(whole: Dataset, rows: NDArray[np.int32], truth: csr_array, owned: csr_array) -> Heldout:
    """Return the question that all systems are asked as the study wants it: at the second after the last event."""
    histories = whole.histories.take(rows.astype(np.intp))
    items, tags = len(whole.catalogue), csr_array((len(histories), len(whole.catalogue.tag_names)), dtype=np.float32)
    queries = Queries.about_nothing(histories, int(whole.histories.time.max()) + 1, tags, items)
    return Heldout(queries, truth, csr_array(owned[:, :items]))


def _declaring(asked: Heldout, bundle: Bundle) -> Heldout:
    """Let customers declare the tags that mark what they had most: how often, times how rare (tf-idf)."""
    tags = csr_array(bundle.catalogue.tags)
    spread = np.bincount(tags.indices, minlength=tags.shape[1])
    rarity = np.log(tags.shape[0] / np.maximum(spread, 1))
    marks = csr_array((asked.owned.astype(np.float32) @ tags) @ diags_array(rarity))
    customer = pairs.rows(marks)
    order = np.lexsort((marks.indices, -marks.data, customer))
    first = order[np.arange(len(order)) - marks.indptr[customer] < DECLARED]
    cells = (customer[first], marks.indices[first])
    declared = csr_array((np.ones(len(first), np.float32), cells), shape=marks.shape)
    return replace(asked, queries=replace(asked.queries, tags=declared))

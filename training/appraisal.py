"""What a training run measures on its own held-out customers: its manifest's figures, by which the gate decides."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.interactions import interactions
from recommender import pairs
from recommender.bundle import Bundle
from recommender.config import Exclusions
from recommender.policy import always_eligible
from recommender.values import Queries
from training.baselines import EVERY, Fit, list_best
from training.batch import BatchRequest, ask_for, lists, owned_by
from training.evaluation import Lists, Yardstick, summary, values
from training.heldout import Heldout
from training.metrics import PerCustomer
from training.report import OURS, TASKS, Task
from training.split import LabelledQueries

CUT = 10
MOST = 2_000
"""Held-out customers that are asked: enough for intervals of about 0.01, few enough to cost seconds."""
FIGURES = tuple(f"{name}@{CUT}" for name in ("HR", "R", "NDCG"))
RIVAL = "current bundle"


def appraise(
    past: Bundle, asked: LabelledQueries, *, rival: Bundle | None = None, fits: Mapping[str, Fit] = EVERY
) -> dict[str, Any]:
    """Return what ``past``, fitted before the held-out moments ``asked``, and the baselines ``fits`` reach on them.

    ``rival`` is measured beside them unless it has seen some of these moments. ``against`` holds how far ``past`` is
    above each of the others, customer by customer, with an interval so wide that chance takes one time in twenty for
    being behind any of them.
    """
    seed = past.info.config.seed
    heldout = drawn(asked, seed)
    if not len(heldout):
        return {}
    yardstick = Yardstick(heldout, past.catalogue, share(past), (CUT,), seed)
    systems = {OURS: ours(past, heldout.queries, CUT), **baselines(past, heldout, CUT, fits)}
    if rival is not None and rival.info.data_until < int(heldout.queries.now.min()):
        systems[RIVAL] = as_rows_of(past, rival, ours(rival, asked_of(rival, past, heldout.queries), CUT))
    return {
        "held_out": {"from": int(heldout.queries.now.min()), "customers": len(heldout)},
        **{task: _task(systems, yardstick, task) for task in TASKS},
    }


def drawn(asked: LabelledQueries, seed: int) -> Heldout:
    """Return at most ``MOST`` of the moments, drawn with ``seed``."""
    some = asked.take(np.sort(np.random.default_rng(seed).permutation(len(asked))[:MOST]))
    return Heldout(some.queries, some.truth, some.owned)


def ours(bundle: Bundle, queries: Queries, count: int) -> Lists:
    """Return our home page's lists, with what was had and without.

    Nothing else is excluded, not even what lies in the cart, and nothing pinned: every system is measured behind the
    same masks, and by its own choice.
    """
    allowed = lists(bundle, _open(ask_for(bundle, "home", count=count, repeat=True)), queries)
    fresh = unseen(bundle, queries, count)
    return Lists(allowed.rows, fresh.fresh, allowed.source, fresh.fresh_source)


def unseen(bundle: Bundle, queries: Queries, count: int) -> Lists:
    """Return our home page's lists without what was had, for both kinds."""
    fresh = lists(bundle, _open(ask_for(bundle, "home", count=count, repeat=False)), queries)
    return Lists(fresh.rows, fresh.rows, fresh.source, fresh.source)


def _open(what: BatchRequest) -> BatchRequest:
    nothing = Exclusions(in_cart=False, refunded_or_disliked=False)
    return replace(what, placement=what.placement.model_copy(update={"exclude": nothing, "pins": ()}))


def baselines(past: Bundle, heldout: Heldout, count: int, fits: Mapping[str, Fit]) -> dict[str, Lists]:
    """Return the lists of each baseline, fitted on what all customers of ``past`` did."""
    config, items = past.info.config, len(past.catalogue)
    everybody = interactions(past.histories, items, config.events)
    eligible = always_eligible(past.catalogue, int(heldout.queries.now.max()))
    done = interactions(heldout.queries.histories, items, config.events, heldout.queries.now)
    found = {}
    for name, fit in fits.items():
        score = fit(everybody, config.seed)
        found[name] = Lists(
            list_best(score, done, eligible, None, count), list_best(score, done, eligible, heldout.owned, count)
        )
    return found


def share(past: Bundle) -> NDArray[np.float64]:
    """Return (N,) the share of customers who had each item."""
    return np.bincount(owned_by(past, past.histories).indices, minlength=len(past.catalogue)) / max(len(past.users), 1)


def asked_of(rival: Bundle, past: Bundle, queries: Queries) -> Queries:
    """Return the same questions in the rows of ``rival``; what it does not know is left out."""
    item = rival.catalogue.items.rows(past.catalogue.items)
    known = item[queries.histories.item] >= 0
    histories = queries.histories.where(known)
    moved = replace(histories, item=item[histories.item])
    tag = rival.catalogue.tag_names.rows(past.catalogue.tag_names)
    tags = _moved(queries.tags, tag, len(rival.catalogue.tag_names))
    return Queries.about_nothing(moved, queries.now, tags, len(rival.catalogue))


def as_rows_of(past: Bundle, rival: Bundle, found: Lists) -> Lists:
    """Return the lists of ``rival`` in the rows of ``past``; items that it does not know become −1."""
    row = np.append(past.catalogue.items.rows(rival.catalogue.items), np.int32(-1))
    return Lists(row[found.allowed], row[found.fresh])


def _moved(matrix: csr_array, column: NDArray[np.int32], columns: int) -> csr_array:
    at = pairs.rows(matrix)
    known = column[matrix.indices] >= 0
    cells = (at[known], column[matrix.indices][known])
    return csr_array((matrix.data[known], cells), shape=(matrix.shape[0], columns))


def _task(systems: Mapping[str, Lists], yardstick: Yardstick, task: Task) -> dict[str, Any]:
    found = {name: values(one, yardstick, task)[1] for name, one in systems.items()}
    if not len(found[OURS][FIGURES[0]]):
        return {}
    asked = int(np.isfinite(found[OURS][FIGURES[0]]).sum())
    others = {name: _above(found[OURS], one) for name, one in found.items() if name != OURS}
    return {
        "customers": asked,
        "figures": {name: _plain(one, yardstick.seed) for name, one in found.items()},
        "against": {name: _plain(above, yardstick.seed, len(others)) for name, above in others.items()},
    }


def _above(ours: PerCustomer, theirs: PerCustomer) -> PerCustomer:
    """Return by how much we are above, customer by customer: the interval of a difference is of their pairs."""
    return {figure: ours[figure] - theirs[figure] for figure in FIGURES}


def _plain(found: PerCustomer, seed: int, comparisons: int = 1) -> dict[str, dict[str, float]]:
    figures = summary({figure: found[figure] for figure in FIGURES}, seed, comparisons)
    return {name: {part: round(value, 6) for part, value in asdict(one).items()} for name, one in figures.items()}

"""The two stages joined: sources propose, and the ranker scores what they proposed."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommender import pairs
from recommender.bundle import Bundle
from recommender.candidates import SMOOTH, Allowed, Candidates, merge
from recommender.config import Placement
from recommender.policy import Rules
from recommender.ranker import Ranker
from recommender.ranker_features import describe, matrix
from recommender.scorer import jitter
from recommender.signals import BESIDE, RETRIEVAL, Signals, ask_sources
from recommender.times import DAY
from recommender.values import Queries

TIE = np.float32(1e-4)
"""What full agreement of the sources is worth, in the ranker's scores."""
QUOTA = 1.2
"""One signal may propose more than are kept: the deeper each is heard, the better the cut where they agree."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The candidates of B customers with their scores."""

    signals: Signals
    candidates: Candidates
    ranker: Ranker | None
    features: NDArray[np.float32]
    """(n × F) in the order of the ranker's names; without a ranker (n × 0)."""
    score: NDArray[np.float32]
    """(n,) of the ranker; without one, higher for what the placement's first sources put first."""


def ranked(
    bundle: Bundle, placement: Placement, queries: Queries, rules: Rules, always: NDArray[np.int32] | None = None
) -> Ranked:
    """Return the allowed candidates of B customers, scored; items ``always`` (k,) are among them where allowed."""
    ranker, signals = _asked(bundle, placement, queries)
    allowed = allowed_by(queries, rules)
    most = max(bundle.info.config.ranker.candidates, rules.count)
    quota = max(int(most * QUOTA), rules.count)
    proposals = gather(signals, placement.sources, allowed, quota, is_ranked=ranker is not None)
    candidates = merge(proposals, allowed.table.shape, most)
    if always is not None:
        candidates = _with(proposals, candidates, allowed, always)
    return _scored(bundle, ranker, placement, signals, candidates)


def ranked_given(
    bundle: Bundle, placement: Placement, queries: Queries, rules: Rules, items: NDArray[np.int32]
) -> Ranked:
    """Return the ``items`` (k,) as every customer's candidates, scored; 0 where nothing can say more."""
    ranker, signals = _asked(bundle, placement, queries)
    allowed = allowed_by(queries, rules)
    quota = int(bundle.info.config.ranker.candidates * QUOTA)
    proposals = gather(signals, placement.sources, allowed, quota, is_ranked=ranker is not None)
    candidates = merge(proposals, allowed.table.shape, 0)
    given = _with(proposals, candidates, allowed.everything(), items)
    found = _scored(bundle, ranker, placement, signals, given)
    return replace(found, score=np.where(np.isfinite(found.score), found.score, np.float32(0)))


def _asked(bundle: Bundle, placement: Placement, queries: Queries) -> tuple[Ranker | None, Signals]:
    about_nothing = placement.ranker == "anchored" and not queries.anchors.nnz  # items that nobody knows
    name = "home" if about_nothing else placement.ranker
    ranker = bundle.rankers.get(name) if name else None
    return ranker, ask_sources(bundle.models, within_horizon(queries, bundle.info.data_until, ranker))


def within_horizon(queries: Queries, data_until: int, ranker: Ranker | None) -> Queries:
    """Return the queries with each clock no further beyond the customer's last event than the ranker has seen.

    A clock long after the data would make every habit overdue and every customer lost.
    """
    if ranker is None or not np.isfinite(ranker.horizon):
        return queries
    indptr, time = queries.histories.indptr, queries.histories.time
    last = np.append(time, 0)[np.maximum(indptr[1:] - 1, 0)]
    last = np.where(np.diff(indptr) > 0, last, data_until)
    return replace(queries, now=np.minimum(queries.now, last + int(ranker.horizon * DAY)))


def allowed_by(queries: Queries, rules: Rules) -> Allowed:
    """Return what the rules leave to each customer; the items that the page is about are not shown on it."""
    return Allowed.of(rules.eligible, rules.excluded, queries.anchors)


def gather(
    signals: Signals, sources: tuple[str, ...], allowed: Allowed, quota: int, *, is_ranked: bool = True
) -> dict[str, NDArray[np.int32]]:
    """Return each signal's (B × quota) proposals, best first; where no ranker is, of the signals that decide then."""
    table = BESIDE if signals.queries.anchors.nnz else {}
    proposing = {source: RETRIEVAL[source] if is_ranked else _leading(source) for source in sources}
    names = [name for source in sources for name in (*proposing[source], *table.get(source, ()))]
    return signals.proposed(names, allowed, quota)


def _leading(source: str) -> tuple[str, ...]:
    """Return the signals of a source whose order decides where no ranker does, beside those about the page's items."""
    return RETRIEVAL[source][:1]


def _with(
    proposals: dict[str, NDArray[np.int32]], candidates: Candidates, allowed: Allowed, items: NDArray[np.int32]
) -> Candidates:
    """Return the candidates and, for every customer to whom they are open, ``items`` with the ranks that they have."""
    size = len(allowed.table)
    rows = np.where(allowed.table[:, items], items, -1).astype(np.int32)
    whole = merge(
        proposals | {"given": np.concatenate([rows, np.full((size, 1), -1, np.int32)], axis=1)}, candidates.shape, 10**9
    )
    chosen = np.isfinite(whole.ranks["given"])
    known = pairs.keys(candidates.customer, candidates.item, candidates.shape[1])
    chosen |= np.isin(pairs.keys(whole.customer, whole.item, candidates.shape[1]), known)
    ranks = {name: rank[chosen] for name, rank in whole.ranks.items() if name != "given"}
    fused = np.sum([np.nan_to_num(1 / (SMOOTH + rank)) for rank in ranks.values()], axis=0)
    return Candidates(
        candidates.shape, whole.customer[chosen], whole.item[chosen], ranks, np.asarray(fused, np.float32)
    )


def _scored(
    bundle: Bundle, ranker: Ranker | None, placement: Placement, signals: Signals, candidates: Candidates
) -> Ranked:
    if ranker is None:
        score = _by_source(placement.sources, candidates)
        return Ranked(signals, candidates, None, np.zeros((len(score), 0), np.float32), score)
    columns = describe(signals, bundle.catalogue, candidates)
    features = matrix(columns, ranker.features, len(candidates.item))
    score = ranker.predict(features) + TIE * _agreed(candidates) + 1e-6 * jitter(candidates.item)
    return Ranked(signals, candidates, ranker, features, score.astype(np.float32))


def _agreed(candidates: Candidates) -> NDArray[np.float32]:
    """Return (n,) in [0, 1] how much the sources agree on each candidate: it decides where the ranker cannot tell.

    A ranker that learned from little, or that meets a customer of a kind it never saw, gives many items one score.
    """
    return np.asarray(candidates.fused / max(float(candidates.fused.max(initial=0)), 1e-12), np.float32)


def _by_source(sources: tuple[str, ...], candidates: Candidates) -> NDArray[np.float32]:
    """Return scores in (0, 1] that keep the first source's order, then the second's, and so on.

    What a source says of the items that the page is about goes before what it says of the customer.
    """
    place = np.full(len(candidates.item), np.inf, np.float32)
    offset = 0.0
    for source in sources:
        for name in (*BESIDE.get(source, ()), *_leading(source)):
            rank = candidates.ranks.get(name, np.full(len(place), np.nan, np.float32))
            place = np.fmin(place, rank + np.float32(offset))
            offset += 1 + float(np.nanmax(rank, initial=0))
    return np.where(np.isfinite(place), 1 / (1 + place), -np.inf).astype(np.float32)

"""Learn how to merge the sources: LambdaMART and a linear order compete on customers held out from both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

from recommender.bundle import Bundle
from recommender.candidates import Candidates, merge
from recommender.config import RankerSettings
from recommender.evidence import DRIFTING, FALLING, RISING, evidence
from recommender.ids import Texts
from recommender.policy import Rules
from recommender.ranker import LAMBDAMART, LINEAR, Ranker, linear
from recommender.ranking import QUOTA, allowed_by, gather
from recommender.signals import listen
from training.split import Questions

BLOCK = 64
LAMBDAMART_PARAMETERS = {
    "metric": "ndcg",
    "eval_at": [10],
    "learning_rate": 0.05,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 127,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
SHARP = {"objective": "lambdarank", "lambdarank_truncation_level": 20, "min_data_in_leaf": 100}
"""NDCG itself (LambdaMART; Burges 2010): the most from few and short truths."""
SMOOTH = {"objective": "rank_xendcg", "min_data_in_leaf": 300, "num_leaves": 15}
"""The cross entropy of rankings (XE-NDCG; Bruch 2021): steadier where a truth is a whole basket."""
MARGIN = 0.05
"""By what share drifting features must gain on the held-out moments, which lie in the same season as the lessons."""
PATIENCE = 60
"""Trees without a gain on the held-out moments before boosting stops."""
ENOUGH = 400_000
"""Candidates: more make a ranker slower to learn and no better."""
FEWEST = 50
"""Customers with a hit among their candidates; a ranker is not learned from fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """The candidates of Q moments with what is known of them, moment by moment; only moments with a hit."""

    names: tuple[str, ...]
    features: NDArray[np.float32]
    """(n × F)."""
    hit: NDArray[np.bool_]
    """(n,)"""
    group: NDArray[np.int64]
    """(G,) how many candidates each moment has."""
    truths: NDArray[np.float32]
    """(G,) how many items each moment's truth has."""
    held: NDArray[np.bool_]
    """(G,) moments of customers held out for choosing."""


NOTHING = Lessons(
    (),
    np.zeros((0, 0), np.float32),
    np.zeros(0, np.bool_),
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
    np.zeros(0, np.bool_),
)


def lessons(
    bundle: Bundle,
    sources: tuple[str, ...],
    asked: Questions,
    held: NDArray[np.bool_],
    *,
    exclude_had: bool,
    jobs: int = 2,
) -> Lessons:
    """Let the sources of ``bundle``, fitted on the past of the split, propose and describe candidates.

    The moments are taken in their order until there are ``ENOUGH`` candidates.
    """
    parts = [np.arange(at, min(at + BLOCK, len(asked))) for at in range(0, len(asked), BLOCK)]
    found = [NOTHING]
    for some in batched(parts, 4 * jobs):
        tasks = (delayed(_block)(bundle, sources, asked.take(part), held[part], exclude_had) for part in some)
        found.extend(Parallel(n_jobs=jobs, prefer="threads")(tasks))
        if sum(len(part.hit) for part in found) >= ENOUGH:
            break
    return joined(found)


def batched(parts: list[NDArray[np.intp]], most: int) -> Iterator[list[NDArray[np.intp]]]:
    """Yield the parts, ``most`` at a time."""
    for at in range(0, len(parts), most):
        yield parts[at : at + most]


def joined(parts: list[Lessons]) -> Lessons:
    """Return the lessons of several windows as one."""
    some = [part for part in parts if len(part.group)]
    if not some:
        return NOTHING
    columns = zip(*((p.features, p.hit, p.group, p.truths, p.held) for p in some), strict=True)
    return Lessons(some[0].names, *(np.concatenate(column) for column in columns))


def _block(
    bundle: Bundle, sources: tuple[str, ...], asked: Questions, held: NDArray[np.bool_], exclude_had: bool
) -> Lessons:
    items = len(bundle.catalogue)
    rules = Rules.none(len(asked), items, 1)
    rules = replace(rules, excluded=asked.had.astype(np.bool_)) if exclude_had else rules
    signals = listen(bundle.models, asked.queries)
    most = bundle.info.config.ranker.candidates
    allowed = allowed_by(asked.queries, rules)
    candidates = merge(gather(signals, sources, allowed, int(most * QUOTA)), allowed.table.shape, most)
    hit = _hits(candidates, asked.truth)
    answered = np.bincount(candidates.customer, hit, minlength=len(asked)) > 0
    keep = answered[candidates.customer]
    if not keep.any():
        return NOTHING
    candidates = candidates.where(keep)
    columns = evidence(signals, bundle.catalogue, candidates)
    return Lessons(
        tuple(columns),
        np.stack(list(columns.values()), axis=1),
        hit[keep],
        np.bincount(candidates.customer, minlength=len(asked))[answered].astype(np.int64),
        np.diff(asked.truth.indptr)[answered].astype(np.float32),
        held[answered],
    )


def _hits(candidates: Candidates, truth: csr_array) -> NDArray[np.bool_]:
    """Return which candidates are in the ``truth`` (Q × N)."""
    customer = np.repeat(np.arange(truth.shape[0], dtype=np.int64), np.diff(truth.indptr))
    wanted = np.sort(customer * truth.shape[1] + truth.indices)
    pairs = candidates.customer * truth.shape[1] + candidates.item
    return np.asarray(np.append(wanted, -1)[np.searchsorted(wanted, pairs)] == pairs)


def fit_ranker(
    learned: Lessons, settings: RankerSettings, horizon: float, seed: int
) -> tuple[Ranker, dict[str, float]]:
    """Return the ranker with the highest NDCG@10 on the held-out moments, and every competitor's figure.

    The fused rank, which needs no learning, competes too, and wins unseen where there is too little to learn from.
    """
    fused = linear(("fused",), np.ones(1, np.float32), horizon)
    if len(learned.group) < FEWEST or not learned.held.any() or learned.held.all():
        return fused, {"moments": float(len(learned.group))}
    competitors = {"fused": fused, "linear": _linear(learned, horizon)}
    if settings.kind == "lambdamart":
        competitors["lambdamart"] = _trees(learned, learned.names, SHARP, settings, horizon, seed)
        steady = tuple(name for name in learned.names if name not in DRIFTING)
        competitors["steady"] = _trees(learned, steady, SMOOTH, settings, horizon, seed)
    figures = {name: judged(ranker, learned) for name, ranker in competitors.items()}
    winner = max(figures, key=lambda name: figures[name] * (1 + MARGIN * (name == "steady")))
    return competitors[winner], figures | {"moments": float(len(learned.group))}


def judged(ranker: Ranker, learned: Lessons, k: int = 10) -> float:
    """Return the mean NDCG@k over the held-out moments that have a hit among their candidates."""
    rows = np.repeat(learned.held, learned.group)
    columns = [learned.names.index(name) for name in ranker.features]
    score = ranker.predict(np.ascontiguousarray(learned.features[rows][:, columns]))
    group = np.repeat(np.arange(int(learned.held.sum())), learned.group[learned.held])
    order = np.lexsort((-score, group))
    place = np.arange(len(order)) - np.searchsorted(group, group)
    gain = np.where((place < k) & learned.hit[rows][order], 1 / np.log2(place + 2), 0)
    ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))
    most = np.minimum(learned.truths[learned.held], k).astype(np.intp)
    return float((np.bincount(group, gain) / ideal[most - 1]).mean())


def _trees(
    learned: Lessons,
    names: tuple[str, ...],
    objective: Mapping[str, object],
    settings: RankerSettings,
    horizon: float,
    seed: int,
) -> Ranker:
    """Boost trees over the features ``names``; stop early on the held-out moments."""
    rows = np.repeat(learned.held, learned.group)
    features = learned.features[:, [learned.names.index(name) for name in names]]
    hit = learned.hit.astype(np.float32)
    parameters = {
        **LAMBDAMART_PARAMETERS,
        "num_leaves": settings.leaves,
        **objective,
        "monotone_constraints": [int(name in RISING) - int(name in FALLING) for name in names],
        "seed": seed,
    }
    train = lgb.Dataset(features[~rows], hit[~rows], group=learned.group[~learned.held], feature_name=list(names))
    held = lgb.Dataset(features[rows], hit[rows], group=learned.group[learned.held], reference=train)
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    booster = lgb.train(parameters, train, settings.trees, valid_sets=[held], callbacks=[stop])
    text = booster.model_to_string(num_iteration=booster.best_iteration)
    none = np.zeros(0, np.float32)
    return Ranker(LAMBDAMART, Texts.of(names), np.frombuffer(text.encode(), np.uint8), none, none, none, horizon)


def _linear(learned: Lessons, horizon: float) -> Ranker:
    """Maximise the likelihood of the hits under a softmax over each moment's candidates (ListNet; Cao et al. 2007)."""
    few = np.flatnonzero(~learned.held)[:2000]
    chosen = np.zeros(len(learned.group), np.bool_)
    chosen[few] = True
    features, hit = learned.features[np.repeat(chosen, learned.group)], learned.hit[np.repeat(chosen, learned.group)]
    features = np.where(np.isfinite(features), features, np.nan)
    known = np.isfinite(features).any(axis=0)
    mean = np.where(known, np.nanmean(np.where(known, features, 0), axis=0), 0).astype(np.float32)
    scale = np.where(known, np.nanstd(np.where(known, features, 0), axis=0), 1).astype(np.float32)
    scale = np.where(scale > 1e-6, scale, 1).astype(np.float32)
    table = np.where(np.isfinite(features), (features - mean) / scale, 0).astype(np.float32)
    start = np.concatenate([[0], np.cumsum(learned.group[chosen])[:-1]])
    group = np.repeat(np.arange(len(start)), learned.group[chosen])
    share = hit / np.maximum(np.bincount(group, hit), 1)[group]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = table @ weights.astype(np.float32)
        score = score - np.maximum.reduceat(score, start)[group]
        raised = np.exp(score)
        chance = raised / np.add.reduceat(raised, start)[group]
        likelihood = float((share * np.log(np.maximum(chance, 1e-12))).sum()) / len(start)
        slope = table.T @ (chance - share).astype(np.float32) / len(start) + 0.02 * weights
        return -likelihood + 0.01 * float(weights @ weights), slope.astype(np.float64)

    found = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 60})
    nothing = np.zeros(0, np.uint8)
    return Ranker(LINEAR, Texts.of(learned.names), nothing, found.x.astype(np.float32), mean, scale, horizon)

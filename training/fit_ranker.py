"""Learn how to merge the sources: trees with a network and a linear order compete on customers held out from both."""

from collections.abc import Mapping
from dataclasses import replace

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recommender import pairs
from recommender.config import RankerSettings
from recommender.ids import Texts
from recommender.network import deviations
from recommender.ranker import LAMBDAMART, LINEAR, Ranker, linear
from recommender.ranker_features import CALENDAR, DRIFTING, FALLING, FINE, RISING
from training.fit_network import fit_network, mean_and_scale
from training.listnet import Moments
from training.metrics import discounts
from training.ranking_data import RankingData

BINS = {"max_bin": 127, "min_data_in_leaf": 100, "num_threads": 1, "verbosity": -1}
LAMBDAMART_PARAMETERS = {
    **BINS,
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "metric": "ndcg",
    "eval_at": [10],
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
}
PATIENCE = 40
"""Trees without a gain on the held-out moments before boosting stops."""
MOMENTS_A_TREE = 10
"""Few moments teach few trees: more would only learn them by heart."""
MANY = 1000
"""Moments from which on trees ask for fine features and a network stands beside them; from fewer, both learn too much
by heart."""
GENTLE = 2
"""From fewer than ``MANY``, so many times more trees are learned, by so much smaller and in so much shorter steps."""
HESITANT = 0.1
"""Trees split by the calendar only where it gains ten times as much: many moments share few dates to learn it from."""
SUFFICIENT = 1000
"""Moments, at most and from all times, that a linear order is learned from."""
FEWEST = 50
"""Customers with a hit among their candidates; a ranker is not learned from fewer."""


def fit_ranker(
    learned: RankingData, settings: RankerSettings, horizon: float, seed: int
) -> tuple[Ranker, dict[str, float]]:
    """Return the ranker that is best on the held-out moments, and every competitor's NDCG@10.

    The fused rank, which needs no learning, competes too, and wins unseen where there is too little to learn from.
    Trees are passed over only for what is better beyond chance.
    """
    fused = linear(("fused",), np.ones(1, np.float32), horizon)
    if len(learned.group) < FEWEST or not learned.held.any() or learned.held.all():
        return fused, {"moments": float(len(learned.group))}
    competitors = {"fused": fused, "linear": _linear(learned, horizon)}
    if settings.kind == "lambdamart":
        trees = _lambdamart(learned, settings, horizon, seed)
        competitors["lambdamart"] = beside(trees, learned, seed) if len(learned.group) >= MANY else trees
    found = {name: judged(ranker, learned) for name, ranker in competitors.items()}
    figures = {name: float(one.mean()) for name, one in found.items()}
    return competitors[chosen(found)], figures | {"moments": float(len(learned.group))}


def beside(trees: Ranker, learned: RankingData, seed: int) -> Ranker:
    """Return the ``trees`` with a network whose scores spread as far as theirs within the held-out moments.

    They err in different places: trees cut where a network bends.
    """
    network = fit_network(learned, CALENDAR, seed)
    features = np.ascontiguousarray(learned.features[np.repeat(learned.held, learned.group)])
    group = np.repeat(np.arange(int(learned.held.sum())), learned.group[learned.held])
    spread, other = _spread(trees.predict(features), group), _spread(network.score(features), group)
    return replace(trees, network=replace(network, out=network.out * np.float32(spread / max(other, 1e-9))))


def _spread(score: NDArray[np.float32], group: NDArray[np.intp]) -> float:
    """Return the standard deviation of the scores around their moment's mean."""
    mean = np.bincount(group, score) / np.bincount(group)
    return float(np.sqrt(np.mean((score - mean[group]) ** 2)))


def chosen(found: Mapping[str, NDArray[np.float64]], favourite: str = "lambdamart") -> str:
    """Return the competitor with the highest mean, or the ``favourite`` where it is within a standard error of it.

    The error is that of the differences, moment by moment. Some dozens of held-out moments tell little apart.
    """
    best = max(found, key=lambda name: float(found[name].mean()))
    if favourite not in found:
        return best
    behind = found[best] - found[favourite]
    return favourite if behind.mean() <= behind.std() / np.sqrt(len(behind)) else best


def judged(ranker: Ranker, learned: RankingData, k: int = 10) -> NDArray[np.float64]:
    """Return the NDCG@k of each held-out moment; each has a hit among its candidates."""
    rows = np.repeat(learned.held, learned.group)
    columns = [learned.names.index(name) for name in ranker.features]
    score = ranker.predict(np.ascontiguousarray(learned.features[rows][:, columns]))
    group = np.repeat(np.arange(int(learned.held.sum())), learned.group[learned.held])
    order = np.lexsort((-score, group))
    discount = np.append(discounts(k), 0)
    gain = discount[np.minimum(pairs.turns(group), k)] * learned.hit[rows][order]
    ideal = np.cumsum(discount)
    most = np.minimum(learned.truths[learned.held], k).astype(np.intp)
    return np.asarray(np.bincount(group, gain) / ideal[most - 1])


def _lambdamart(learned: RankingData, settings: RankerSettings, horizon: float, seed: int) -> Ranker:
    """Boost two sets of trees (LambdaMART; Burges 2010) whose scores add up; one of them knows nothing of the season.

    The held-out moments lie in the same season as the others, so they cannot tell how far drifting features may be
    trusted later: half of the sum stands without them.
    """
    data = _data(learned)
    unsaid = frozenset[str]() if len(learned.group) >= MANY else FINE
    boosters = [_trees(learned, data, ignored, settings, seed) for ignored in (unsaid, unsaid | DRIFTING)]
    none = np.zeros(0, np.float32)
    return Ranker(LAMBDAMART, Texts.of(learned.names), Texts.of(boosters), none, none, none, horizon)


def _data(learned: RankingData) -> tuple[lgb.Dataset, lgb.Dataset]:
    """Return what is learned from and what is held out, in bins, which cost half as much as a set of trees."""
    hit, rows = learned.hit.astype(np.float32), np.repeat(learned.held, learned.group)
    names, group = list(learned.names), learned.group
    train = lgb.Dataset(
        learned.features[~rows], hit[~rows], group=group[~learned.held], feature_name=names, params=BINS
    )
    held = lgb.Dataset(learned.features[rows], hit[rows], group=group[learned.held], reference=train, params=BINS)
    return train, held


def _trees(
    learned: RankingData,
    data: tuple[lgb.Dataset, lgb.Dataset],
    ignored: frozenset[str],
    settings: RankerSettings,
    seed: int,
) -> str:
    """Return the text of trees that never ask for the features ``ignored``, stopped early on the held-out moments."""
    names = learned.names
    gentle = 1 if len(learned.group) >= MANY else GENTLE
    parameters = {
        **LAMBDAMART_PARAMETERS,
        "learning_rate": settings.learning_rate / gentle,
        "num_leaves": max(settings.leaves // gentle, 2),
        "monotone_constraints": [int(name in RISING) - int(name in FALLING) for name in names],
        "feature_contri": [0.0 if name in ignored else HESITANT if name in CALENDAR else 1.0 for name in names],
        "seed": seed,
    }
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    most = min(gentle * settings.trees, len(learned.group) // MOMENTS_A_TREE)
    booster = lgb.train(parameters, data[0], most, valid_sets=[data[1]], callbacks=[stop])
    text: str = booster.model_to_string(num_iteration=booster.best_iteration)
    return text


def _linear(learned: RankingData, horizon: float) -> Ranker:
    """Maximise the likelihood of the hits under a softmax over each moment's candidates (ListNet; Cao et al. 2007)."""
    taught = np.flatnonzero(~learned.held)
    few = np.zeros(len(learned.group), np.bool_)
    few[taught[:: -(-len(taught) // SUFFICIENT)]] = True
    rows = np.repeat(few, learned.group)
    features, hit = learned.features[rows], learned.hit[rows]
    mean, scale = mean_and_scale(features)
    table = deviations(features, mean, scale)
    moments = Moments.of(learned.group[few], hit)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return minus the mean log likelihood with a quadratic penalty, and its gradient (F,)."""
        unlikely, gradient = moments.loss(table @ weights.astype(np.float32))
        return unlikely + 0.01 * float(weights @ weights), (table.T @ gradient + 0.02 * weights).astype(np.float64)

    found = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 60})
    coefficients = found.x.astype(np.float32)
    return Ranker(LINEAR, Texts.of(learned.names), Texts.of(()), coefficients, mean, scale, horizon)

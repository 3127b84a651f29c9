"""What a network learns from moments, and what it must not."""

from dataclasses import replace

import numpy as np

from recommender.network import Network
from training.fit_network import fit_network
from training.lessons import Lessons

NAMES = ("left", "right", "noise", "never")


def taught(moments: int = 300, candidates: int = 12, seed: int = 0) -> Lessons:
    """Return moments whose hit is the candidate with the largest product of two features: no sum can tell it."""
    table = np.random.default_rng(seed).normal(0, 1, (moments * candidates, len(NAMES))).astype(np.float32)
    table[:, 3] = np.nan
    product = (table[:, 0] * table[:, 1]).reshape(moments, candidates)
    hit = (product == product.max(axis=1, keepdims=True)).ravel()
    group, truths = np.full(moments, candidates), np.ones(moments, np.float32)
    return Lessons(NAMES, table, hit, group, truths, np.arange(moments) % 5 == 0)


def hits(network: Network, asked: Lessons) -> float:
    """Return the share of moments whose hit comes first."""
    score = network.score(asked.features).reshape(len(asked.group), -1)
    return float((score.argmax(axis=1) == asked.hit.reshape(score.shape).argmax(axis=1)).mean())


def test_it_learns_what_no_sum_of_features_can_tell():
    assert hits(fit_network(taught(), frozenset(), 7), taught(seed=1)) > 0.6  # 0.74; drawn at random 0.08


def test_ignored_features_say_nothing():
    network, asked = fit_network(taught(), frozenset(("left",)), 7), taught(seed=1)
    moved = asked.features.copy()
    moved[:, 0] = np.nan
    np.testing.assert_array_equal(network.score(moved), network.score(asked.features))


def test_a_feature_that_no_moment_showed_says_nothing_when_it_turns_up():
    network, asked = fit_network(taught(), frozenset(), 7), taught(seed=1)
    moved = asked.features.copy()
    moved[:, 3] = 2.0
    np.testing.assert_array_equal(network.score(moved), network.score(asked.features))


def test_held_out_customers_teach_nothing():
    lessons = taught()
    other = replace(lessons, hit=np.where(np.repeat(lessons.held, lessons.group), ~lessons.hit, lessons.hit))
    first, second = fit_network(lessons, frozenset(), 7), fit_network(other, frozenset(), 7)
    assert first.hidden.tobytes() == second.hidden.tobytes()
    assert first.out.tobytes() == second.out.tobytes()


def test_neither_order_nor_number_of_a_moments_candidates_matters_to_the_slopes():
    lessons = taught()
    keep = np.ones(len(lessons.hit), np.bool_)
    keep[np.flatnonzero(~lessons.hit)[::3]] = False
    group = np.add.reduceat(keep, np.cumsum(lessons.group) - lessons.group)
    fewer = Lessons(NAMES, lessons.features[keep], lessons.hit[keep], group, lessons.truths, lessons.held)
    assert hits(fit_network(fewer, frozenset(), 7), taught(seed=1)) > 0.6

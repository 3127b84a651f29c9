"""Metrics against figures worked out by hand and against the definitions written as plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from training.intervals import estimate
from training.metrics import accuracy, coverage, diversity, marked, minus, novelty, popularity_lift

ITEMS = 12


def matrix(rows: list[set[int]]) -> csr_array:
    dense = np.zeros((len(rows), ITEMS), np.bool_)
    for at, items in enumerate(rows):
        dense[at, sorted(items)] = True
    return csr_array(dense)


def padded(lists: list[list[int]], width: int) -> NDArray[np.int32]:
    return np.array([one + [-1] * (width - len(one)) for one in lists], np.int32).reshape(len(lists), width)


def plain(one: list[int], true: set[int], k: int) -> dict[str, float]:
    hits = [item in true for item in one[:k]]
    gain = sum(1 / math.log2(at + 2) for at, hit in enumerate(hits) if hit)
    ideal = sum(1 / math.log2(at + 2) for at in range(min(k, len(true))))
    first = hits.index(True) + 1 if any(hits) else math.inf
    return {
        f"HR@{k}": float(any(hits)),
        f"R@{k}": sum(hits) / len(true),
        f"NDCG@{k}": gain / ideal,
        f"MRR@{k}": 1 / first,
    }


lists_of_items = st.lists(st.integers(0, ITEMS - 1), unique=True, max_size=8)
customers = st.lists(st.tuples(lists_of_items, st.sets(st.integers(0, ITEMS - 1), min_size=1)), min_size=1, max_size=5)


@given(customers)
def test_accuracy_is_what_its_definitions_say(cases: list[tuple[list[int], set[int]]]) -> None:
    found = accuracy(padded([one for one, _ in cases], 8), matrix([true for _, true in cases]), (1, 5, 10))
    for at, (one, true) in enumerate(cases):
        for k in (1, 5, 10):
            for name, value in plain(one, true, k).items():
                assert found[name][at] == pytest.approx(value), (name, one, true)


def test_accuracy_by_hand() -> None:
    found = accuracy(padded([[3, 1, 2], [0]], 3), matrix([{1, 9}, {5}]), (2, 3))
    assert found["HR@2"].tolist() == [1, 0]
    assert found["R@3"].tolist() == [0.5, 0]
    assert found["MRR@3"].tolist() == [0.5, 0]
    assert found["NDCG@2"][0] == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


@given(customers)
def test_discovery_truth_is_a_set_difference(cases: list[tuple[list[int], set[int]]]) -> None:
    left = minus(matrix([set(one) for one, _ in cases]), matrix([had for _, had in cases]))
    for at, (one, had) in enumerate(cases):
        assert set(left.indices[left.indptr[at] : left.indptr[at + 1]].tolist()) == set(one) - had


def test_padding_is_never_a_hit() -> None:
    assert marked(padded([[]], 2), matrix([{ITEMS - 1}])).tolist() == [[False, False]]


def test_coverage_counts_distinct_items() -> None:
    assert coverage(padded([[0, 1], [1]], 3), 8) == 0.25


def test_novelty_is_the_surprise_in_bits() -> None:
    share = np.array([0.5, 0.25, 0.0] + [0.0] * 9)
    assert novelty(padded([[0, 1], [2], []], 2), share).tolist()[:2] == [1.5, 3.0]
    assert math.isnan(novelty(padded([[]], 2), share)[0])


def test_popularity_lift_is_one_where_lists_show_what_is_chosen() -> None:
    share = np.linspace(0.1, 0.9, ITEMS)
    assert popularity_lift(padded([[2, 5]], 2), matrix([{2, 5}]), share)[0] == pytest.approx(1)
    assert popularity_lift(padded([[11]], 2), matrix([{0}]), share)[0] == pytest.approx(9)
    assert np.isnan(popularity_lift(padded([[11]], 2), matrix([{0}]), np.zeros(ITEMS))[0])


def test_diversity_by_hand() -> None:
    tags = csr_array(np.array([[1, 0], [1, 0], [0, 1], [0, 0]], np.float32))
    found = diversity(padded([[0, 1], [0, 2], [0, 1, 2], [0], [0, 3]], 3), tags)
    np.testing.assert_allclose(found, [0, 1, 2 / 3, np.nan, 1], atol=1e-7)


def test_without_any_tags_nobody_knows_how_diverse_a_list_is() -> None:
    assert np.isnan(diversity(padded([[0, 1], [2]], 2), csr_array((4, 2), dtype=np.float32))).all()


def test_an_interval_holds_its_mean_and_repeats_with_its_seed() -> None:
    values = np.random.default_rng(1).random(400)
    found = estimate(values, np.random.default_rng(7))
    assert found.low < found.mean < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert found == estimate(values, np.random.default_rng(7))


def test_no_customers_give_no_number() -> None:
    assert math.isnan(estimate(np.array([np.nan]), np.random.default_rng(7)).mean)

"""The cut that keeps the best, against a sort of everything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.candidates import LEADING, Allowed, merge, propose_in_order, propose_sparse
from recommender.scorer import best, jitter

seeds = st.integers(0, 2**32 - 1)


def scores(seed: int, width: int, share: float) -> NDArray[np.float32]:
    """Return three rows, of which about ``share`` of the scores are finite."""
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(3, width)).astype(np.float32)
    return np.where(rng.random(made.shape) < share, made, rng.choice([-np.inf, np.nan], made.shape)).astype(np.float32)


@given(
    seeds, st.integers(1, 3000) | st.integers(4000, 6000), st.integers(1, 40), st.sampled_from([0.0, 0.005, 0.3, 1.0])
)
def test_the_best_are_those_of_a_whole_sort(seed: int, width: int, k: int, share: float) -> None:
    given_scores = scores(seed, width, share)
    top = best(given_scores, k)
    sortable = np.where(np.isnan(given_scores), -np.inf, given_scores)
    expected = -np.sort(-sortable, axis=1)[:, :k]
    np.testing.assert_array_equal(np.take_along_axis(sortable, top, axis=1), expected)
    for row, finite in zip(top, np.isfinite(expected), strict=True):
        assert len(set(row[finite])) == finite.sum()


@pytest.mark.parametrize("step", [-1, 1])
def test_scores_in_order_fool_no_sample(step: int) -> None:
    rising = np.arange(5000, dtype=np.float32)[None, ::step]
    assert np.take_along_axis(rising, best(rising, 5), axis=1).tolist() == [[4999, 4998, 4997, 4996, 4995]]


def test_scores_between_the_samples_are_found() -> None:
    hidden = np.zeros((1, 5000), np.float32)
    hidden[0, 1::16] = np.arange(1, 314)
    assert best(hidden, 3).tolist() == [[312 * 16 + 1, 311 * 16 + 1, 310 * 16 + 1]]


@given(seeds, st.integers(1, 300) | st.integers(4000, 6000), st.integers(1, 40))
def test_sparse_proposals_are_the_best_allowed_with_ties_told_apart_by_item(seed: int, width: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    table = np.where(rng.random((3, width)) < 0.7, rng.integers(1, 9, (3, width)), 0).astype(np.float32)
    closed = csr_array(rng.random((3, width)) < 0.1)
    allowed = Allowed.of(np.ones(width, np.bool_), closed)
    ranked = np.where(allowed.table, table, 0) * (1 + 1e-4 * jitter(np.arange(width)))
    found = propose_sparse(csr_array(table), np.arange(3), allowed, k)
    for row, items in enumerate(found):
        expected = np.sort(ranked[row][ranked[row] > 0])[::-1][:k]
        np.testing.assert_allclose(ranked[row, items[items >= 0]], expected, rtol=1e-6)


def test_one_order_for_everyone_is_cut_for_each() -> None:
    order = np.array([4, 2, 0, 3, 1])
    allowed = Allowed.of(np.array([True, True, True, True, False]), csr_array([[0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]))
    assert propose_in_order(order, allowed, 2).tolist() == [[0, 3], [2, 0]]
    assert propose_in_order(order, allowed, 5).tolist() == [[0, 3, 1, -1, -1], [2, 0, 3, 1, -1]]


def test_what_one_signal_alone_puts_first_is_no_less_a_candidate_than_what_all_put_somewhere() -> None:
    agreed = np.arange(60, dtype=np.int32)[None]
    alone = np.arange(100, 160, dtype=np.int32)[None]
    found = merge({"one": agreed, "two": np.roll(agreed, 1), "sure": alone}, (1, 200), 40)
    assert set(range(100, 100 + LEADING)) <= set(found.item.tolist())
    assert set(range(LEADING)) <= set(found.item.tolist())
    assert not set(range(100 + LEADING, 160)) & set(found.item.tolist())
    assert len(found.item) == 40

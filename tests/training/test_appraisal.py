"""What a training run says of itself."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.shop import tiny_run
from training.appraisal import FIGURES, RIVAL, appraise, as_rows_of, asked_of, ours
from training.baselines import EVERY
from training.job import Fitted


@pytest.fixture(scope="module")
def run() -> Fitted:
    return tiny_run()


def test_ours_is_measured_beside_every_baseline_on_customers_held_out(run: Fitted) -> None:
    found = appraise(run.past, run.held)
    assert found["held_out"]["customers"] == len(run.held) > 0
    figures = found["next"]["figures"]
    assert list(figures) == ["tagalong", *EVERY]
    assert all(set(one) == set(FIGURES) for one in figures.values())
    assert figures["tagalong"]["NDCG@10"]["mean"] > figures["popularity"]["NDCG@10"]["mean"]


def test_the_same_run_says_the_same_twice(run: Fitted) -> None:
    assert appraise(run.past, run.held) == appraise(run.past, run.held)


def test_a_rival_that_is_the_same_differs_by_nothing(run: Fitted) -> None:
    above = appraise(run.past, run.held, rival=run.past)["next"]["against"][RIVAL]
    assert above["NDCG@10"] == {"mean": 0, "low": 0, "high": 0}


def test_a_rival_that_has_seen_the_window_is_not_measured(run: Fitted) -> None:
    assert RIVAL not in appraise(run.past, run.held, rival=run.bundle)["next"]["figures"]


def test_a_rivals_lists_are_translated_by_id(run: Fitted) -> None:
    moved = replace(run.past, catalogue=run.bundle.catalogue)
    queries = run.held.queries
    translated = as_rows_of(run.past, moved, ours(moved, asked_of(moved, run.past, queries), 5))
    np.testing.assert_array_equal(translated.allowed, ours(run.past, queries, 5).allowed)


def test_with_nobody_held_out_nothing_is_said(run: Fitted) -> None:
    assert appraise(run.past, run.held.take(np.zeros(0, np.intp))) == {}

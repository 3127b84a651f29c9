"""What items of few events borrow from items with like tags."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from recommender.config import Config
from recommender.models.repurchase import strongest_event
from recommender.scorer import dense
from recommender.signals import ask_sources
from recommender.times import DAY
from recommender.trail import trail
from recommender.values import EventType
from tests.recommender.checkerboard import CUSTOMERS, ask, dataset, histories
from tests.recommender.checkerboard import ITEMS as SIZE
from training.fit.alike import CARRIERS, ITEMS, alike, borrowed
from training.fit.sources import fit_sources
from training.fit.transitions import fit_transitions


def test_an_item_borrows_what_it_lacks_of_those_that_share_tags_by_their_cosine():
    tags = csr_array(np.array([[1, 1, 0], [2, 2, 0], [1, 0, 1], [0, 0, 0]], np.float32))
    shares = alike(tags, np.array([2.5, 10.0, 90.1, 0.0])).toarray()
    np.testing.assert_allclose(shares[0], [0, 8 / 15, 4 / 15, 0], rtol=1e-6)
    np.testing.assert_allclose(shares[1], [1 / 3, 0, 1 / 6, 0], rtol=1e-6)
    assert not shares[2:].any()  # enough events of its own; no tags


def test_of_items_with_equally_like_tags_those_lend_that_somebody_turned_to():
    """As new items come they have the highest ids, or the lowest."""
    weight = np.tile([1.0, 0.0], 100)
    shares = alike(csr_array(np.ones((200, 1), np.float32)), weight).toarray()
    lends = shares > 0
    assert not lends[:, weight == 0].any()
    assert ((lends.sum(axis=1) >= ITEMS) & (lends.sum(axis=1) <= ITEMS + 1)).all()
    assert 0.2 < lends[:, :100].sum() / lends.sum() < 0.8


@pytest.mark.parametrize(("items", "borrows"), [(CARRIERS, True), (CARRIERS + 1, False)])
def test_a_tag_that_too_many_items_carry_makes_none_of_them_alike(items, borrows):
    assert bool(alike(csr_array(np.ones((items, 1), np.float32)), np.ones(items)).nnz) == borrows


def test_links_are_borrowed_at_both_ends_and_an_items_own_are_left_out():
    links, shares = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    links[1, 3], shares[0, 1], shares[2, 3] = 4, 1, 0.5
    said = borrowed(csr_array(links), csr_array(shares), 4).toarray()
    assert said.tolist() == [[0, 0, 2, 4], [0, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_who_turns_again_to_an_item_may_turn_to_its_like():
    links, shares = np.diag([3, 0]).astype(np.float32), np.array([[0, 0], [1, 0]], np.float32)
    assert borrowed(csr_array(links), csr_array(shares), 2).toarray().tolist() == [[0, 3], [3, 0]]


@pytest.mark.parametrize(("silent", "speaks"), [(0, 1), (1, 0)])
def test_an_item_without_events_leads_where_its_like_leads_and_is_led_to_as_well(silent, speaks):
    """Items 0 and 1 carry one tag; one of them was never turned to."""
    shop = dataset()
    tags = np.zeros(shop.catalogue.tags.shape, np.float32)
    tags[[0, 1], 0] = 1
    log = histories([[(2, 1), (speaks, 2), (3, 3)]] * CUSTOMERS)
    shop = replace(shop, histories=log, catalogue=replace(shop.catalogue, tags=csr_array(tags)))
    models = fit_sources(shop, Config(), now=9 * DAY, target_event=strongest_event(log.event))
    before, after = (_said(models, [(item, 1)]) for item in (2, silent))
    assert before[silent] > 0
    assert after[3] > 0
    assert np.isnan(_said(models, [(silent, 1)], "followed")).all()


def test_what_is_borrowed_is_divided_by_the_weight_of_an_items_own_events_and_of_those_that_lend():
    """Eight customers turn from item 1 to item 2; item 0 is like item 1, and item 3 like item 2."""
    tags = csr_array(np.array([[1, 0], [1, 0], [0, 1], [0, 1], *[[0, 0]] * (SIZE - 4)], np.float32))
    steps = trail(histories([[(1, 1), (2, 2)]] * 8), np.ones(len(EventType), np.float32), SIZE)
    said = fit_transitions(steps, tags, Config().transitions).side("alike")
    expected = {(0, 2): 8 / 8**0.5, (0, 3): 8 / 8**0.5, (1, 3): 8 / 8**0.5}
    assert {(int(a), int(b)) for a, b in zip(*said.nonzero(), strict=True)} == set(expected)
    np.testing.assert_allclose([said[pair] for pair in expected], list(expected.values()), rtol=1e-4)


def test_who_turns_to_an_item_again_is_led_to_its_like():
    tags = csr_array(np.array([[1], [1], *[[0]] * (SIZE - 2)], np.float32))
    steps = trail(histories([[(1, 1), (2, 2), (1, 3)]]), np.ones(len(EventType), np.float32), SIZE)
    assert fit_transitions(steps, tags, Config().transitions).side("alike")[1, 0] > 0


def _said(models, steps: list[tuple[int, int]], name: str = "alike") -> np.ndarray:
    """Return (N,) what a signal says to the customer of these steps."""
    return np.array(dense(ask_sources(models, ask(histories([steps]))).proposals(name)))[0]

"""Popularity within categories: what is left out of a long list, or looked up, is what the whole list says."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from recommender.models.popularity import PopularityModel
from training.fit.popularity import PER_CATEGORY

ITEMS, CUSTOMERS = 400, 30


def model(categories: int, seed: int = 3) -> PopularityModel:
    """Return the shares of items in categories of very different sizes; every fifth item has none."""
    rng = np.random.default_rng(seed)
    category = np.full(ITEMS, -1, np.int32)
    if categories:
        category = (categories * rng.random(ITEMS) ** 2).astype(np.int32)
        category[::5] = -1
    share = rng.random(ITEMS).astype(np.float32)
    known = np.flatnonzero((category >= 0) & (share > 0.2))
    table = csr_array((share[known], (category[known], known)), shape=(categories, ITEMS))
    nothing = np.zeros(ITEMS, np.float32)
    return PopularityModel(nothing, nothing, nothing, nothing, category, table)


def interest(categories: int, density: float) -> csr_array:
    drawn = random_array((CUSTOMERS, categories), density=density, format="csr", dtype=np.float32, rng=1)
    return csr_array(drawn)


@pytest.mark.parametrize("categories", [1, 12, 90])
@pytest.mark.parametrize("density", [0.02, 0.4, 1.0])
@pytest.mark.parametrize("most", [1, 7, 40, PER_CATEGORY, 300])
def test_no_leading_item_is_left_out(categories, density, most):
    popularity, affinity = model(categories), interest(categories, density)
    whole = (affinity @ popularity.by_category).toarray()
    found = popularity.leading(affinity, most).toarray()
    falling = -np.sort(-whole, axis=1)[:, :most]
    np.testing.assert_array_equal(-np.sort(-found, axis=1)[:, :most], falling)
    assert (found <= whole).all()


def test_long_lists_get_shorter():
    popularity, affinity = model(90), interest(90, 1.0)
    assert popularity.leading(affinity, 10).nnz < (affinity @ popularity.by_category).nnz / 2


def test_a_look_up_says_what_the_whole_list_says():
    popularity, affinity = model(12), interest(12, 0.4)
    whole = (affinity @ popularity.by_category).toarray()
    customer, item = (each.ravel() for each in np.indices(whole.shape))
    found = popularity.within(affinity, customer, item.astype(np.int32))
    np.testing.assert_array_equal(found, np.where(whole > 0, whole, np.nan).ravel())


@pytest.mark.parametrize("order", ["order", "rising_order"])
def test_equal_items_stand_in_an_order_that_knows_nothing_of_their_ids(order):
    recent = np.repeat(np.float32([1, 3, np.nan, 2]), 100)
    nothing = np.zeros(ITEMS, np.float32)
    equal = PopularityModel(nothing, recent, recent, nothing, np.full(ITEMS, -1, np.int32), csr_array((0, ITEMS)))
    found = getattr(equal, order)
    parts = found.reshape(3, 100)
    assert [sorted(part) for part in parts] == [list(range(at, at + 100)) for at in (100, 300, 0)]
    for part in parts:
        rising = np.diff(part) > 0
        assert 25 < rising.sum() < 75


def test_items_that_came_later_and_shops_without_categories_are_unknown():
    nobody, item = np.zeros(2, np.intp), np.array([3, ITEMS + 5], np.int32)
    assert np.isnan(model(0).within(interest(0, 1.0), nobody, item)).all()
    assert np.isnan(model(12).within(interest(12, 1.0), nobody, item)[1])
    assert model(0).leading(interest(0, 1.0), 5).nnz == 0

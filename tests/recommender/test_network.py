"""A network's score, and how it falls apart into what each feature adds."""

import numpy as np

from recommender.network import PATH, Network

RNG = np.random.default_rng(3)
FEATURES, UNITS = 4, 8


def network(bias: float = 0.3) -> Network:
    weights = RNG.normal(0, 1, (2 * FEATURES, UNITS)).astype(np.float32)
    mean, scale = np.array([1, 2, 3, 4], np.float32), np.array([1, 2, 1, 0.5], np.float32)
    return Network(mean, scale, weights, np.full(UNITS, bias, np.float32), RNG.normal(0, 1, UNITS).astype(np.float32))


def test_the_score_is_that_of_one_layer_of_rectified_units():
    found = network()
    features = np.array([[2, 2, 3, 4.5], [1, np.nan, 3, 4]], np.float32)
    given = np.array([[1, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0, 0]], np.float32)
    expected = np.maximum(given @ found.hidden + found.bias, 0) @ found.out
    np.testing.assert_allclose(found.score(features), expected, rtol=1e-5)


def test_what_features_add_sums_up_to_the_score_over_that_of_what_is_usual():
    found = network()
    features = RNG.normal(found.mean, found.scale, (50, FEATURES)).astype(np.float32)
    features[::7, 2] = np.nan
    usual = found.score(found.mean[None])
    added = found.terms(features).sum(axis=1)
    np.testing.assert_allclose(added, found.score(features) - usual, atol=4 / PATH)
    assert np.corrcoef(added, found.score(features))[0, 1] > 0.999


def test_a_usual_value_adds_nothing():
    features = np.array([[5, 2, 3, 4]], np.float32)
    assert network().terms(features)[0, 1:].tolist() == [0, 0, 0]


def test_a_value_far_out_weighs_no_more_than_three_standard_deviations():
    found = network()
    far = np.array([[1 + 3, 2, 3, 4], [1 + 90, 2, 3, 4]], np.float32)
    assert found.score(far)[0] == found.score(far)[1]

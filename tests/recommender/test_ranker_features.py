"""What the ranker is told of a candidate, and of the moment at which a customer asks."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recommender.bundle import Bundle
from recommender.candidates import merge
from recommender.config import Config
from recommender.policy import Rules
from recommender.ranker_features import CALENDAR, DRIFTING, FALLING, FINE, RISING, describe
from recommender.ranking import allowed_by, gather
from recommender.reasons import SOURCE_OF, source_of
from recommender.signals import BESIDE, RETRIEVAL, ask_sources
from recommender.times import DAY
from recommender.values import Queries
from tests.recommender.checkerboard import CUSTOMERS, ITEMS, ask, dataset
from training.job import fit

OF_CUSTOMERS = {"history", "breadth", "repeats", "fused", *CALENDAR}
"""Features that speak for no source."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return fit(dataset(), Config(), now=10 * DAY, progress=lambda *_: None)


def columns(bundle: Bundle, queries: Queries) -> dict[str, NDArray[np.float32]]:
    signals = ask_sources(bundle.models, queries)
    allowed = allowed_by(queries, Rules.none(len(queries), ITEMS, 3))
    proposals = gather(signals, tuple(RETRIEVAL), allowed, 5)
    return describe(signals, bundle.catalogue, merge(proposals, allowed.table.shape, 5))


def test_hour_and_weekday_are_those_of_the_moment_in_utc(bundle: Bundle) -> None:
    moments = [datetime(2026, 3, 2, 0, 0, tzinfo=UTC), datetime(2026, 3, 8, 23, 30, tzinfo=UTC)]
    now = np.array([int(moment.timestamp()) for moment in moments])
    found = columns(bundle, replace(ask(dataset().histories.take(np.arange(2))), now=now))
    assert set(zip(found["hour"].tolist(), found["weekday"].tolist(), strict=True)) == {(0.0, 0.0), (23.5, 6.0)}


def test_every_name_that_anything_says_of_a_feature_is_one(bundle: Bundle) -> None:
    anchors = csr_array((np.ones(CUSTOMERS, np.float32), (np.arange(CUSTOMERS), np.arange(CUSTOMERS) % ITEMS)))
    names = set(columns(bundle, replace(ask(dataset().histories), anchors=anchors)))
    sudden = {"sudden_0", "sudden_1"}  # of logs long enough to have days like these
    assert names | sudden >= RISING | FALLING | DRIFTING | FINE
    plain = {name.removeprefix("rank_").removesuffix("_share") for name in names} | names | sudden
    assert {name for some in SOURCE_OF.values() for name in some} - {"arrivals"} <= plain
    assert {name for name in names if source_of(name) == "customer"} == OF_CUSTOMERS & names


def test_what_proposes_for_a_source_speaks_for_it() -> None:
    for table in (RETRIEVAL, BESIDE):
        assert {name: source_of(name) for names in table.values() for name in names} == {
            name: source for source, names in table.items() for name in names
        }

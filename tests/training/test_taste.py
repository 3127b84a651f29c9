"""Whether whole histories or last steps foresee what comes next."""

import numpy as np
from scipy.sparse import csr_array

from recommender.config import NeighbourSettings
from recommender.models.neighbours import NeighbourModel
from recommender.times import DAY
from recommender.trail import trail
from recommender.values import EventType, Queries
from tests.recommender.checkerboard import histories
from training.fit.neighbours import fit_neighbours
from training.split import LabelledQueries
from training.taste import lasting

CUSTOMERS, ITEMS, EVENTS, LATE = 300, 200, 60, 30
WEIGHTS = np.ones(len(EventType), np.float32)


def asked(colours: np.ndarray, rng: np.random.Generator) -> tuple[NeighbourModel, LabelledQueries]:
    """Return a model of, and the last step of, customers who turn to an item of ``colours`` (B × EVENTS) at a time."""
    items = colours + 2 * rng.integers(0, ITEMS // 2, colours.shape)
    log = histories([[(int(item), day) for day, item in enumerate(row)] for row in items])
    past = log.where(log.time < (EVENTS - 1) * DAY)
    steps = trail(past, WEIGHTS, ITEMS)
    model = fit_neighbours(steps, NeighbourSettings())
    rows = np.arange(CUSTOMERS)
    truth = csr_array((np.ones(CUSTOMERS, np.float32), (rows, items[:, -1])), shape=(CUSTOMERS, ITEMS))
    had = steps.pairs
    new = np.flatnonzero(had[rows, items[:, -1]] == 0)
    queries = Queries(past, np.full(CUSTOMERS, EVENTS * DAY), csr_array(truth.shape), csr_array((CUSTOMERS, 0)))
    return model, LabelledQueries(rows, queries, truth, had).take(new)


def lasts(model: NeighbourModel, queries: LabelledQueries) -> bool:
    return lasting(model, WEIGHTS, queries)


def test_a_taste_that_stays_lasts():
    rng = np.random.default_rng(1)
    colours = np.repeat(rng.integers(0, 2, (CUSTOMERS, 1)), EVENTS, axis=1)
    colours[:, -LATE:-1] = rng.integers(0, 2, (CUSTOMERS, LATE - 1))  # what was turned to last tells little
    assert lasts(*asked(colours, rng))


def test_a_taste_that_turned_for_many_does_not():
    rng = np.random.default_rng(1)
    colours = np.repeat(rng.integers(0, 2, (CUSTOMERS, 1)), EVENTS, axis=1)
    colours[::2, -LATE:] = 1 - colours[::2, -LATE:]
    assert not lasts(*asked(colours, rng))


def test_few_moments_tell_nothing():
    rng = np.random.default_rng(1)
    colours = np.repeat(rng.integers(0, 2, (CUSTOMERS, 1)), EVENTS, axis=1)
    model, queries = asked(colours, rng)
    assert not lasts(model, queries.take(np.arange(20)))


def test_a_lasting_taste_is_asked_about_by_all_items_alike():
    log = histories([[(item, item) for item in range(8)], []], EventType.VIEW_ITEM)
    steps = trail(log, WEIGHTS, ITEMS)
    links = csr_array((2 * ITEMS, ITEMS), dtype=np.float32)
    assert NeighbourModel(links, lasting=True).origins(steps)[0].toarray()[:8].tolist() == [1.0] * 8
    falling = NeighbourModel(links).origins(steps)[0].toarray()[:8]
    assert (np.diff(falling) > 0).all()

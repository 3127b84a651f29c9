"""Which items the content source proposes."""

import numpy as np
from scipy.sparse import csr_array

from recommender.models.content import CARRIERS, ContentModel
from recommender.values import EventType

WEIGHTS = np.ones(len(EventType), np.float32)


def test_candidates_are_looked_for_under_the_heaviest_tags_until_enough_items_carry_them() -> None:
    row = np.arange(CARRIERS + 4, dtype=np.int32)
    tag = np.where(row < CARRIERS, 0, np.where(row < CARRIERS + 2, 1, 2)).astype(np.int32)
    tags = csr_array((np.ones(len(row), np.float32), (row, tag)), shape=(len(row), 3))
    model = ContentModel.of(tags, max_share=1.0)
    profiles = csr_array(np.array([[0.5, 0.9, 0.1], [0.9, 0.5, 0.1], [0.0, 0.2, 0.1]], np.float32))
    found = model.carriers(profiles)
    assert np.diff(found.indptr).tolist() == [CARRIERS + 2, CARRIERS, 4]
    assert found[[0]].max() == np.float32(0.9)

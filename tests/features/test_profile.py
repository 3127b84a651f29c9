"""What is known of a customer from the bundle and from what came since."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from features.profile import Profile, join_histories, work_out_tags
from features.tagging import tagging
from recommender.bundle import Bundle
from tests.serving import shop


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the made-up shop's bundle, where u1 declared a tag before the training."""
    bundle = shop.bundle()
    row, tag = bundle.users.row("u1"), list(bundle.catalogue.tag_names).index("tag:camping")
    declared = csr_array((np.ones(1, np.float32), ([row], [tag])), shape=bundle.declared.shape)
    return replace(bundle, declared=declared)


def test_what_was_declared_before_an_erasure_is_forgotten(bundle: Bundle) -> None:
    meanings = tagging(bundle.catalogue, bundle.info.config, bundle.brings)

    def declared(profile: Profile) -> set[str]:
        past = join_histories(bundle, [profile], bundle.catalogue.items.row)
        tags = work_out_tags(bundle, [profile], past, shop.NOW, meanings)[0]
        return {tag.name for tag in tags if tag.provenance == "declared"}

    assert declared(Profile("u1")) == {"camping"}
    assert declared(Profile("u1", erased_at=shop.NOW)) == set()


def test_what_was_done_up_to_the_very_second_of_the_request_is_forgotten(bundle: Bundle) -> None:
    def left(erased_at: int | None) -> list[int]:
        profile = Profile("u1", erased_at=erased_at)
        times: list[int] = join_histories(bundle, [profile], bundle.catalogue.items.row).time.tolist()
        return times

    every = left(None)
    assert len(every) > 1
    assert left(every[-1] - 1) == [time for time in every if time >= every[-1]]
    assert left(every[-1]) == []

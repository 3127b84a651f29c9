"""A bundle over a catalogue that changed after training."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scipy.sparse import csr_array

from features.live_items import with_items
from recommender.bundle import Bundle


def updated(bundle: Bundle, items: Sequence[Mapping[str, Any]], now: int) -> Bundle:
    """Return the bundle with the given fields of ``items`` changed, and new items added at ``now``.

    The models that know items by their events keep their rows; content and arrivals know the new ones at once.
    """
    catalogue = with_items(bundle.catalogue, items, bundle.info.config.content, now)
    models = replace(bundle.models, arrivals=replace(bundle.models.arrivals, first_seen=catalogue.first_seen))
    if catalogue.tags is not bundle.catalogue.tags:
        models = replace(models, content=models.content.over(catalogue.tags))
    return replace(
        bundle, catalogue=catalogue, models=models, declared=_wider(bundle.declared, len(catalogue.tag_names))
    )


def _wider(declared: csr_array, tags: int) -> csr_array:
    """Return the same rows over ``tags`` columns, without a copy."""
    shape = (declared.shape[0], tags)
    return declared if declared.shape == shape else csr_array((declared.data, declared.indices, declared.indptr), shape)

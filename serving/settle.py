"""Condenses live states that have grown long, so that the tags which events earned outlive the events."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.profile import Profile, join_histories
from features.tag_rules import CustomerTag, Earned, latest, outweighs
from recommender.values import Histories
from serving.services import Services
from serving.shelf import Shelf


def settle(services: Services, customers: Sequence[str]) -> None:
    """Condense the live state of ``customers``; one whose state changes meanwhile is left for the next time.

    Raises Unavailable.
    """
    shelf = services.shelves.shelf
    profiles = services.profiles.read(customers)
    history = join_histories(shelf.bundle, profiles, shelf.row_of)
    for profile, tags in zip(profiles, _earned(shelf, history, int(services.clock())), strict=True):
        _shorten(services, profile, tags)


def _earned(shelf: Shelf, history: Histories, now: int) -> list[Mapping[str, Earned]]:
    """Return what each customer earned since training; what they earned before, the bundle's history tells again."""
    found = latest(shelf.tagging.rules, history, np.full(len(history), now, np.int64), shelf.bundle.catalogue)
    since = shelf.bundle.info.data_until
    return [{name: earned for name, earned in tags.items() if earned.tag.since > since} for tags in found]


def _shorten(services: Services, profile: Profile, tags: Mapping[str, Earned]) -> None:
    known: dict[str, CustomerTag] = {tag.name: tag for tag in profile.given}
    kept = profile.muted.union(tag.name for tag in profile.given if tag.provenance == "hand")
    fresh = [earned for name, earned in tags.items() if name not in kept and outweighs(earned.tag, known.get(name))]
    services.customers.condense(profile, services.live.recent_events, fresh)

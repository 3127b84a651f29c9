"""Compacts live states that have grown long, so that the tags which events earned outlive the events."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.profile import Profile, join_histories
from features.tag_rules import CustomerTag, Earned, latest, outweighs
from recommender.values import Histories
from serving.services import Services
from serving.snapshot import Snapshot


def compact(services: Services, customers: Sequence[str]) -> None:
    """Compact the live state of ``customers``; one whose state changes meanwhile is left for the next time.

    Raises Unavailable.
    """
    snapshot = services.snapshots.current
    profiles = services.profiles.read(customers)
    history = join_histories(snapshot.bundle, profiles, snapshot.row_of)
    for profile, tags in zip(profiles, _earned(snapshot, history, int(services.clock())), strict=True):
        _compact_one(services, profile, tags)


def _earned(snapshot: Snapshot, history: Histories, now: int) -> list[Mapping[str, Earned]]:
    """Return what each customer earned since training; what they earned before, the bundle's history tells again."""
    found = latest(snapshot.tagging.rules, history, np.full(len(history), now, np.int64), snapshot.bundle.catalogue)
    since = snapshot.bundle.info.data_until
    return [{name: earned for name, earned in tags.items() if earned.tag.since > since} for tags in found]


def _compact_one(services: Services, profile: Profile, tags: Mapping[str, Earned]) -> None:
    known: dict[str, CustomerTag] = {tag.name: tag for tag in profile.given}
    kept = profile.muted.union(tag.name for tag in profile.given if tag.provenance == "hand")
    fresh = [earned for name, earned in tags.items() if name not in kept and outweighs(earned.tag, known.get(name))]
    services.customers.compact(profile, services.live.recent_events, fresh)

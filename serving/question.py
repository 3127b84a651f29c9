"""From a request to what the pipeline takes: the placement, the question and the rules."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from features.profile import Profile, join_histories, work_out_tags
from features.tag_rules import CustomerTag
from features.tagging import vectors
from recommender.config import Diversity, Placement
from recommender.errors import InvalidInput, UnknownPlacement
from recommender.filter_columns import OWN_TAGS
from recommender.filters import compile_boost, compile_filter
from recommender.policy import Rules, exclusions, pinned_rows, union
from recommender.values import Queries
from serving.list_request import ListRequest
from serving.snapshot import Snapshot

NEAR = {
    "similar": Placement(
        ranker=None,
        sources=("content", "neighbours"),
        fallback=("category_popularity", "popularity", "catalogue"),
        needs_items=True,
    ),
    "bought_together": Placement(
        ranker="anchored",
        sources=("transitions", "neighbours"),
        fallback=("category_popularity", "popularity", "catalogue"),
        needs_items=True,
    ),
}
"""Placements of plain GET calls that a shop need not configure, and may."""


class Asked(NamedTuple):
    """What one request asks of the models, and the customer's tags, of which rules may speak too."""

    queries: Queries
    """Of one customer."""
    own: tuple[CustomerTag, ...]
    """The customer's tags at the moment of asking, the heaviest first."""

    @property
    def knows_the_customer(self) -> bool:
        """Return whether anything is known of them: what they did, or a tag."""
        return bool(len(self.queries.histories.item) or self.own)


def placements(snapshot: Snapshot) -> Mapping[str, Placement]:
    """Return every placement that can be asked for, by name."""
    return {**NEAR, **snapshot.config.placements}


def known_placement(snapshot: Snapshot, name: str) -> Placement:
    """Return the placement called ``name``; raises UnknownPlacement."""
    known = placements(snapshot)
    if name not in known:
        raise UnknownPlacement("placement", f"{name!r} is not one of {', '.join(known)}")
    return known[name]


def placement_of(snapshot: Snapshot, name: str, item_ids: Iterable[str]) -> Placement:
    """Return the placement called ``name``; raises UnknownPlacement, and InvalidInput where it needs items."""
    found = known_placement(snapshot, name)
    if found.needs_items and not any(True for _ in item_ids):
        raise InvalidInput("item_ids", f"placement {name!r} needs at least one item that the page is about")
    return found


def build_question(snapshot: Snapshot, profile: Profile, ask: ListRequest, now: int) -> Asked:
    """Return what is asked of the models: history, anchors and tags of this one customer."""
    history = join_histories(snapshot.bundle, [profile], snapshot.row_of)
    own = work_out_tags(snapshot.bundle, [profile], history, now, snapshot.tagging)[0]
    context = [CustomerTag(name, 1.0, "request", now) for name in ask.tags]
    anchors, meant = item_row(snapshot, ask.item_ids), vectors(snapshot.tagging, [[*own, *context]])
    return Asked(Queries(history, np.array([now]), anchors, meant), own)


def build_mask(snapshot: Snapshot, condition: str, own: Sequence[CustomerTag]) -> NDArray[np.bool_]:
    """Return (N,) for which items the filter holds; only one that asks for no customer's tags is worth remembering."""
    if OWN_TAGS in condition:
        return compile_filter(condition, snapshot.bundle.catalogue, own=[tag.name for tag in own])
    return snapshot.mask(condition)


def build_lift(
    snapshot: Snapshot, ask: ListRequest, own: Sequence[CustomerTag], *, new: bool
) -> NDArray[np.float32] | None:
    """Return (N,) how much each item is lifted, by the request, its tags, and the tags that the customer came by.

    Declared tags, and what they bring, lift only for a ``new`` customer, of whom nothing else is known: beside a
    history the ranker weighs them as it learned.
    """
    asked = None if ask.boost is None else _asked_lift(snapshot, ask.boost, own)
    fresh = {tag.name: min(tag.weight, 1.0) for tag in own if new or "declared" not in (tag.provenance, tag.origin)}
    fresh |= dict.fromkeys(ask.tags, 1.0)
    if not fresh or not snapshot.config.live.tag_boost:
        return asked
    by_tag = [snapshot.config.live.tag_boost * weight * snapshot.carrying(name) for name, weight in fresh.items()]
    return np.asarray(np.maximum.reduce(by_tag) + (0 if asked is None else asked), np.float32)


def _asked_lift(snapshot: Snapshot, boost: str, own: Sequence[CustomerTag]) -> NDArray[np.float32]:
    if OWN_TAGS in boost:
        return compile_boost(boost, snapshot.bundle.catalogue, own=[tag.name for tag in own])
    return snapshot.boost(boost)


def build_rules(
    snapshot: Snapshot, placement: Placement, asked: Asked, ask: ListRequest, barred: Iterable[str] = ()
) -> Rules:
    """Return what the list must obey; ``barred`` are more items that must not come."""
    catalogue, (queries, own) = snapshot.bundle.catalogue, asked
    now = int(queries.now[0])
    eligible = snapshot.eligible(now)
    if ask.filter is not None:
        eligible = eligible & build_mask(snapshot, ask.filter, own)
    theirs = exclusions(queries.histories, placement.exclude, catalogue, queries.now)
    named = item_row(snapshot, [*ask.exclude_item_ids, *ask.item_ids, *barred])
    return Rules(
        eligible=eligible,
        excluded=union([theirs, named], (1, len(catalogue))),
        count=ask.count or placement.count,
        boost=build_lift(snapshot, ask, own, new=not len(queries.histories.item)),
        diversity=_diversity(placement, ask.diversity),
        pins=pinned_rows(snapshot.row_of, placement.pins),
    )


def item_row(snapshot: Snapshot, item_ids: Iterable[str]) -> csr_array:
    """Return (1 × N) with a 1 for each of the items that the catalogue knows."""
    rows = sorted({row for row in map(snapshot.row_of, item_ids) if row >= 0})
    ones, size = np.ones(len(rows), np.float32), len(snapshot.bundle.catalogue)
    return csr_array((ones, np.array(rows, np.int32), np.array([0, len(rows)])), shape=(1, size))


def _diversity(placement: Placement, asked: Diversity | bool | None) -> Diversity | None:
    if isinstance(asked, Diversity):
        return asked
    if asked is False:
        return None
    return placement.diversity or (Diversity() if asked else None)

"""Brings a shelf up to date with what the shop changed in its catalogue."""

from dataclasses import replace

from features.stock import updated
from recommender.policy import always_eligible
from serving.ports import StockChanges
from serving.shelf import Shelf, stocked_shelf


def stocked(shelf: Shelf, changes: StockChanges, now: int) -> Shelf:
    """Return the shelf with all changes after its own revision in its catalogue, at ``now`` (seconds since 1970)."""
    news = [fields for item, fields in changes.items.items() if changes.since[item] > shelf.revision]
    if not news:
        return replace(shelf, revision=max(shelf.revision, changes.revision))
    before = shelf.eligible(now)
    bundle = updated(shelf.bundle, news, now)
    after = always_eligible(bundle.catalogue, now)
    back = bool((after[: len(before)] & ~before).any()) or bool(after[len(before) :].any())
    opened = changes.revision if back else shelf.opened
    return stocked_shelf(shelf, bundle, changes, opened)

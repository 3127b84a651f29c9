"""Brings a snapshot up to date with what the shop changed in its catalogue."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from features.catalogue_changes import updated
from recommender.policy import always_eligible
from serving.ports import CatalogueChanges
from serving.snapshot import Snapshot, with_changes
from serving.stream import StreamId


class KnownChanges:
    """Every change that the shop ever told, field by field. It grows in place: a full feed is not copied for each."""

    def __init__(self) -> None:
        """Know of no change."""
        self.revision = 0
        self._items: dict[str, Mapping[str, Any]] = {}
        self._since: dict[str, int] = {}
        """The latest change last."""
        self._logged: dict[str, Mapping[str, StreamId]] = {}

    def add(self, news: CatalogueChanges) -> None:
        """Put what changed above what was known."""
        self.revision = news.revision
        for item, since in sorted(news.since.items(), key=lambda changed: changed[1]):
            self._items[item] = {**self._items.get(item, {}), **news.items[item]}
            self._logged[item] = {**self._logged.get(item, {}), **news.logged.get(item, {})}
            self._since.pop(item, None)
            self._since[item] = since

    def after(self, revision: int) -> CatalogueChanges:
        """Return the items that changed after ``revision``, whole; it costs what they cost, however many are known."""
        since = dict(takewhile(lambda changed: changed[1] > revision, reversed(self._since.items())))
        items, logged = ({item: one[item] for item in since} for one in (self._items, self._logged))
        return CatalogueChanges(self.revision, items, since, logged)


def caught_up(snapshot: Snapshot, changes: CatalogueChanges, now: int) -> Snapshot:
    """Return the snapshot with all changes after its own revision in its catalogue, at ``now`` (seconds since 1970)."""
    news = [fields for item, fields in changes.items.items() if changes.since[item] > snapshot.revision]
    if not news:
        return replace(snapshot, revision=max(snapshot.revision, changes.revision))
    before = snapshot.eligible(now)
    bundle = updated(snapshot.bundle, news, now)
    after = always_eligible(bundle.catalogue, now)
    back = bool((after[: len(before)] & ~before).any()) or bool(after[len(before) :].any())
    opened = changes.revision if back else snapshot.opened
    return with_changes(snapshot, bundle, changes, opened)

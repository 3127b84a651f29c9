"""Twins of the Redis adapters that keep everything in this process: for tests, and for a look without a Redis."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.ports import CatalogueChanges, Peek


@dataclass(slots=True)
class Head:
    """What a look into the cache tells of a customer, beside the list."""

    revision: int = 0
    same_as: str | None = None
    personalize: bool = True


class MemoryCache:
    """Keeps lists in a dictionary; nothing expires."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[tuple[str | None, str], bytes] = {}
        self.heads: defaultdict[str | None, Head] = defaultdict(Head)
        self.catalogue_revision = 0

    def peek(self, customer: str | None, entry: str) -> Peek | None:
        """Return what is kept."""
        head, found = self.heads[customer], self.entries.get((customer, entry))
        return Peek(head.revision, self.catalogue_revision, found, head.same_as, head.personalize)

    def store(self, customer: str | None, entry: str, revision: int, value: bytes, seconds: int) -> None:
        """Keep ``value``, unless the customer's revision is no longer ``revision``."""
        if self.heads[customer].revision == revision:
            self.entries[customer, entry] = value

    def drop(self, customer: str) -> int:
        """Drop all lists of a customer, and return how many they were."""
        theirs = [key for key in self.entries if key[0] == customer]
        return len([self.entries.pop(key) for key in theirs])


class MemoryCatalogue:
    """Keeps changed items in a dictionary."""

    def __init__(self) -> None:
        """Begin with no changes."""
        self._revision = 0
        self.items: dict[str, dict[str, Any]] = {}
        self.since: dict[str, int] = {}

    def revision(self) -> int:
        """Return how many times the catalogue has changed."""
        return self._revision

    def changes(self, since: int) -> CatalogueChanges:
        """Return the items that changed after revision ``since``."""
        ids = [i for i, revision in self.since.items() if revision > since]
        return CatalogueChanges(self._revision, {i: self.items[i] for i in ids}, {i: self.since[i] for i in ids})

    def put(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Change the given fields of each item and return the revision that they lead to."""
        self._revision += 1
        for item in items:
            self.items.setdefault(item["item_id"], {}).update(item)
            self.since[item["item_id"]] = self._revision
        return self._revision


class MemoryServedLists:
    """Keeps served lists in a dictionary; nothing expires."""

    def __init__(self) -> None:
        """Begin empty."""
        self.lists: dict[str, bytes] = {}

    def remember(self, list_id: str, value: bytes, seconds: int) -> None:
        """Keep what is needed to continue a list."""
        self.lists[list_id] = value

    def recall(self, list_id: str) -> bytes | None:
        """Return what was kept, or None."""
        return self.lists.get(list_id)

"""Twins of the Redis adapters that keep everything in this process: for tests, and for a look without a Redis."""

from collections.abc import Mapping, Sequence
from typing import Any

from features.profile import Profile
from serving.ports import Peek, StockChanges


class MemoryCache:
    """Keeps lists in a dictionary; nothing expires."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[tuple[str | None, str], bytes] = {}
        self.revisions: dict[str | None, int] = {}
        self.stock = 0

    def peek(self, customer: str | None, entry: str) -> Peek | None:
        """Return what is kept."""
        return Peek(self.revisions.get(customer, 0), self.stock, self.entries.get((customer, entry)))

    def store(self, customer: str | None, entry: str, revision: int, value: bytes, seconds: int) -> None:
        """Keep ``value``, unless the customer's revision is no longer ``revision``."""
        if self.revisions.get(customer, 0) == revision:
            self.entries[customer, entry] = value


class MemoryProfiles:
    """Keeps profiles in a dictionary."""

    def __init__(self, profiles: Sequence[Profile] = ()) -> None:
        """Begin with ``profiles``."""
        self.profiles = {p.user_id: p for p in profiles}

    def read(self, ids: Sequence[str]) -> list[Profile]:
        """Return the profile of each id, an empty one for the unknown."""
        return [self.profiles.get(i, Profile(i)) for i in ids]


class MemoryStock:
    """Keeps changed items in a dictionary."""

    def __init__(self) -> None:
        """Begin with no changes."""
        self._revision = 0
        self.items: dict[str, dict[str, Any]] = {}
        self.since: dict[str, int] = {}

    def revision(self) -> int:
        """Return how many times the catalogue has changed."""
        return self._revision

    def changes(self, since: int) -> StockChanges:
        """Return the items that changed after revision ``since``."""
        ids = [i for i, revision in self.since.items() if revision > since]
        return StockChanges(self._revision, {i: self.items[i] for i in ids}, {i: self.since[i] for i in ids})

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

"""What the use cases need from outside, each as small as its caller."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from features.profile import Profile
from serving.event_records import Record


@dataclass(frozen=True, slots=True)
class Peek:
    """What one look into the cache tells."""

    revision: int
    """How many times the customer's state has changed; 0 where nothing is known of them."""
    stock: int
    """How many times the shop's catalogue has changed."""
    entry: bytes | None
    """The cached list, whether still valid or not."""
    same_as: str | None = None
    """The customer into whom this visitor was merged."""
    personalize: bool = True
    """False where the customer chose lists that know nothing of them."""


class Cache(Protocol):
    """Lists already made, one group of entries a customer. Fails open: it never raises."""

    def peek(self, customer: str | None, entry: str) -> Peek | None:
        """Return what is cached in one round trip, or None where the cache does not answer.

        ``customer`` None looks among the lists that are the same for everyone, and touches no customer's key.
        """
        ...

    def store(self, customer: str | None, entry: str, revision: int, value: bytes, seconds: int) -> None:
        """Keep ``value``, unless the customer's revision is no longer ``revision``."""
        ...


class Profiles(Protocol):
    """The live state of customers and visitors. Raises Unavailable."""

    def read(self, ids: Sequence[str]) -> list[Profile]:
        """Return the profile of each id, an empty one for the unknown."""
        ...


@dataclass(frozen=True, slots=True)
class StockChanges:
    """The items that changed in the catalogue, and the revision that they lead to."""

    revision: int
    items: Mapping[str, Mapping[str, Any]]
    """All fields by item id, as FORMATS names them."""
    since: Mapping[str, int]
    """At which revision each item changed last."""


class Stock(Protocol):
    """What the shop changed in its catalogue since training. Raises Unavailable."""

    def changes(self, since: int) -> StockChanges:
        """Return the items that changed after revision ``since``."""
        ...

    def get(self, item_id: str) -> Mapping[str, Any] | None:
        """Return the changed item's fields, or None where it never changed."""
        ...

    def put(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Keep each item (the last one of an id wins) and return the revision that they lead to."""
        ...


class ServedLists(Protocol):
    """Lists that were shown, from which a next page continues. Raises Unavailable."""

    def remember(self, list_id: str, value: bytes, seconds: int) -> None:
        """Keep what is needed to continue a list."""
        ...

    def recall(self, list_id: str) -> bytes | None:
        """Return what was kept, or None when it is too old or was never kept."""
        ...


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the records of one call."""

    status: str
    """A letter each: ``a`` accepted, ``d`` repeated, ``c`` repeated with other content, ``m`` of a merged customer."""
    lengths: Mapping[str, int]
    """How many live events each customer has whose state changed."""
    same_as: Mapping[str, str]
    """Into whom each customer was merged whose records came back as ``m``."""


class EventLog(Protocol):
    """Where events are kept until the archive has them. Raises Unavailable, and has then stored nothing of the call."""

    def append(self, records: Sequence[Record], now: float) -> Appended:
        """Store the records, each event id once."""
        ...

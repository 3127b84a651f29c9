"""What the use cases need from outside, each as small as its caller."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from features.profile import Profile
from features.tag_rules import Earned
from recommender.config import LiveSettings
from serving.event_records import Record
from serving.stream import Entry, StreamId


class Peek(NamedTuple):
    """What one look into the cache tells."""

    revision: int
    """How many times the customer's state has changed; 0 where nothing is known of them."""
    catalogue_revision: int
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
class CatalogueChanges:
    """The items that changed in the catalogue, and the revision that they lead to."""

    revision: int
    items: Mapping[str, Mapping[str, Any]]
    """All fields by item id, as FORMATS names them."""
    since: Mapping[str, int]
    """At which revision each item changed last."""
    logged: Mapping[str, Mapping[str, StreamId]] = field(default_factory=dict)
    """The entry of the log that holds the last change of a field, by item id, where there is one."""

    def beyond(self, archived: StreamId) -> "CatalogueChanges":
        """Return only what was not ``archived`` yet: of the rest the archive has the last word."""
        items: dict[str, Mapping[str, Any]] = {}
        for item, fields in self.items.items():
            logged = self.logged.get(item, {})
            if news := {name: says for name, says in fields.items() if name not in logged or logged[name] > archived}:
                items[item] = news
        return CatalogueChanges(self.revision, items, {item: self.since[item] for item in items}, self.logged)


class CatalogueStore(Protocol):
    """What the shop changed in its catalogue since training. Raises Unavailable."""

    def revision(self) -> int:
        """Return the revision to which the catalogue has changed; 0 for never."""
        ...

    def changes(self, since: int) -> CatalogueChanges:
        """Return the items that changed after revision ``since``."""
        ...

    def put(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Change the given fields of each item and return the revision that they lead to."""
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
    """A letter each: ``a`` accepted, ``d`` repeated, ``c`` repeated with other content, ``m`` of a merged customer,
    ``e`` from before its customer asked to be forgotten."""
    beyond: Mapping[str, int]
    """How many live events each customer of whom one came has beyond those that compaction keeps: the recent ones, or
    what the last compaction left where that is more. Who has none is not in it."""
    same_as: Mapping[str, str]
    """Into whom each customer was merged whose records came back as ``m``."""


class Waiting(NamedTuple):
    """What the log holds that is not archived yet."""

    entries: int
    since: int
    """When the oldest entry came, in milliseconds since 1970; 0 where none waits."""


class EventLog(Protocol):
    """Where events are kept until the archive has them. Raises Unavailable, and has then stored nothing of the call."""

    def append(self, records: Sequence[Record], now: float, limits: LiveSettings) -> Appended:
        """Store the records, each event id once."""
        ...

    def waiting(self) -> Waiting:
        """Return what the archiver has still to do."""
        ...


REPLACED = ("tags", "birthday", "region", "language", "attributes")
"""What a declaration takes away where it does not say it; a consent stands until another one is declared."""


class Customers(Protocol):
    """What customers, and the shop on their behalf, change of their live state. Raises Unavailable."""

    def declare(self, said: Sequence[tuple[str, Mapping[str, Any]]], now: float) -> None:
        """Replace what is declared of these customers, or of those into whom they were merged; of all or of none."""
        ...

    def choose(self, one: str, personalize: bool, now: float) -> None:
        """Keep the customer's choice of personal or common lists."""
        ...

    def give(self, one: str, tag: str, weight: float, now: float) -> None:
        """Put a tag on a customer by hand."""
        ...

    def mute(self, one: str, tag: str) -> None:
        """Take a tag off a customer for good: only a hand may put it back."""
        ...

    def merge(self, visitor: str, customer: str, now: float) -> bool:
        """Join a visitor into a customer; False where that was done before. Raises Conflict where it cannot be."""
        ...

    def resolve(self, one: str) -> str:
        """Return the customer into whom ``one`` was merged, or ``one``."""
        ...

    def compact(self, profile: Profile, recent: int, earned: Sequence[Earned]) -> bool:
        """Keep the ``recent`` latest events, what lasts of the older ones, and tags; False if the state has changed."""
        ...

    def forget(self, ids: Sequence[str], now: float) -> Mapping[str, int]:
        """Delete all that is kept of these ids, and mark that what bundles hold of them is not to be used.

        Returns how many of each kind of thing were deleted.
        """
        ...

    def export(self, one: str) -> Mapping[str, Any]:
        """Return all that is kept of one id, in the words of the API."""
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """A customer's erasure request, and how far it has come."""

    receipt: str
    ids: tuple[str, ...]
    """The customer, and the visitors that were merged into them."""
    asked_at: int
    """Seconds since 1970; what happens later is another story."""
    removed: Mapping[str, int]
    """How many of each kind of thing."""
    done: bool = False
    """The archive has been cleaned too."""

    @property
    def until(self) -> int:
        """Return the last moment that the request is about, in milliseconds since 1970: its second counts whole."""
        return self.asked_at * 1000 + 999


class Erasures(Protocol):
    """The erasure requests, which the archiver fulfils in the files. Raises Unavailable."""

    def ask(self, erasure: Erasure) -> None:
        """Keep the request: from now on no training reads what was archived of these customers."""
        ...

    def get(self, receipt: str) -> Erasure | None:
        """Return the request with this receipt, or None."""
        ...

    def open(self) -> Sequence[Erasure]:
        """Return the requests that the files do not fulfil yet, oldest first."""
        ...

    def add(self, receipt: str, removed: Mapping[str, int], *, done: bool) -> Erasure | None:
        """Note what was removed, beside what is noted, and that the request is fulfilled where it is ``done``.

        Returns the request as it then stands; None where it is not known.
        """
        ...


class Stream(Protocol):
    """The log as its archiver sees it. Raises Unavailable."""

    def waiting(self, most: int) -> list[Entry]:
        """Return the oldest entries, at most ``most``."""
        ...

    def length(self) -> int:
        """Return how many entries wait."""
        ...

    def trim(self, last: StreamId) -> None:
        """Let go of everything up to and with ``last``."""
        ...

    def stay_after(self, last: StreamId) -> None:
        """Make every id to come greater than ``last``."""
        ...


class Files(Protocol):
    """The files that hold customers' rows."""

    def remove(self, erasure: Erasure) -> dict[str, int]:
        """Take these customers out of every file, and return how many rows of each kind went."""
        ...


class Archived(Protocol):
    """What the archive holds of customers. Raises Unavailable, and where too many look at once."""

    def events_of(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Return the events of these ids, the oldest first; what cannot be read is known before the first."""
        ...

    def rows_left(self, erasure: Erasure) -> int:
        """Return how many events of these customers, up to their request, the files hold, by looking."""
        ...

    def letters_left(self, erasure: Erasure) -> int:
        """Return how many lines of what could not be read name one of these customers."""
        ...

    def declared_of(self, one: str) -> Mapping[str, Any]:
        """Return what the file of customers says of one id."""
        ...

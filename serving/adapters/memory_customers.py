"""Twins of the Redis adapters of customers and of the log, over one state in this process; nothing expires."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from features.live_events import LiveEvents
from features.profile import Profile
from features.tag_rules import CustomerTag, Earned
from recommender.config import LiveSettings
from recommender.errors import Conflict, InvalidInput
from recommender.values import EventType
from serving.adapters import tag_codec
from serving.adapters.memory import MemoryCache
from serving.event_records import Record
from serving.ports import Appended


@dataclass(slots=True)
class Person:
    """What is kept of one customer or visitor, beside the head of their cached lists."""

    events: list[bytes] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)
    tags: dict[str, bytes] = field(default_factory=dict)
    declared: Mapping[str, Any] | None = None
    declared_at: int | None = None
    wishes: dict[str, bool] = field(default_factory=dict)
    """Whether lists may be personal, by who says so: the customer's choice and their consent."""
    also: list[str] = field(default_factory=list)
    erased_at: int | None = None


class MemoryLog:
    """Appends events to a list, and to the live state of their customers."""

    def __init__(self, customers: "MemoryCustomers") -> None:
        """Begin empty; events change the state of ``customers``."""
        self._customers = customers
        self._contents: dict[bytes, bytes] = {}
        self.payloads: list[bytes] = []

    def append(self, records: Sequence[Record], now: float, limits: LiveSettings) -> Appended:
        """Store ``records``; of one event id only the first counts."""
        heads = {record.user_id: self._customers.cache.heads[record.user_id] for record in records}
        lengths: dict[str, int] = {}
        status = "".join(self._judge(record, limits, lengths) for record in records)
        for name in lengths:
            heads[name].revision += 1
        same_as = {name: head.same_as for name, head in heads.items() if head.same_as}
        return Appended(status, {name: length for name, length in lengths.items() if length}, same_as)

    def _judge(self, record: Record, limits: LiveSettings, lengths: dict[str, int]) -> str:
        head = self._customers.cache.heads[record.user_id]
        if head.same_as:
            return "m"
        if record.identity in self._contents:
            return "d" if self._contents[record.identity] == record.content else "c"
        self._contents[record.identity] = record.content
        self.payloads.append(record.payload)
        if record.live is not None and head.personalize:
            lengths[record.user_id] = self._enter(record, record.live, limits) or lengths.get(record.user_id, 0)
        return "a"

    def _enter(self, record: Record, live: bytes, limits: LiveSettings) -> int:
        """Return how many live events the customer has, 0 where this one is an impression."""
        person = self._customers.people[record.user_id]
        if record.event is EventType.VIEW_ITEM_LIST:
            person.seen = [*person.seen, live][-limits.impressions :]
            return 0
        person.events.append(live)
        return len(person.events)


class MemoryCustomers:
    """Keeps people in a dictionary, and raises the revision of their lists in ``cache`` with every change."""

    def __init__(self, cache: MemoryCache) -> None:
        """Begin empty."""
        self.cache = cache
        self.people: defaultdict[str, Person] = defaultdict(Person)

    def _changed(self, one: str) -> None:
        head = self.cache.heads[one]
        head.revision += 1
        head.personalize = all(self.people[one].wishes.values())

    def declare(self, one: str, fields: Mapping[str, Any], now: float) -> None:
        """Replace what is declared of a customer."""
        person = self.people[one]
        person.declared, person.declared_at = dict(fields), int(now)
        if (consent := fields.get("consent_personalization")) is not None:
            person.wishes["consent"] = consent
        self._changed(one)

    def choose(self, one: str, personalize: bool, now: float) -> None:
        """Keep the customer's choice of personal or common lists."""
        self.people[one].wishes["choice"] = personalize
        self._changed(one)

    def give(self, one: str, tag: str, weight: float, now: float) -> None:
        """Put a tag on a customer by hand; raises InvalidInput where they have too many."""
        self._tag(one, tag, tag_codec.given(weight, int(now)))

    def mute(self, one: str, tag: str, now: float) -> None:
        """Take a tag off a customer for good: only a hand may put it back."""
        self._tag(one, tag, tag_codec.muted())

    def _tag(self, one: str, tag: str, value: bytes) -> None:
        tags = self.people[one].tags
        if len(tags) >= tag_codec.MOST_TAGS and tag not in tags:
            raise InvalidInput("tag", f"this customer has {tag_codec.MOST_TAGS} tags given by hand or muted already")
        tags[tag] = value
        self._changed(one)

    def merge(self, visitor: str, customer: str, now: float) -> bool:
        """Join a visitor into a customer; False where that was done before. Raises Conflict where it cannot be."""
        customer, before = self.resolve(customer), self.cache.heads[visitor].same_as
        if visitor == customer:
            raise Conflict(f"{visitor!r} cannot be merged into itself")
        if before not in (None, customer):
            raise Conflict(f"{visitor!r} is already merged into {before!r}")
        if before is None:
            self._join(visitor, self.people.pop(visitor, Person()), self.people[customer])
            for one in (visitor, *self.people[customer].also):
                self.cache.heads[one].same_as = customer
            self._changed(customer)
        return before is None

    def _join(self, visitor: str, theirs: Person, into: Person) -> None:
        """Add what is known of a visitor; what they muted stays muted, what they refused stays refused."""
        into.events += theirs.events
        into.seen += theirs.seen
        muted = {name: value for name, value in theirs.tags.items() if tag_codec.is_muted(value)}
        into.tags = theirs.tags | into.tags | muted
        into.also += [*theirs.also, *([visitor] if theirs.erased_at is None else [])]
        if not all(theirs.wishes.values()):
            into.wishes["choice"] = False

    def resolve(self, one: str) -> str:
        """Return the customer into whom ``one`` was merged, or ``one``."""
        return self.cache.heads[one].same_as or one

    def condense(self, profile: Profile, recent: int, earned: Sequence[Earned]) -> bool:
        """Keep the ``recent`` latest events, what lasts of the older ones, and tags; nothing changes meanwhile."""
        person = self.people[profile.user_id]
        person.events = LiveEvents.unpacked(person.events).condensed(recent).packed()
        person.tags |= {each.tag.name: tag_codec.earned(each) for each in earned}
        return True

    def forget(self, ids: Sequence[str], now: float) -> Mapping[str, int]:
        """Delete all that is kept of these ids but a refusal, and mark that they are forgotten."""
        gone = [self._forget(one, now) for one in ids]
        return {kind: sum(counts[kind] for counts in gone) for kind in ("lists", "events", "seen", "tags", "profile")}

    def _forget(self, one: str, now: float) -> Mapping[str, int]:
        old, lists = self.people.pop(one, Person()), self.cache.drop(one)
        refused = {} if all(old.wishes.values()) else {"choice": False}
        self.people[one] = Person(wishes=refused, erased_at=int(now))
        self.cache.heads[one].same_as = None
        self._changed(one)
        sizes = {"events": len(old.events), "seen": len(old.seen), "tags": len(old.tags)}
        return {"lists": lists, **sizes, "profile": int(old.declared is not None) + len(old.wishes)}

    def export(self, one: str) -> Mapping[str, Any]:
        """Return what was declared, and when."""
        person = self.people[one]
        return {"declared": dict(person.declared or {}), "declared_at": person.declared_at}


@dataclass(frozen=True, slots=True)
class MemoryProfiles:
    """Reads the profiles of the people that ``customers`` keeps."""

    customers: MemoryCustomers
    clock: Callable[[], float]

    def read(self, ids: Sequence[str]) -> list[Profile]:
        """Return the profile of each id, an empty one for the unknown."""
        return [_profile(one, self.customers.people.get(one, Person()), self.clock()) for one in ids]


def _profile(one: str, person: Person, now: float) -> Profile:
    kept = [tag_codec.read(name, value, now) for name, value in person.tags.items()]
    declared = person.declared or {}
    since = person.declared_at or 0
    return Profile(
        user_id=one,
        also=tuple(person.also),
        events=LiveEvents.unpacked([*person.seen, *person.events]),
        given=(
            *(CustomerTag(name, 1.0, "declared", since) for name in declared.get("tags") or ()),
            *(tag for tag in kept if tag),
        ),
        declares="tags" in declared,
        muted=frozenset(name for name, value in person.tags.items() if tag_codec.is_muted(value)),
        personalize=all(person.wishes.values()),
        erased_at=person.erased_at,
    )

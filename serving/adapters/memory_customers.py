"""Twin of the Redis adapter of customers, over one state in this process; nothing expires."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from features.live_events import LiveEvents
from features.profile import Profile
from features.tag_rules import Earned
from recommender.errors import Conflict, InvalidInput
from serving.adapters import tag_codec
from serving.adapters.memory import MemoryCache
from serving.adapters.memory_archive import MemoryStream
from serving.ports import REPLACED


@dataclass(slots=True)
class Person:
    """What is kept of one customer or visitor, beside the head of their cached lists."""

    events: list[bytes] = field(default_factory=list)
    compacted: int = 0
    """How many events the last compaction left."""
    seen: list[bytes] = field(default_factory=list)
    tags: dict[str, bytes] = field(default_factory=dict)
    declared: Mapping[str, Any] | None = None
    declared_at: int | None = None
    permissions: dict[str, bool] = field(default_factory=dict)
    """Whether lists may be personal, by who says so: the customer's choice and their consent."""
    also: list[str] = field(default_factory=list)
    erased_at: int | None = None


class MemoryCustomers:
    """Keeps people in a dictionary, and raises the revision of their lists in ``cache`` with every change."""

    def __init__(self, cache: MemoryCache, stream: MemoryStream) -> None:
        """Begin empty; what is declared, chosen and merged waits in ``stream`` for the archiver."""
        self.cache, self.stream = cache, stream
        self.people: defaultdict[str, Person] = defaultdict(Person)

    def revision(self, one: str) -> int:
        """Return how often what is kept of the customer has changed."""
        return self.cache.heads[one].revision

    def _changed(self, one: str) -> None:
        head = self.cache.heads[one]
        head.revision += 1
        head.personalize = all(self.people[one].permissions.values())

    def _log(self, kind: bytes, fact: Mapping[str, Any], now: float) -> None:
        self.stream.add({kind: orjson.dumps(fact)}, now)

    def declare(self, said: Sequence[tuple[str, Mapping[str, Any]]], now: float) -> None:
        """Replace what is declared of these customers, or of those into whom they were merged."""
        for given, fields in said:
            one = self.resolve(given)
            person = self.people[one]
            stands = {name: says for name, says in (person.declared or {}).items() if name not in REPLACED}
            person.declared, person.declared_at = stands | dict(fields), int(now)
            if (consent := fields.get("consent_personalization")) is not None:
                person.permissions["consent"] = consent
            self._changed(one)
            self._log(b"user", {"user_id": one, **dict.fromkeys(REPLACED), **fields}, now)

    def choose(self, one: str, personalize: bool, now: float) -> None:
        """Keep the customer's choice of personal or common lists."""
        self.people[one].permissions["choice"] = personalize
        self._changed(one)
        self._log(b"user", {"user_id": one, "personalize_chosen": personalize}, now)

    def give(self, one: str, tag: str, weight: float, now: float) -> None:
        """Put a tag on a customer by hand; raises InvalidInput where they have too many."""
        self._tag(one, tag, tag_codec.given(weight, int(now)))

    def mute(self, one: str, tag: str) -> None:
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
            theirs = self.people.pop(visitor, Person())
            refused = not all(theirs.permissions.values())
            self._join(visitor, theirs, self.people[customer])
            if theirs.erased_at is not None:
                self.people[visitor] = Person(erased_at=theirs.erased_at)
            for one in (visitor, *self.people[customer].also):
                self.cache.heads[one].same_as = customer
            self._changed(customer)
            self._log(b"merge", {"visitor_id": visitor, "user_id": customer, "merged_at": int(now * 1000)}, now)
            if refused:
                self._log(b"user", {"user_id": customer, "personalize_chosen": False}, now)
        return before is None

    def _join(self, visitor: str, theirs: Person, into: Person) -> None:
        """Add what is known of a visitor; what they muted stays muted, what they refused stays refused."""
        into.events += theirs.events
        into.seen += theirs.seen
        muted = {name: value for name, value in theirs.tags.items() if tag_codec.is_muted(value)}
        into.tags = theirs.tags | into.tags | muted
        into.also += [*theirs.also, *([visitor] if theirs.erased_at is None else [])]
        if not all(theirs.permissions.values()):
            into.permissions["choice"] = False

    def resolve(self, one: str) -> str:
        """Return the customer into whom ``one`` was merged, or ``one``."""
        return self.cache.heads[one].same_as or one

    def compact(self, profile: Profile, recent: int, earned: Sequence[Earned]) -> bool:
        """Keep the ``recent`` latest events, what lasts of the older ones, and tags; False if the state has changed."""
        if self.revision(profile.user_id) != profile.revision:
            return False
        person = self.people[profile.user_id]
        person.events = LiveEvents.unpacked(person.events).compacted(recent).packed()
        person.compacted = len(person.events)
        person.tags |= {each.tag.name: tag_codec.earned(each) for each in earned}
        return True

    def forget(self, ids: Sequence[str], now: float) -> Mapping[str, int]:
        """Delete all that is kept of these ids but a refusal, and mark that they are forgotten."""
        gone = [self._forget(one, now) for one in ids]
        return {kind: sum(counts[kind] for counts in gone) for kind in ("lists", "events", "seen", "tags", "profile")}

    def _forget(self, one: str, now: float) -> Mapping[str, int]:
        old, lists = self.people.pop(one, Person()), self.cache.drop(one)
        refused = {} if all(old.permissions.values()) else {"choice": False}
        self.people[one] = Person(permissions=refused, erased_at=int(now))
        self.cache.heads[one].same_as = None
        self._changed(one)
        sizes = {"events": len(old.events), "seen": len(old.seen), "tags": len(old.tags)}
        return {"lists": lists, **sizes, "profile": int(old.declared is not None) + len(old.permissions)}

    def export(self, one: str) -> Mapping[str, Any]:
        """Return what was declared, and when."""
        person = self.people[one]
        return {"declared": dict(person.declared or {}), "declared_at": person.declared_at}

"""What customers change of their live state, in Redis: each change is one script, so it happens whole or not at all.

Every change raises the revision of the customer's lists, so no list made before it is shown after it. Raises
Unavailable when Redis is down, full or read-only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from features.live_events import LiveEvents
from features.profile import Profile
from features.tag_rules import Earned
from recommender.errors import Conflict, InvalidInput
from serving.adapters import keys, tag_codec
from serving.adapters.redis_link import RedisLink, pack
from serving.adapters.scripts import CHANGE, COMPACT, FORGET, MERGE, TAG
from serving.ports import REPLACED

KINDS: tuple[keys.CustomerKey, ...] = ("lists", "events", "seen", "tags", "profile")
SAID = "said:"
"""Before the name of what stands, in a profile, until it is declared anew: a consent."""
MOST_MOVES = 8
"""How often a customer may be merged into another one while a visitor is merged into them."""


@dataclass(frozen=True, slots=True)
class RedisCustomers:
    """Changes the live state of one shop's customers."""

    link: RedisLink
    shop: str
    ttl: Callable[[], int]
    """Seconds for which live state is kept."""

    def declare(self, said: Sequence[tuple[str, Mapping[str, Any]]], now: float) -> None:
        """Replace what is declared of these customers, or of those into whom they were merged; of all or of none."""
        into = self._resolved([one for one, _ in said])
        changes = [_declaration(one, fields, now) for one, (_, fields) in zip(into, said, strict=True)]

        def send(client: "redis.Redis") -> None:
            with client.pipeline(transaction=True) as pipeline:
                for change in changes:
                    names, arguments = self._changing(*change)
                    pipeline.eval(CHANGE, len(names), *names, *arguments)
                pipeline.execute()

        self.link.run(send)

    @property
    def _withheld(self) -> str:
        return keys.shared(self.shop, "withheld")

    def choose(self, one: str, personalize: bool, now: float) -> None:
        """Keep the customer's choice of personal or common lists."""
        says = str(int(personalize))
        fields = ["personalize", says, *(["files_choice", says] if personalize else [])]
        self._run(CHANGE, *self._changing(one, {"user_id": one, "personalize_chosen": personalize}, fields))

    def _changing(
        self, one: str, entry: Mapping[str, Any], fields: Sequence[str | bytes]
    ) -> tuple[list[str], list[Any]]:
        """Return the keys and arguments with which ``CHANGE`` sets fields of a customer's profile."""
        names = [*self._names(one, "lists", "profile"), keys.shared(self.shop, "log"), self._withheld]
        return names, [self.ttl(), keys.REMEMBER_SECONDS, keys.any_lists(self.shop), orjson.dumps(entry), *fields]

    def give(self, one: str, tag: str, weight: float, now: float) -> None:
        """Put a tag on a customer by hand; raises InvalidInput where they have too many."""
        self._tag(one, tag, tag_codec.given(weight, int(now)))

    def mute(self, one: str, tag: str) -> None:
        """Take a tag off a customer for good: only a hand may put it back."""
        self._tag(one, tag, tag_codec.muted())

    def _tag(self, one: str, tag: str, value: bytes) -> None:
        names = self._names(one, "lists", "tags")
        if not self._run(TAG, names, [self.ttl(), keys.REMEMBER_SECONDS, tag_codec.MOST_TAGS, tag, value]):
            raise InvalidInput("tag", f"this customer has {tag_codec.MOST_TAGS} tags given by hand or muted already")

    def merge(self, visitor: str, customer: str, now: float) -> bool:
        """Join a visitor into a customer; False where that was done before. Raises Conflict where it cannot be."""
        for _ in range(MOST_MOVES):
            into = self.resolve(customer)
            if visitor == into:
                raise Conflict(f"{visitor!r} cannot be merged into itself")
            done = self._merge(visitor, into, now)
            if done == -1:
                raise Conflict(f"{visitor!r} is already merged into {self.resolve(visitor)!r}")
            if done >= 0:
                return bool(done)
        raise Conflict(f"{customer!r} is being merged into others")

    def _merge(self, visitor: str, customer: str, now: float) -> int:
        names = [
            *self._names(visitor, *KINDS),
            *self._names(customer, *KINDS),
            keys.shared(self.shop, "log"),
            self._withheld,
        ]
        entry = orjson.dumps({"visitor_id": visitor, "user_id": customer, "merged_at": int(now * 1000)})
        times = [keys.REMEMBER_SECONDS, self.ttl(), keys.REMEMBER_SECONDS]
        refusal = orjson.dumps({"user_id": customer, "personalize_chosen": False})
        arguments = [visitor, customer, *times, tag_codec.muted()[:1], entry, keys.any_lists(self.shop), refusal]
        return int(self._run(MERGE, names, arguments))

    def resolve(self, one: str) -> str:
        """Return the customer into whom ``one`` was merged, or ``one``."""
        return self._resolved([one])[0]

    def _resolved(self, ids: Sequence[str]) -> list[str]:
        request = b"".join(pack("HGET", self._names(one, "lists")[0], keys.SAME_AS) for one in ids)
        found: list[bytes | None] = self.link.exchange(request, len(ids))
        return [into.decode() if into else one for one, into in zip(ids, found, strict=True)]

    def compact(self, profile: Profile, recent: int, earned: Sequence[Earned]) -> bool:
        """Keep the ``recent`` latest events, what lasts of the older ones, and tags; False if the state has changed."""
        names = self._names(profile.user_id, "lists", "events", "tags")
        raw: list[bytes] = self.link.run(lambda client: client.lrange(names[1], 0, -1))
        events = LiveEvents.unpacked(raw).compacted(recent).packed()
        tags = [part for each in earned for part in (each.tag.name, tag_codec.earned(each))]
        times = (self.ttl(), keys.REMEMBER_SECONDS)
        return bool(self._run(COMPACT, names, [profile.revision, *times, len(events), *events, *tags]))

    def forget(self, ids: Sequence[str], now: float) -> Mapping[str, int]:
        """Delete all that is kept of these ids, and mark that what bundles hold of them is not to be used."""
        gone = [
            self._run(FORGET, [*self._names(one, *KINDS), self._withheld], [int(now), keys.REMEMBER_SECONDS])
            for one in ids
        ]
        return {kind: sum(counts[at] for counts in gone) for at, kind in enumerate(KINDS)}

    def export(self, one: str) -> Mapping[str, Any]:
        """Return the fields of the customer's profile that no Profile carries: what was declared, and when."""
        fields = self.link.run(lambda client: client.hgetall(self._names(one, "profile")[0]))
        stands = {
            name.decode().removeprefix(SAID): orjson.loads(value)
            for name, value in fields.items()
            if name.startswith(SAID.encode())
        }
        declared = stands | orjson.loads(fields.get(b"declared", b"{}"))
        return {"declared": declared, "declared_at": int(fields.get(b"declared_at", 0)) or None}

    def _names(self, one: str, *kinds: keys.CustomerKey) -> list[str]:
        return [keys.customer(self.shop, kind, one) for kind in kinds]

    def _run(self, script: str, names: Sequence[str], arguments: Sequence[Any]) -> Any:
        return self.link.run(lambda client: client.eval(script, len(names), *names, *arguments))


def _declaration(one: str, fields: Mapping[str, Any], now: float) -> tuple[str, dict[str, Any], Sequence[str | bytes]]:
    """Return the customer, the entry for the log and the fields of the profile that a declaration changes."""
    profile: list[str | bytes] = ["declared", orjson.dumps(fields), "declared_at", str(int(now))]
    for name in fields.keys() - REPLACED:
        profile += [SAID + name, orjson.dumps(fields[name])]
    if (consent := fields.get("consent_personalization")) is not None:
        profile += ["consent", str(int(consent)), *(["files_consent", "1"] if consent else [])]
    return one, {"user_id": one, **dict.fromkeys(REPLACED), **fields}, profile

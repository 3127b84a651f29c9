"""The live state of customers in Redis, read. Raises Unavailable within milliseconds when Redis does not answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from features.live_events import LiveEvents
from features.profile import Profile
from features.tag_rules import CustomerTag
from serving.adapters import keys, tag_codec
from serving.adapters.redis_link import RedisLink, pack

COMMANDS = 5
"""By which one profile is read."""
FIELDS = ("declared", "declared_at", "also", "erased_at", *keys.PERMISSIONS)
"""Of a customer's ``profile`` hash."""


@dataclass(frozen=True, slots=True)
class RedisProfiles:
    """Reads the profiles of one shop, all that are asked for in one round trip."""

    link: RedisLink
    shop: str
    clock: Callable[[], float]

    def read(self, ids: Sequence[str]) -> list[Profile]:
        """Return the profile of each id, an empty one for the unknown."""
        if not ids:
            return []
        request = b"".join(self._look(one) for one in ids)
        replies = self.link.exchange(request, COMMANDS * len(ids))
        now = self.clock()
        parts = (replies[COMMANDS * at : COMMANDS * (at + 1)] for at in range(len(ids)))
        return [_profile(one, part, now) for one, part in zip(ids, parts, strict=True)]

    def _look(self, one: str) -> bytes:
        key = [keys.customer(self.shop, kind, one) for kind in ("lists", "events", "seen", "tags", "profile")]
        commands = (
            pack("HGET", key[0], keys.REVISION),  # first: what comes meanwhile must look newer than it
            pack("LRANGE", key[1], 0, -1),
            pack("LRANGE", key[2], 0, -1),
            pack("HGETALL", key[3]),
            pack("HMGET", key[4], *FIELDS),
        )
        return b"".join(commands)


def _profile(one: str, replies: list[Any], now: float) -> Profile:
    revision, events, seen, tags, fields = replies
    stored: Mapping[bytes, bytes] = tags if isinstance(tags, Mapping) else dict(zip(tags[::2], tags[1::2], strict=True))
    kept = [tag_codec.read(name.decode(), value, now) for name, value in stored.items()]
    known: dict[str, bytes | None] = dict(zip(FIELDS, fields, strict=True))
    declared = known["declared"]
    return Profile(
        user_id=one,
        also=tuple(orjson.loads(known["also"] or b"[]")),
        events=LiveEvents.unpacked([*seen, *events]),
        given=(*_declared(declared, int(known["declared_at"] or 0)), *(tag for tag in kept if tag)),
        declares=declared is not None,
        muted=frozenset(name.decode() for name, value in stored.items() if tag_codec.is_muted(value)),
        personalize=all(known[permission] != b"0" for permission in keys.PERMISSIONS),
        erased_at=int(known["erased_at"]) if known["erased_at"] else None,
        revision=int(revision or 0),
    )


def _declared(declared: bytes | None, since: int) -> list[CustomerTag]:
    fields: dict[str, Any] = orjson.loads(declared or b"{}")
    return [CustomerTag(name, 1.0, "declared", since) for name in fields.get("tags") or ()]

"""The live state of customers in Redis, read. Raises Unavailable within milliseconds when Redis does not answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis
import orjson
from redis.exceptions import RedisError

from features.live_events import LiveEvents
from features.profile import Profile
from features.tag_rules import CustomerTag
from recommender.errors import Unavailable
from serving.adapters import keys, tag_codec
from serving.adapters.redis_link import RedisLink

WISHES = ("personalize", "consent", "files_choice", "files_consent")
"""Whether lists may be personal: what the customer chose and the shop declared, over the API and in files."""
FIELDS = ("declared", "declared_at", "also", "erased_at", *WISHES)
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
        try:
            replies = self.link.exchange(request, 4 * len(ids))
        except RedisError as error:
            raise Unavailable("the live state") from error
        now = self.clock()
        return [_profile(one, replies[4 * at : 4 * at + 4], now) for at, one in enumerate(ids)]

    def _look(self, one: str) -> bytes:
        key = [keys.customer(self.shop, kind, one) for kind in ("events", "seen", "tags", "profile")]
        commands: tuple[tuple[str, ...], ...] = (
            ("LRANGE", key[0], "0", "-1"),
            ("LRANGE", key[1], "0", "-1"),
            ("HGETALL", key[2]),
            ("HMGET", key[3], *FIELDS),
        )
        return b"".join(hiredis.pack_command(command) for command in commands)  # type: ignore[arg-type]  # its stub knows one argument only


def _profile(one: str, replies: list[Any], now: float) -> Profile:
    events, seen, tags, fields = replies
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
        personalize=all(known[wish] != b"0" for wish in WISHES),
        erased_at=int(known["erased_at"]) if known["erased_at"] else None,
    )


def _declared(declared: bytes | None, since: int) -> list[CustomerTag]:
    fields: dict[str, Any] = orjson.loads(declared or b"{}")
    return [CustomerTag(name, 1.0, "declared", since) for name in fields.get("tags") or ()]

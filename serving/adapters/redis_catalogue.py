"""The catalogue's changes in Redis: a hash of fields an item, and the revision at which it changed. Fails loud."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from serving.adapters import keys
from serving.adapters.redis_link import RedisLink
from serving.ports import CatalogueChanges
from serving.stream import StreamId

LOGGED = "#log:"
"""What begins the name of the field that holds the log's entry by which another field was last changed."""
PUT = f"""
local clock = redis.call('TIME')
local revision = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) + 1, clock[1] * 1000 + math.floor(clock[2] / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', revision))
local at = 1
for item = 4, #KEYS do
  local id, fields = ARGV[at], tonumber(ARGV[at + 1])
  local logged = redis.call('XADD', KEYS[3], '*', 'item', ARGV[at + 2])
  at = at + 3
  local first = at
  for _ = 1, fields do
    redis.call('HSET', KEYS[item], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  for name = first, at - 2, 2 do redis.call('HSET', KEYS[item], '{LOGGED}' .. ARGV[name], logged) end
  redis.call('ZADD', KEYS[2], revision, id)
end
return revision
"""
"""One step for all items of a call, so that a reader of the revision finds every item that belongs to it.

Revisions are milliseconds since 1970, or one more than the last: a Redis that lost its last writes does not give the
same ones again, which workers would take for known.

KEYS: revision, revisions by item, log, then a hash of fields an item. ARGV: of each item its id, how many fields, all
of them as one document for the archive, then each field's name and JSON value.
"""


AT_ONCE = 1_000
"""Items that are read in one round trip."""


class RedisCatalogue:
    """As many keys as items were ever changed; the catalogue's own size is the cap.

    A change goes into the log too, so that the archive and later bundles know it. It stands above every bundle that was
    trained before it was archived; from then on the archive has the last word, which a file may have said.
    """

    def __init__(
        self, link: RedisLink, shop: str, quick: RedisLink | None = None, writing: RedisLink | None = None
    ) -> None:
        """Keep the changes of ``shop``; ``quick`` gives up sooner, for what a reader should not wait for.

        With ``writing`` for what clients change, they do not keep readers from learning what changed.
        """
        self._link, self._shop, self._quick, self._writing = link, shop, quick or link, writing or link
        self._revision = keys.shared(shop, "stock", "revision")
        self._since = keys.shared(shop, "stock", "since")
        self._log = keys.shared(shop, "log")

    def _key(self, item_id: str) -> str:
        return keys.shared(self._shop, "stock", f"item:{item_id}")

    def changes(self, since: int) -> CatalogueChanges:
        """Return the items that changed after revision ``since``; what is read is at least that fresh."""
        replies = self._pipeline(
            ("GET", self._revision), ("ZRANGEBYSCORE", self._since, f"({since}", "+inf", "WITHSCORES")
        )
        revision, changed = int(replies[0] or 0), cast(Sequence[tuple[bytes, float]], replies[1])
        when = {one.decode(): int(score) for one, score in changed}
        items = dict(zip(when, self._read(list(when)), strict=True))
        told = {item: {k: v for k, v in fields.items() if not k.startswith(LOGGED)} for item, fields in items.items()}
        logged = {
            item: {name: StreamId.read(fields[LOGGED + name]) for name in told[item] if LOGGED + name in fields}
            for item, fields in items.items()
        }
        return CatalogueChanges(max([revision, *when.values()]), told, when, logged)

    def revision(self) -> int:
        """Return the revision to which the catalogue has changed; 0 for never."""
        return int(self._quick.run(lambda client: client.get(self._revision)) or 0)

    def _read(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return the fields of each item, read in parts that each are answered in time, however many there are."""
        parts = (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))
        hashes = [fields for part in parts for fields in self._pipeline(*(("HGETALL", self._key(i)) for i in part))]
        return [{name.decode(): _value(name, value) for name, value in fields.items()} for fields in hashes]

    def put(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Change the given fields of each item and return the revision that they lead to."""
        names = [self._key(item["item_id"]) for item in items]
        arguments: list[str | bytes | int] = []
        for item in items:
            arguments += [item["item_id"], len(item), orjson.dumps(item)]
            arguments += [part for name, value in item.items() for part in (name, orjson.dumps(value))]
        names = [self._revision, self._since, self._log, *names]
        return int(self._writing.run(lambda client: client.eval(PUT, len(names), *names, *arguments)))

    def _pipeline(self, *commands: tuple[str, ...]) -> list[Any]:
        if not commands:
            return []

        def send(client: Any) -> list[Any]:
            with client.pipeline(transaction=True) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                return cast(list[Any], pipeline.execute())

        replies: list[Any] = self._link.run(send)
        return replies


def _value(name: bytes, value: bytes) -> Any:
    return value.decode() if name.startswith(LOGGED.encode()) else orjson.loads(value)

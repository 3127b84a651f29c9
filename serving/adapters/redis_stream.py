"""The stream as its archiver sees it: what waits, oldest first, and what may go. Raises Unavailable."""

from contextlib import suppress
from dataclasses import dataclass

import redis
from redis.exceptions import ResponseError

from serving.adapters import keys
from serving.adapters.redis_link import RedisLink
from serving.stream import Entry, StreamId


@dataclass(frozen=True, slots=True)
class RedisStream:
    """The log of one shop."""

    link: RedisLink
    shop: str

    @property
    def _name(self) -> str:
        return keys.shared(self.shop, "log")

    def waiting(self, most: int) -> list[Entry]:
        """Return the oldest entries, at most ``most``."""
        found = self.link.run(lambda client: client.xrange(self._name, count=most))
        return [Entry(StreamId.read(at.decode()), fields or {}) for at, fields in found]

    def length(self) -> int:
        """Return how many entries wait."""
        return int(self.link.run(lambda client: client.xlen(self._name)))

    def trim(self, last: StreamId) -> None:
        """Let go of everything up to and with ``last``."""
        after = StreamId(last.ms, last.number + 1)
        self.link.run(lambda client: client.xtrim(self._name, minid=str(after), approximate=False))

    def stay_after(self, last: StreamId) -> None:
        """Make every id to come greater than ``last``: a Redis that lost its data must not use one twice.

        What waits stays, whatever its id: an archiver that was killed may have archived a part of it only.
        """
        self.link.run(lambda client: self._raise_ids(client, StreamId(last.ms, last.number + 1)))

    def _raise_ids(self, client: "redis.Redis", mark: StreamId) -> None:
        with suppress(ResponseError):  # the stream is already ahead
            client.xadd(self._name, {"mark": "1"}, id=str(mark))
            client.xdel(self._name, str(mark))

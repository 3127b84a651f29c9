"""Lists that were shown, in Redis for half an hour. Fails loud."""

from typing import cast

from serving.adapters import keys
from serving.adapters.redis_link import RedisLink, pack


class RedisServedLists:
    """One key a list, which expires by itself."""

    def __init__(self, link: RedisLink, shop: str) -> None:
        """Keep the lists of ``shop``."""
        self._link, self._shop = link, shop

    def remember(self, list_id: str, value: bytes, seconds: int) -> None:
        """Keep what is needed to continue a list."""
        self._link.exchange(pack("SET", keys.served(self._shop, list_id), value, "EX", seconds), 1)

    def recall(self, list_id: str) -> bytes | None:
        """Return what was kept, or None when it is too old or was never kept."""
        return cast("bytes | None", self._link.exchange(pack("GET", keys.served(self._shop, list_id)), 1)[0])

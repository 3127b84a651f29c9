"""Cached lists in Redis: one hash a customer, one key a list that is nobody's. A broken Redis slows us, no more.

They lie beside the state whose revision they must match, which is kept for months where they are kept for minutes.
"""

from recommender.errors import Unavailable
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink, pack
from serving.metrics import Metrics
from serving.ports import Peek

MOST_ENTRIES = 24
"""Cached lists kept for one customer, about 100 KB; then all of them are dropped."""

STORE = """
-- KEYS: lists, cached. ARGV: the revision that the list was made at, its entry, the list, most entries, seconds.
if (redis.call('HGET', KEYS[1], 'revision') or '0') ~= ARGV[1] then return 0 end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
if redis.call('TTL', KEYS[2]) < tonumber(ARGV[5]) then redis.call('EXPIRE', KEYS[2], ARGV[5]) end
local left = redis.call('TTL', KEYS[1])
if left >= 0 and left < tonumber(ARGV[5]) then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
return 1
"""


class RedisCache:
    """Reads with one round trip; a list goes in only while the revision that it was made at still stands."""

    def __init__(self, link: RedisLink, shop: str, metrics: Metrics) -> None:
        """Keep the lists of ``shop``."""
        self._link, self._shop, self._metrics = link, shop, metrics
        self._catalogue = pack("GET", keys.shared(shop, "stock", "revision"))

    def peek(self, customer: str | None, entry: str) -> Peek | None:
        """Return what is cached in one round trip, or None where Redis does not answer."""
        try:
            *state, value, catalogue_revision = self._link.exchange(*self._look(customer, entry))
        except Unavailable:
            self._metrics.redis_failures.inc()
            return None
        revision, same_as, choice = state[0] if state else (None, None, None)
        same = same_as.decode() if same_as else None
        return Peek(int(revision or 0), int(catalogue_revision or 0), value, same, choice != b"0")

    def store(self, customer: str | None, entry: str, revision: int, value: bytes, seconds: int) -> None:
        """Keep ``value``, unless the customer's revision is no longer ``revision``."""
        try:
            if customer is None:
                self._link.exchange(pack("SET", self._shared(entry), value, "EX", seconds), 1)
            else:
                names = [keys.customer(self._shop, "lists", customer), keys.customer(self._shop, "cached", customer)]
                self._link.evaluate(STORE, names, (revision, entry, value, MOST_ENTRIES, seconds))
        except Unavailable:
            self._metrics.redis_failures.inc()

    def _look(self, customer: str | None, entry: str) -> tuple[bytes, int]:
        """Return the commands of one look, and how many they are."""
        if customer is None:
            return pack("GET", self._shared(entry)) + self._catalogue, 2
        state = pack("HMGET", keys.customer(self._shop, "lists", customer), keys.REVISION, keys.SAME_AS, keys.CHOICE)
        return state + pack("HGET", keys.customer(self._shop, "cached", customer), entry) + self._catalogue, 3

    def _shared(self, entry: str) -> str:
        return keys.shared(self._shop, "everyone", entry)

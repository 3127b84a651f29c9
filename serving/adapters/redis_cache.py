"""Cached lists in Redis: one hash a customer, one key a list that is nobody's. A broken Redis slows us, no more."""

from recommender.errors import Unavailable
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink, pack
from serving.metrics import Metrics
from serving.ports import Peek

REVISION = "revision"
"""Field of a customer's ``lists`` hash, raised by every change of their state."""
SAME_AS = "same_as"
"""Field: the customer into whom this visitor was merged."""
CHOICE = "choice"
"""Field: ``0`` where the customer wants lists that know nothing of them."""
MOST_ENTRIES = 24
"""Cached lists kept for one customer, about 100 KB; then all of them are dropped."""

STORE = """
local now = redis.call('HGET', KEYS[1], ARGV[1]) or '0'
if now ~= ARGV[2] then return 0 end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) then
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(name, 1, 1) == '#' then redis.call('HDEL', KEYS[1], name) end
  end
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[6]) then redis.call('EXPIRE', KEYS[1], ARGV[6]) end
return 1
"""


class RedisCache:
    """Reads with one round trip; a list goes in only while the revision that it was made at still stands."""

    def __init__(self, link: RedisLink, shop: str, metrics: Metrics) -> None:
        """Keep the lists of ``shop``."""
        self._link, self._shop, self._metrics = link, shop, metrics
        self._stock = pack("GET", keys.shared(shop, "stock", "revision"))

    def peek(self, customer: str | None, entry: str) -> Peek | None:
        """Return what is cached in one round trip, or None where Redis does not answer."""
        try:
            found, stock = self._link.exchange(self._look(customer, entry) + self._stock, 2)
        except Unavailable:
            self._metrics.redis_failures.inc()
            return None
        if customer is None:
            return Peek(0, int(stock or 0), found)
        revision, value, same_as, choice = found
        same = same_as.decode() if same_as else None
        return Peek(int(revision or 0), int(stock or 0), value, same, choice != b"0")

    def store(self, customer: str | None, entry: str, revision: int, value: bytes, seconds: int) -> None:
        """Keep ``value``, unless the customer's revision is no longer ``revision``."""
        try:
            if customer is None:
                self._link.exchange(pack("SET", self._shared(entry), value, "EX", seconds), 1)
            else:
                told = (REVISION, revision, f"#{entry}", value, MOST_ENTRIES, seconds)
                self._link.evaluate(STORE, [keys.customer(self._shop, "lists", customer)], told)
        except Unavailable:
            self._metrics.redis_failures.inc()

    def _look(self, customer: str | None, entry: str) -> bytes:
        if customer is None:
            return pack("GET", self._shared(entry))
        return pack("HMGET", keys.customer(self._shop, "lists", customer), REVISION, f"#{entry}", SAME_AS, CHOICE)

    def _shared(self, entry: str) -> str:
        return keys.shared(self._shop, "everyone", entry)

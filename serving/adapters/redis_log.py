"""The log in Redis: one stream a shop, and the live state that its events change.

An event is acknowledged only when it is stored; a Redis that is down, full or read-only raises Unavailable and keeps
nothing of the call. Log and live state change in one script: on Redis Cluster they would need one slot, so a cluster
holds its shop's log and customers on one node.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.config import LiveSettings
from recommender.times import DAY
from recommender.values import EventType
from serving.adapters import keys
from serving.adapters.redis_link import RedisLink, pack
from serving.event_records import Record
from serving.ports import Appended, Waiting
from serving.stream import StreamId

APPEND = """#!lua
-- Stores events in the log and in the live state of their customers, each event id once, all of a call or nothing:
-- the first line makes Redis look at memory, disk and role before the script may write.
-- KEYS: log, ids of this period, ids of the one before, then lists, events, seen, profile of each customer.
-- ARGV: seconds to keep ids, live state; how many impressions, live events; then of each event its customer (from 1),
--       identity, content, payload, live entry (empty: none), whether it is an impression (1 or 0), its time in
--       milliseconds.
-- Returns a letter an event (a accepted, d repeated, c repeated with other content, m its customer was merged, e they
-- asked later to be forgotten); of each customer of whom a live event came how many there are beyond those to
-- keep, or those that the last compaction left where they are more; and into whom each was merged ('': nobody).
local same_as, opted_out, erased, length, kept, touched, status = {}, {}, {}, {}, {}, {}, {}
for c = 1, (#KEYS - 3) / 4 do
  local head = redis.call('HMGET', KEYS[4 * c], 'same_as', 'choice', 'compacted')
  erased[c] = (tonumber(redis.call('HGET', KEYS[4 * c + 3], 'erased_at') or -1) + 1) * 1000
  same_as[c], opted_out[c], length[c] = head[1] or '', head[2] == '0', 0
  local compacted = redis.call('EXISTS', KEYS[4 * c + 1]) == 1 and head[3] or 0  -- they may have expired
  kept[c] = math.max(tonumber(compacted), tonumber(ARGV[4]))
end
local function store(at, c)
  if opted_out[c] then
    redis.call('XADD', KEYS[1], '*', 'event', ARGV[at + 3], 'unlearned', '1')
    return
  end
  redis.call('XADD', KEYS[1], '*', 'event', ARGV[at + 3])
  if ARGV[at + 4] == '' then return end
  touched[c] = touched[c] or 0
  if ARGV[at + 5] == '1' then
    touched[c] = redis.call('RPUSH', KEYS[4 * c + 2], ARGV[at + 4])
  else
    length[c] = redis.call('RPUSH', KEYS[4 * c + 1], ARGV[at + 4])
  end
end
local function judge(at, c)
  if same_as[c] ~= '' then return 'm' end
  if tonumber(ARGV[at + 6]) < erased[c] then return 'e' end
  local content = ARGV[at + 2]
  local first = redis.call('HGET', KEYS[3], ARGV[at + 1])
  if not first and redis.call('HSETNX', KEYS[2], ARGV[at + 1], content) == 0 then
    first = redis.call('HGET', KEYS[2], ARGV[at + 1])
  end
  if first then return first == content and 'd' or 'c' end
  store(at, c)
  return 'a'
end
for at = 5, #ARGV, 7 do
  status[#status + 1] = judge(at, tonumber(ARGV[at]))
end
redis.call('EXPIRE', KEYS[2], ARGV[1])
for c, seen in pairs(touched) do
  redis.call('HINCRBY', KEYS[4 * c], 'revision', 1)
  redis.call('EXPIRE', KEYS[4 * c], ARGV[2])
  if length[c] > 0 then redis.call('EXPIRE', KEYS[4 * c + 1], ARGV[2]) end
  if seen > 0 then redis.call('EXPIRE', KEYS[4 * c + 2], ARGV[2]) end
  if seen > tonumber(ARGV[3]) then redis.call('LTRIM', KEYS[4 * c + 2], -tonumber(ARGV[3]), -1) end
end
local beyond = {}
for c = 1, #kept do beyond[c] = math.max(length[c] - kept[c], 0) end
return {table.concat(status), beyond, same_as}
"""


@dataclass(frozen=True, slots=True)
class RedisLog:
    """Appends events to the log of one shop."""

    link: RedisLink
    shop: str

    def append(self, records: Sequence[Record], now: float, limits: LiveSettings) -> Appended:
        """Store ``records`` in one round trip; of one event id only the first counts. Raises Unavailable."""
        names = list(dict.fromkeys(record.user_id for record in records))
        number = {name: str(place) for place, name in enumerate(names, 1)}
        arguments: list[bytes | str] = _limits(limits)
        for record in records:
            impression = b"1" if record.event == EventType.VIEW_ITEM_LIST else b"0"
            arguments += (
                number[record.user_id],
                record.identity,
                record.content,
                record.payload,
                record.live or b"",
                impression,
                str(record.time),
            )
        status, beyond, same_as = self.link.evaluate(APPEND, self._keys(names, now, limits), arguments)
        return Appended(
            status.decode(),
            {name: events for name, events in zip(names, beyond, strict=True) if events},
            {name: into.decode() for name, into in zip(names, same_as, strict=True) if into},
        )

    def waiting(self) -> Waiting:
        """Return what is not archived yet. Raises Unavailable."""
        name = keys.shared(self.shop, "log")
        asked = pack("XLEN", name) + pack("XRANGE", name, "-", "+", "COUNT", 1)
        entries, oldest = self.link.exchange(asked, 2)  # between the two the archiver may let all of them go
        return Waiting(int(entries), StreamId.read(oldest[0][0].decode()).ms) if oldest else Waiting(0, 0)

    def _keys(self, customers: Sequence[str], now: float, limits: LiveSettings) -> list[str]:
        period = int(now // (limits.remember_ids_hours * 3_600))
        names = [keys.shared(self.shop, "log")]
        names += [keys.shared(self.shop, "ids", str(period - back)) for back in (0, 1)]
        for customer in customers:
            names += [keys.customer(self.shop, kind, customer) for kind in ("lists", "events", "seen", "profile")]
        return names


def _limits(limits: LiveSettings) -> list[bytes | str]:
    ids = int(2 * limits.remember_ids_hours * 3_600)
    return [str(ids), str(int(limits.ttl_days * DAY)), str(limits.impressions), str(limits.recent_events)]

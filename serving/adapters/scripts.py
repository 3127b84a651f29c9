"""The scripts that change a customer's state as a whole; their first line lets Redis refuse before they write."""

_OBEY = """
local function cached(lists) return 'cached' .. string.sub(lists, string.len('lists') + 1) end
local function keep(key, seconds)
  if redis.call('TTL', key) < tonumber(seconds) then redis.call('EXPIRE', key, seconds) end
end
local function withhold(lists, profile, withheld, begin, command)
  redis.call(command, withheld, lists)
  for _, one in ipairs(cjson.decode(redis.call('HGET', profile, 'also') or '[]')) do
    redis.call(command, withheld, begin .. one .. '}')
  end
end
local function obey(lists, profile, withheld, begin, lists_seconds, profile_seconds)
  redis.call('HINCRBY', lists, 'revision', 1)
  local refuses = false
  for _, says in ipairs(redis.call('HMGET', profile, 'personalize', 'consent', 'files_choice', 'files_consent')) do
    if says == '0' then refuses = true end
  end
  local erased = redis.call('HEXISTS', profile, 'erased_at') == 1
  withhold(lists, profile, withheld, begin, (refuses or erased) and 'SADD' or 'SREM')
  if refuses then
    redis.call('HSET', lists, 'choice', '0')
    redis.call('DEL', cached(lists))
    redis.call('PERSIST', lists)
    redis.call('PERSIST', profile)
  else
    redis.call('HDEL', lists, 'choice')
    keep(lists, lists_seconds)
    keep(profile, profile_seconds)
  end
end
"""
"""The choice is 0 where the customer, their consent or the shop's files say so, and then the key that tells it stays
for good. No key that is kept longer for another reason is kept shorter for this one. ``withheld`` also names the lists
of visitors merged into a customer: while Redis is down nobody can tell whose they are. All keys of lists ``begin``
alike."""

CHANGE = f"""#!lua
-- Sets fields of the profile, and what follows. KEYS: lists, profile, log, withheld. ARGV: seconds to keep lists and
-- profile, what the key of anybody's lists begins with, the log's entry, then fields.
{_OBEY}
for at = 5, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]) end
obey(KEYS[1], KEYS[2], KEYS[4], ARGV[3], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[3], '*', 'user', ARGV[4])
return 1
"""

TELL = f"""#!lua
-- Sets what the shop's files say of a customer. KEYS: lists, profile, withheld, what was told.
-- ARGV: seconds to keep lists, and profile, the customer, what is told as one word, 0 for no consent, 0 for a choice
-- against personal lists, when they were erased (0 for never), what the key of anybody's lists begins with.
-- What files say of a merged visitor is the customer's: it comes under the customer's name.
{_OBEY}
if ARGV[4] == '' then redis.call('HDEL', KEYS[4], ARGV[3]) else redis.call('HSET', KEYS[4], ARGV[3], ARGV[4]) end
if redis.call('HEXISTS', KEYS[1], 'same_as') == 1 then return 0 end
redis.call('HSET', KEYS[2], 'files_consent', ARGV[5], 'files_choice', ARGV[6])
if tonumber(ARGV[7]) > tonumber(redis.call('HGET', KEYS[2], 'erased_at') or 0) then
  redis.call('HSET', KEYS[2], 'erased_at', ARGV[7])
end
obey(KEYS[1], KEYS[2], KEYS[3], ARGV[8], ARGV[1], ARGV[2])
return 1
"""

TAG = """#!lua
-- Puts a tag on a customer, or mutes it.
-- KEYS: lists, tags. ARGV: seconds to keep lists and tags, most tags, name, value.
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[3]) and redis.call('HEXISTS', KEYS[2], ARGV[4]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'revision', 1)
if redis.call('HEXISTS', KEYS[1], 'choice') == 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return 1
"""

COMPACT = """#!lua
-- Replaces the live events, notes how many they are, and adds tags, unless anything changed since the profile was read
-- that they come from.
-- KEYS: lists, events, tags. ARGV: the profile's revision, seconds to keep events and tags, how many events, the
-- events, then names and values of tags.
if (redis.call('HGET', KEYS[1], 'revision') or '0') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
local tags = 5 + tonumber(ARGV[4])
for at = 5, tags - 1 do redis.call('RPUSH', KEYS[2], ARGV[at]) end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'compacted', ARGV[4]) end
redis.call('EXPIRE', KEYS[2], ARGV[2])
for at = tags, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1]) end
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 1
"""

MERGE = f"""#!lua
{_OBEY}
-- Joins a visitor into a customer.
-- KEYS: lists, events, seen, tags, profile of the visitor, the same of the customer, log, withheld.
-- ARGV: visitor, customer, seconds to keep the alias, live state and profile, the muted tags' first byte, the log's
-- entry, what the key of anybody's lists begins with, the log's entry where the visitor's refusal becomes theirs.
-- Returns 1 when done, 0 if it was done before, -1 if the visitor is somebody else, -2 if the customer was merged too.
if redis.call('HGET', KEYS[6], 'same_as') then return -2 end
local into = redis.call('HGET', KEYS[1], 'same_as')
if into == ARGV[2] then return 0 end
if into then return -1 end
redis.call('XADD', KEYS[11], '*', 'merge', ARGV[7])
for kind = 2, 3 do
  for _, event in ipairs(redis.call('LRANGE', KEYS[kind], 0, -1)) do redis.call('RPUSH', KEYS[kind + 5], event) end
  redis.call('EXPIRE', KEYS[kind + 5], ARGV[4])
end
local tags = redis.call('HGETALL', KEYS[4])
for at = 1, #tags, 2 do
  if string.sub(tags[at + 1], 1, 1) == ARGV[6] then redis.call('HSET', KEYS[9], tags[at], tags[at + 1]) end
  redis.call('HSETNX', KEYS[9], tags[at], tags[at + 1])
end
redis.call('EXPIRE', KEYS[9], ARGV[5])
local known = redis.call('HMGET', KEYS[5], 'also', 'erased_at')
local also = cjson.decode(redis.call('HGET', KEYS[10], 'also') or '[]')
for _, one in ipairs(cjson.decode(known[1] or '[]')) do
  if one ~= ARGV[2] then
    also[#also + 1] = one
    redis.call('HSET', ARGV[8] .. one .. '}}', 'same_as', ARGV[2])
    redis.call('EXPIRE', ARGV[8] .. one .. '}}', ARGV[3])
  end
end
if not known[2] then also[#also + 1] = ARGV[1] end
if #also > 0 then redis.call('HSET', KEYS[10], 'also', cjson.encode(also)) end
redis.call('EXPIRE', KEYS[10], ARGV[5])
local head = redis.call('HMGET', KEYS[1], 'revision', 'choice')
redis.call('HINCRBY', KEYS[6], 'revision', 1 + (tonumber(head[1]) or 0))
if head[2] == '0' then
  redis.call('HSET', KEYS[6], 'choice', '0')
  redis.call('HSET', KEYS[10], 'personalize', '0')
  redis.call('XADD', KEYS[11], '*', 'user', ARGV[9])
end
if redis.call('HEXISTS', KEYS[6], 'choice') == 1 then
  withhold(KEYS[6], KEYS[10], KEYS[12], ARGV[8], 'SADD')
  redis.call('PERSIST', KEYS[6])
  redis.call('PERSIST', KEYS[10])
else
  redis.call('EXPIRE', KEYS[6], ARGV[4])
end
redis.call('DEL', KEYS[1], cached(KEYS[1]), cached(KEYS[6]), KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', KEYS[1], 'same_as', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
if known[2] then
  redis.call('HSET', KEYS[5], 'erased_at', known[2])
  redis.call('EXPIRE', KEYS[5], ARGV[5])
end
return 1
"""

NOTE = """#!lua
-- Notes on a receipt what was removed, beside what is noted by others at the same time. KEYS: receipt, open requests.
-- ARGV: seconds to keep the receipt, what was removed as JSON, 1 where the request is fulfilled, the receipt's id.
-- Returns the receipt, or nil where there is none.
local held = redis.call('GET', KEYS[1])
if not held then return nil end
local request = cjson.decode(held)
for kind, rows in pairs(cjson.decode(ARGV[2])) do request.removed[kind] = rows end
if ARGV[3] == '1' then
  request.done = true
  redis.call('ZREM', KEYS[2], ARGV[4])
end
held = cjson.encode(request)
redis.call('SET', KEYS[1], held, 'EX', ARGV[1])
return held
"""

FORGET = f"""#!lua
-- Deletes all that is kept of one id; what stays is that it was erased, and a choice against personal lists.
-- KEYS: lists, events, seen, tags, profile, withheld. ARGV: now, seconds to keep that.
-- Returns how many of each were deleted.
{_OBEY}
local gone = {{redis.call('HLEN', cached(KEYS[1]))}}
for kind = 2, 3 do gone[kind] = redis.call('LLEN', KEYS[kind]) end
for kind = 4, 5 do gone[kind] = redis.call('HLEN', KEYS[kind]) end
local choice = redis.call('HGET', KEYS[1], 'choice')
local revision = redis.call('HINCRBY', KEYS[1], 'revision', 1)
redis.call('DEL', KEYS[1], cached(KEYS[1]), KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', KEYS[1], 'revision', revision)
redis.call('HSET', KEYS[5], 'erased_at', ARGV[1])
redis.call('SADD', KEYS[6], KEYS[1])
redis.call('EXPIRE', KEYS[5], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
if choice == '0' then
  redis.call('HSET', KEYS[1], 'choice', '0')
  redis.call('HSET', KEYS[5], 'personalize', '0')
  redis.call('PERSIST', KEYS[1])
  redis.call('PERSIST', KEYS[5])
end
return gone
"""

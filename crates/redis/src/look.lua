-- Says what a counter looks like.
-- KEYS[1] the counter.
-- Answers {how many attempts count, how many milliseconds ago the last one was where waits rise, whether nobody waits}.
local count = redis.call('HGET', KEYS[1], 'count') or '0'
local memory, remaining = redis.call('HGET', KEYS[1], 'memory'), redis.call('PTTL', KEYS[1])
local age = (memory and remaining >= 0) and math.max(0, tonumber(memory) - remaining) or 0
return {tonumber(count), age, redis.call('HEXISTS', KEYS[1], 'open')}

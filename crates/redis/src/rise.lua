-- Counts one attempt if the wait that the last one began is over. One key, so that it runs anywhere in a cluster.
-- KEYS[1] the counter; ARGV: free attempts, the first wait, the longest wait and for how long everything is remembered, in
-- milliseconds; a number for the counter should it begin now.
-- Answers {"counted", the counter's number} or {"limit", milliseconds until the wait is over}.
local counter, free, first, longest = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local memory, number = ARGV[4], ARGV[5]
local count = tonumber(redis.call('HGET', counter, 'count') or '0')
if count > 0 and count >= free and redis.call('HEXISTS', counter, 'open') == 0 then
  local remaining = redis.call('PTTL', counter)
  -- A counter that never ends would make its wait anew for good: it is as if the last attempt were just now.
  if remaining == -1 then
    redis.call('PEXPIRE', counter, memory)
    remaining = tonumber(memory)
  end
  local age = tonumber(redis.call('HGET', counter, 'memory') or memory) - remaining
  local wait = math.min(first * 2 ^ math.min(count - free, 62), longest)
  if age < wait then
    return {'limit', math.ceil(wait - age)}
  end
end
if redis.call('HSETNX', counter, 'window', number) == 0 then
  number = redis.call('HGET', counter, 'window')
  if not string.match(number, '^%d+$') then
    return redis.error_reply('WINDOW is no number')
  end
end
redis.call('HINCRBY', counter, 'count', 1)
redis.call('HSET', counter, 'memory', memory)
redis.call('HDEL', counter, 'open')
redis.call('PEXPIRE', counter, memory)
return {'counted', number}

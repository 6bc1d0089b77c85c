-- Counts one attempt if fewer than the limit stand in the window. One key, so that it runs anywhere in a cluster.
-- KEYS[1] the counter; ARGV: limit, window in milliseconds, a number for the window should it begin now.
-- Answers {"counted", the window's number} or {"limit", milliseconds until the window ends}.
local counter, limit, window, number = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3]
if tonumber(redis.call('HGET', counter, 'count') or '0') >= limit then
  local remaining = redis.call('PTTL', counter)
  if remaining == -1 then
    -- A counter that never ends would lock somebody out for good.
    redis.call('PEXPIRE', counter, window)
  end
  return {'limit', remaining < 0 and tonumber(window) or remaining}
end
if redis.call('HSETNX', counter, 'window', number) == 1 then
  redis.call('PEXPIRE', counter, window)
else
  number = redis.call('HGET', counter, 'window')
  if not string.match(number, '^%d+$') then
    return redis.error_reply('WINDOW is no number')
  end
end
redis.call('HINCRBY', counter, 'count', 1)
return {'counted', number}

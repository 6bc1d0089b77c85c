-- Gives one attempt back to the window that counted it, never below zero. Where waits rise, which have a memory, the wait
-- that it began is over.
-- KEYS[1] the counter; ARGV: the window's number.
if redis.call('HGET', KEYS[1], 'window') == ARGV[1] then
  if tonumber(redis.call('HGET', KEYS[1], 'count') or '0') > 0 then
    redis.call('HINCRBY', KEYS[1], 'count', -1)
  end
  if redis.call('HEXISTS', KEYS[1], 'memory') == 1 then
    redis.call('HSET', KEYS[1], 'open', 1)
  end
end
return 0

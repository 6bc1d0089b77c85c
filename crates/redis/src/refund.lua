-- Gives one attempt back to the window that counted it, never below zero.
-- KEYS[1] the counter; ARGV: the window's number.
if redis.call('HGET', KEYS[1], 'window') == ARGV[1]
  and tonumber(redis.call('HGET', KEYS[1], 'count') or '0') > 0 then
  redis.call('HINCRBY', KEYS[1], 'count', -1)
end
return 0

-- Counts a partition: how many records have ended, when the first of them
-- did, and then each kind and how many there are of it. It goes from kind to
-- kind through the index, not from entry to entry.
local index, expiry, now = KEYS[1], KEYS[2], ARGV[1]
local first = redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1)
local counts = {redis.call('ZCOUNT', expiry, '-inf', now), tonumber(first[2] or 0)}
local from = '-'
while true do
	local entry = redis.call('ZRANGEBYLEX', index, from, '+', 'LIMIT', 0, 1)[1]
	if not entry then
		return counts
	end
	local kind = string.match(entry, '^%l+')
	table.insert(counts, kind)
	table.insert(counts, redis.call('ZLEXCOUNT', index, '(' .. kind .. ':a:', '(' .. kind .. ':a;'))
	from = '[' .. kind .. ';' -- behind all that begin with kind and a colon
end

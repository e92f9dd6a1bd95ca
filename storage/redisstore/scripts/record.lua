-- What the scripts do alike; it stands before each of them. All keys are of
-- one partition, and so of one slot.
local record, index, expiry = KEYS[1], KEYS[2], KEYS[3]
local kind, key, now = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- stored is the head of the stored record, ended or not; nil if there is none.
local function stored()
	local head = redis.call('GETRANGE', record, 0, 127)
	if head == '' then
		return nil
	end
	local version, ends, marks = string.match(head, '^1 (%x+) (%d+) ([%w_,-]+)\n')
	if not version then
		error('a stored record is not understood')
	end
	return {version = version, ends = ends, marks = marks}
end

local function live(r)
	return r and (r.ends == '0' or tonumber(r.ends) > now)
end

-- entries are the members of the index for a record with these marks.
local function entries(marks)
	local client, subject, session = string.match(marks, '^(.-),(.-),(.-)$')
	local all = {kind .. ':a:' .. key}
	for letter, mark in pairs({c = client, s = subject, i = session}) do
		if mark ~= '' then
			table.insert(all, kind .. ':' .. letter .. mark .. ':' .. key)
		end
	end
	return all
end

-- term is the member of the expiry set for a record with these marks.
local function term(marks)
	return kind .. ':' .. marks .. ':' .. key
end

local function list(r)
	for _, entry in ipairs(entries(r.marks)) do
		redis.call('ZADD', index, 0, entry)
	end
	if r.ends == '0' then
		redis.call('ZREM', expiry, term(r.marks))
	else
		redis.call('ZADD', expiry, r.ends, term(r.marks))
	end
end

-- unlist returns 1 if there was a term, else 0.
local function unlist(marks)
	for _, entry in ipairs(entries(marks)) do
		redis.call('ZREM', index, entry)
	end
	return redis.call('ZREM', expiry, term(marks))
end

-- put stores r, whose text is value, in place of old. The first write is the
-- one that a server without memory refuses: it refuses all then, or none.
local function put(old, r, value)
	redis.call('SET', record, value)
	if old and old.marks ~= r.marks then
		unlist(old.marks)
	end
	list(r)
	if r.ends ~= '0' then
		redis.call('PEXPIREAT', record, r.ends)
	end
end

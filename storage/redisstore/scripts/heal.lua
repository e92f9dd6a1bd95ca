-- Removes what a record with these marks left behind when it ended, unless it
-- is there. Returns how many records that makes: 1 or 0.
local marks = ARGV[4]
local r = stored()
if not live(r) then
	redis.call('UNLINK', record)
	return unlist(marks)
end
if r.marks == marks then
	list(r)
	return 0
end
local removed = unlist(marks)
list(r) -- they may have entries in common
return removed

local new = {version = ARGV[4], ends = ARGV[5], marks = ARGV[6]}
local old = stored()
if not live(old) then
	return 'NOTFOUND'
end
if old.version == new.version then
	return 'OK' -- this very call did it, and was sent again
end
if old.version ~= ARGV[8] then
	return 'CONFLICT'
end
put(old, new, ARGV[7])
return 'OK'

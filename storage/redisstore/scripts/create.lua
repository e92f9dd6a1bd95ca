local new = {version = ARGV[4], ends = ARGV[5], marks = ARGV[6]}
local old = stored()
if live(old) then
	if old.version == new.version then
		return 'OK' -- this very call did it, and was sent again
	end
	return 'EXISTS'
end
put(old, new, ARGV[7])
return 'OK'

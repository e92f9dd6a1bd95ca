local old = stored()
if old then
	redis.call('UNLINK', record)
	unlist(old.marks)
end
return 'OK'

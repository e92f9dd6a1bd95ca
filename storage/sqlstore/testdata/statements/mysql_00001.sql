-- create
INSERT INTO authserver_records (kind, record_key, version, client_id, subject, session_id, expires_at, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- get
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = ? AND record_key = ? AND expires_at > ?;

-- exists
SELECT 1 FROM authserver_records
		WHERE kind = ? AND record_key = ? AND expires_at > ?;

-- replace
UPDATE authserver_records
		SET version = ?, client_id = ?, subject = ?, session_id = ?, expires_at = ?, data = ?
		WHERE kind = ? AND record_key = ? AND version = ? AND expires_at > ?;

-- delete
DELETE FROM authserver_records WHERE kind = ? AND record_key = ?;

-- sweep
DELETE FROM authserver_records
		WHERE expires_at <= ? AND expires_at < 9223372036854775807
		ORDER BY expires_at LIMIT ?;

-- list all
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = ? AND record_key > ? AND expires_at > ?
		ORDER BY record_key LIMIT ?;

-- list client
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = ? AND record_key > ? AND expires_at > ? AND client_id = ? AND client_id <> ''
		ORDER BY record_key LIMIT ?;

-- list subject
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = ? AND record_key > ? AND expires_at > ? AND subject = ? AND subject <> ''
		ORDER BY record_key LIMIT ?;

-- list session
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = ? AND record_key > ? AND expires_at > ? AND session_id = ? AND session_id <> ''
		ORDER BY record_key LIMIT ?;

-- overwrite
UPDATE authserver_records
		SET version = ?, client_id = ?, subject = ?, session_id = ?, expires_at = ?, data = ?
		WHERE kind = ? AND record_key = ? AND expires_at <= ?;


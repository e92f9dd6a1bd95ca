-- create
INSERT INTO authserver_records AS r (kind, record_key, version, client_id, subject, session_id, expires_at, data)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (kind, record_key) DO UPDATE SET
		version = excluded.version, client_id = excluded.client_id, subject = excluded.subject,
		session_id = excluded.session_id, expires_at = excluded.expires_at, data = excluded.data
	WHERE r.expires_at <= ?;

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
DELETE FROM authserver_records WHERE (kind, record_key) IN (
			SELECT kind, record_key FROM authserver_records
			WHERE expires_at <= ?1 AND expires_at < 9223372036854775807
			ORDER BY expires_at LIMIT ?2)
		AND expires_at <= ?1;

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


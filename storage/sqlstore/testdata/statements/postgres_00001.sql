-- create
INSERT INTO authserver_records AS r (kind, record_key, version, client_id, subject, session_id, expires_at, data)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
	ON CONFLICT (kind, record_key) DO UPDATE SET
		version = excluded.version, client_id = excluded.client_id, subject = excluded.subject,
		session_id = excluded.session_id, expires_at = excluded.expires_at, data = excluded.data
	WHERE r.expires_at <= $9;

-- get
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = $1 AND record_key = $2 AND expires_at > $3;

-- exists
SELECT 1 FROM authserver_records
		WHERE kind = $1 AND record_key = $2 AND expires_at > $3;

-- replace
UPDATE authserver_records
		SET version = $1, client_id = $2, subject = $3, session_id = $4, expires_at = $5, data = $6
		WHERE kind = $7 AND record_key = $8 AND version = $9 AND expires_at > $10;

-- delete
DELETE FROM authserver_records WHERE kind = $1 AND record_key = $2;

-- sweep
DELETE FROM authserver_records WHERE (kind, record_key) IN (
			SELECT kind, record_key FROM (
				SELECT kind, record_key FROM authserver_records
				WHERE expires_at <= $1 AND expires_at < 9223372036854775807
				ORDER BY expires_at LIMIT 500) AS oldest
			LIMIT $2)
		AND expires_at <= $1;

-- list all
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = $1 AND record_key > $2 AND expires_at > $3
		ORDER BY record_key LIMIT $4;

-- list client
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = $1 AND record_key > $2 AND expires_at > $3 AND client_id = $4 AND client_id <> ''
		ORDER BY record_key LIMIT $5;

-- list subject
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = $1 AND record_key > $2 AND expires_at > $3 AND subject = $4 AND subject <> ''
		ORDER BY record_key LIMIT $5;

-- list session
SELECT kind, record_key, version, client_id, subject, session_id, expires_at, data FROM authserver_records
		WHERE kind = $1 AND record_key > $2 AND expires_at > $3 AND session_id = $4 AND session_id <> ''
		ORDER BY record_key LIMIT $5;


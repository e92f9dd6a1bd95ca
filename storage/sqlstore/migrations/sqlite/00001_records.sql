-- +goose Up
CREATE TABLE {records} (
    kind       TEXT    NOT NULL,
    record_key TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    client_id  TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    session_id TEXT    NOT NULL,
    expires_at INTEGER NOT NULL, -- Unix time in milliseconds; 9223372036854775807 is never
    data       BLOB    NOT NULL,
    PRIMARY KEY (kind, record_key)
) STRICT;

-- Most records are in one or two of these lists, and the shortest-lived in
-- none: what is empty is left out.
CREATE INDEX {prefix}records_client ON {records} (kind, client_id, record_key) WHERE client_id <> '';
CREATE INDEX {prefix}records_subject ON {records} (kind, subject, record_key) WHERE subject <> '';
CREATE INDEX {prefix}records_session ON {records} (kind, session_id, record_key) WHERE session_id <> '';
CREATE INDEX {prefix}records_expiry ON {records} (expires_at) WHERE expires_at < 9223372036854775807;

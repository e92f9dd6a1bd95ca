-- +goose Up
-- One statement, since each ends a transaction. Binary, since text would fold
-- case or ignore spaces at its end; and the lists' columns are wider than they
-- need be, since to widen them later would be to build the indexes anew.
CREATE TABLE IF NOT EXISTS {records} (
    kind       VARBINARY(32)   NOT NULL,
    record_key VARBINARY(256)  NOT NULL,
    version    BIGINT          NOT NULL,
    client_id  VARBINARY(1024) NOT NULL,
    subject    VARBINARY(1024) NOT NULL,
    session_id VARBINARY(1024) NOT NULL,
    expires_at BIGINT          NOT NULL, -- Unix time in milliseconds; 9223372036854775807 is never
    data       LONGBLOB        NOT NULL,
    PRIMARY KEY (kind, record_key),
    INDEX {prefix}records_client (kind, client_id, record_key),
    INDEX {prefix}records_subject (kind, subject, record_key),
    INDEX {prefix}records_session (kind, session_id, record_key),
    INDEX {prefix}records_expiry (expires_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

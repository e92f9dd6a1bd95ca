package sqlstore

import (
	"errors"

	"github.com/pressly/goose/v3"
)

// A Dialect names a database's way with SQL.
type Dialect string

// SQLite is version 3.37 or later. A ReadDB beside its DB needs WAL mode.
const SQLite Dialect = "sqlite"

// A dialect is all that differs from one database to another.
type dialect struct {
	migrations string // the folder of its migrations
	goose      goose.Dialect
	// create inserts a record or overwrites an expired one, in one statement
	// that affects no row if there is a live one. Its arguments are the
	// columns and the time.
	create string
	// sweep deletes records by the arguments time, limit, time. The outer
	// condition matters where a statement does not see one instant of the
	// table: there a record may have come to life since it was selected.
	sweep string
	// busy reports that a statement did nothing because another was in its
	// way, so that it may be tried again.
	busy func(error) bool
}

var dialects = map[Dialect]dialect{
	SQLite: {
		migrations: "migrations/sqlite",
		goose:      goose.DialectSQLite3,
		create: `INSERT INTO {prefix}records AS r
			(kind, record_key, version, client_id, subject, session_id, expires_at, data)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (kind, record_key) DO UPDATE SET
				version = excluded.version, client_id = excluded.client_id, subject = excluded.subject,
				session_id = excluded.session_id, expires_at = excluded.expires_at, data = excluded.data
			WHERE r.expires_at <= ?`,
		sweep: `DELETE FROM {prefix}records WHERE (kind, record_key) IN (
				SELECT kind, record_key FROM {prefix}records
				WHERE expires_at <= ? AND expires_at < 9223372036854775807
				ORDER BY expires_at LIMIT ?)
			AND expires_at <= ?`,
		busy: sqliteBusy,
	},
}

// sqliteBusy knows the errors of every driver that tells SQLite's result code.
func sqliteBusy(err error) bool {
	const busy, locked = 5, 6
	coded, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	if !ok {
		return false
	}
	primary := coded.Code() & 0xff
	return primary == busy || primary == locked
}

package sqlstore

import (
	"context"
	"errors"

	"github.com/pressly/goose/v3"

	"github.com/seed36673005/authserver/storage"
)

// A Dialect names a database's way with SQL.
type Dialect string

// The dialects.
const (
	// SQLite is version 3.37 or later. A ReadDB beside its DB needs WAL mode.
	SQLite Dialect = "sqlite"
	// PostgreSQL is version 12 or later, with the encoding UTF8, and any
	// driver whose errors tell their SQLSTATE, as those of pgx and lib/pq do.
	PostgreSQL Dialect = "postgres"
	// MySQL is version 8.0 or later, or MariaDB 10.6 or later, by the driver
	// go-sql-driver/mysql, which should have interpolateParams=true: without
	// it each call takes three round trips instead of one.
	MySQL Dialect = "mysql"
)

// A dialect is all that differs from one database to another.
type dialect struct {
	migrations string // the folder of its migrations
	goose      goose.Dialect
	// lock has one process at a time migrate; nil if that needs no lock.
	lock *locker
	// schemas says that a table's name can have a schema before it.
	schemas bool
	// numbered says that the arguments are $1, $2, … and not a ? each.
	numbered bool
	// prepares says that the driver leaves it to its caller to prepare a
	// statement that is run often.
	prepares bool
	// insert creates a record, in place of an expired one if there is one;
	// created is false if there is a live one.
	insert func(s *Store, ctx context.Context, r storage.Record) (created bool, err error)
	// create and overwrite are the statements of insert.
	create, overwrite string
	// sweep deletes records by the arguments time and limit. If it selects
	// and deletes by different parts, both look at the time: where a
	// statement does not see one instant of the table, a record may have come
	// to life in between.
	sweep string
	// busy reports that a statement did nothing because another was in its
	// way, so that it may be tried again.
	busy func(error) bool
	// unreached reports that a statement never got to the database.
	unreached func(error) bool
}

var dialects = map[Dialect]dialect{SQLite: sqlite, PostgreSQL: postgres, MySQL: mysql}

// upsertSQL inserts a record or overwrites an expired one, in one statement
// that affects no row if there is a live one. Its arguments are the columns
// and the time.
const upsertSQL = `INSERT INTO {records} AS r (` + columns + `)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (kind, record_key) DO UPDATE SET
		version = excluded.version, client_id = excluded.client_id, subject = excluded.subject,
		session_id = excluded.session_id, expires_at = excluded.expires_at, data = excluded.data
	WHERE r.expires_at <= ?`

// no says that an error does not occur.
func no(error) bool { return false }

var sqlite = dialect{
	migrations: "migrations/sqlite",
	goose:      goose.DialectSQLite3,
	prepares:   true,
	insert:     (*Store).upsert,
	create:     upsertSQL,
	sweep: `DELETE FROM {records} WHERE (kind, record_key) IN (
			SELECT kind, record_key FROM {records}
			WHERE expires_at <= ?1 AND expires_at < 9223372036854775807
			ORDER BY expires_at LIMIT ?2)
		AND expires_at <= ?1`,
	busy:      sqliteBusy,
	unreached: no,
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

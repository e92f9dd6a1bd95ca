package sqlstore

import (
	"errors"

	"github.com/pressly/goose/v3"
)

// postgres keeps to what PostgreSQL and the distributed databases that speak
// its language have in common: no statement needs an isolation level, a lock
// or a collation, and 40001 may be the answer to any.
var postgres = dialect{
	migrations: "migrations/postgres",
	goose:      goose.DialectPostgres,
	lock: &locker{
		lock:    `SELECT pg_try_advisory_lock($1)`,
		unlock:  `SELECT pg_advisory_unlock($1)`,
		without: func(err error) bool { return sqlState(err) == "0A000" }, // feature_not_supported
	},
	schemas:  true,
	numbered: true,
	insert:   (*Store).upsert,
	create:   upsertSQL,
	// The limit that is written out tells the planner that few records are
	// wanted; of an argument it expects many, and would read the whole table.
	sweep: `DELETE FROM {records} WHERE (kind, record_key) IN (
			SELECT kind, record_key FROM (
				SELECT kind, record_key FROM {records}
				WHERE expires_at <= $1 AND expires_at < 9223372036854775807
				ORDER BY expires_at LIMIT 500) AS oldest
			LIMIT $2)
		AND expires_at <= $1`,
	busy:      postgresBusy,
	unreached: postgresUnreached,
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
func postgresBusy(err error) bool {
	switch sqlState(err) {
	case "40001", // serialization_failure
		"40P01", // deadlock_detected
		"55P03": // lock_not_available, where the host has set a lock_timeout
		return true
	}
	return false
}

// postgresUnreached knows how a server refuses a connection for a while.
func postgresUnreached(err error) bool {
	switch sqlState(err) {
	case "53300", // too_many_connections
		"57P03": // cannot_connect_now: it is starting or stopping
		return true
	}
	return false
}

func sqlState(err error) string {
	if coded, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return coded.SQLState()
	}
	return ""
}

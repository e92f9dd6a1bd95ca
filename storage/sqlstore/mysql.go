package sqlstore

import (
	"errors"
	"reflect"

	"github.com/pressly/goose/v3"
)

// mysql serves MariaDB too. Neither overwrites on a condition when it
// inserts, so creating in place of an expired record takes two statements.
var mysql = dialect{
	migrations: "migrations/mysql",
	goose:      goose.DialectMySQL,
	lock: &locker{
		lock:    `SELECT GET_LOCK(CONCAT('authserver ', ?), 0)`,
		unlock:  `SELECT RELEASE_LOCK(CONCAT('authserver ', ?))`,
		without: no,
	},
	schemas: true,
	insert:  (*Store).insertOrOverwrite,
	create: `INSERT INTO {records} (` + columns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
	overwrite: `UPDATE {records}
		SET version = ?, client_id = ?, subject = ?, session_id = ?, expires_at = ?, data = ?
		WHERE kind = ? AND record_key = ? AND expires_at <= ?`,
	sweep: `DELETE FROM {records}
		WHERE expires_at <= ? AND expires_at < 9223372036854775807
		ORDER BY expires_at LIMIT ?`,
	busy:      mysqlBusy,
	unreached: mysqlUnreached,
}

// https://mariadb.com/kb/en/mariadb-error-code-reference/
const mysqlDuplicate = 1062

// mysqlBusy: each of these rolls a statement back that is a transaction of
// its own.
func mysqlBusy(err error) bool {
	switch mysqlNumber(err) {
	case 1205, // lock wait timeout
		1213: // deadlock; with Galera, also a write on another node that came first
		return true
	}
	return false
}

func mysqlUnreached(err error) bool {
	switch mysqlNumber(err) {
	case 1040, 1203: // too many connections, of all users or of one
		return true
	}
	return false
}

// mysqlNumber is the number of a server's error; 0 if err is none. The driver
// tells it by a field alone, and is not to be linked with every database.
func mysqlNumber(err error) uint64 {
	for ; err != nil; err = errors.Unwrap(err) {
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() != reflect.Struct {
			continue
		}
		if number := v.FieldByName("Number"); number.IsValid() && number.CanUint() {
			return number.Uint()
		}
	}
	return 0
}

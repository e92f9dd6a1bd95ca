package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/seed36673005/authserver/storage/internal/page"
)

const columns = `kind, record_key, version, client_id, subject, session_id, expires_at, data`

// The statements that every dialect has alike.
const (
	getSQL = `SELECT ` + columns + ` FROM {prefix}records
		WHERE kind = ? AND record_key = ? AND expires_at > ?`
	existsSQL = `SELECT 1 FROM {prefix}records
		WHERE kind = ? AND record_key = ? AND expires_at > ?`
	replaceSQL = `UPDATE {prefix}records
		SET version = ?, client_id = ?, subject = ?, session_id = ?, expires_at = ?, data = ?
		WHERE kind = ? AND record_key = ? AND version = ? AND expires_at > ?`
	deleteSQL = `DELETE FROM {prefix}records WHERE kind = ? AND record_key = ?`
	listSQL   = `SELECT ` + columns + ` FROM {prefix}records
		WHERE kind = ? AND record_key > ? AND expires_at > ? {match}
		ORDER BY record_key LIMIT ?`
)

// matches select by a field. That the column is not empty is said for the
// sake of partial indexes, which are used only where a query says so too.
var matches = [...]string{
	page.All:       ``,
	page.ClientID:  `AND client_id = ? AND client_id <> ''`,
	page.Subject:   `AND subject = ? AND subject <> ''`,
	page.SessionID: `AND session_id = ? AND session_id <> ''`,
}

// statements are prepared once for a Store; database/sql prepares them again
// on each connection that runs them first.
type statements struct {
	create, get, exists, replace, delete, sweep *sql.Stmt

	list [len(matches)]*sql.Stmt
}

func (s *Store) prepare(ctx context.Context, prefix string) error {
	type statement struct {
		to   **sql.Stmt
		db   *sql.DB
		text string
	}
	all := []statement{
		{&s.do.create, s.db, s.dialect.create},
		{&s.do.get, s.readDB, getSQL},
		{&s.do.exists, s.readDB, existsSQL},
		{&s.do.replace, s.db, replaceSQL},
		{&s.do.delete, s.db, deleteSQL},
		{&s.do.sweep, s.db, s.dialect.sweep},
	}
	for field, match := range matches {
		text := strings.Replace(listSQL, "{match}", match, 1)
		all = append(all, statement{&s.do.list[field], s.readDB, text})
	}
	return s.patiently(ctx, func() error {
		for _, st := range all {
			stmt, err := st.db.PrepareContext(ctx, withPrefix(st.text, prefix))
			if err != nil {
				return err
			}
			*st.to = stmt
		}
		return nil
	})
}

func withPrefix(text, prefix string) string {
	return strings.ReplaceAll(text, "{prefix}", prefix)
}

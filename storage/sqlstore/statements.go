package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/seed36673005/authserver/storage/internal/page"
)

const columns = `kind, record_key, version, client_id, subject, session_id, expires_at, data`

// The statements that every dialect has alike.
const (
	getSQL = `SELECT ` + columns + ` FROM {records}
		WHERE kind = ? AND record_key = ? AND expires_at > ?`
	existsSQL = `SELECT 1 FROM {records}
		WHERE kind = ? AND record_key = ? AND expires_at > ?`
	replaceSQL = `UPDATE {records}
		SET version = ?, client_id = ?, subject = ?, session_id = ?, expires_at = ?, data = ?
		WHERE kind = ? AND record_key = ? AND version = ? AND expires_at > ?`
	deleteSQL = `DELETE FROM {records} WHERE kind = ? AND record_key = ?`
	listSQL   = `SELECT ` + columns + ` FROM {records}
		WHERE kind = ? AND record_key > ? AND expires_at > ?{match}
		ORDER BY record_key LIMIT ?`
)

// matches select by a field. That the column is not empty is said for the
// sake of partial indexes, which are used only where a query says so too.
var matches = [...]string{
	page.All:       ``,
	page.ClientID:  ` AND client_id = ? AND client_id <> ''`,
	page.Subject:   ` AND subject = ? AND subject <> ''`,
	page.SessionID: ` AND session_id = ? AND session_id <> ''`,
}

// A statement is SQL for one of the pools.
type statement struct {
	db   *sql.DB
	text string
	// prepared is nil where the driver itself prepares what is run often, or
	// its settings say not to. On each connection that runs it first,
	// database/sql prepares it again.
	prepared *sql.Stmt
}

func (st statement) exec(ctx context.Context, args ...any) (sql.Result, error) {
	if st.prepared != nil {
		return st.prepared.ExecContext(ctx, args...)
	}
	return st.db.ExecContext(ctx, st.text, args...)
}

func (st statement) query(ctx context.Context, args ...any) (*sql.Rows, error) {
	if st.prepared != nil {
		return st.prepared.QueryContext(ctx, args...)
	}
	return st.db.QueryContext(ctx, st.text, args...)
}

func (st statement) queryRow(ctx context.Context, args ...any) *sql.Row {
	if st.prepared != nil {
		return st.prepared.QueryRowContext(ctx, args...)
	}
	return st.db.QueryRowContext(ctx, st.text, args...)
}

// statements are made once for a Store.
type statements struct {
	create, overwrite, get, exists, replace, delete, sweep statement

	list [len(matches)]statement
}

// newStatements fills in what differs by dialect and by name.
func (s *Store) newStatements() (do statements) {
	write := func(text string) statement { return statement{db: s.db, text: s.render(text)} }
	read := func(text string) statement { return statement{db: s.readDB, text: s.render(text)} }
	do = statements{
		create:    write(s.dialect.create),
		overwrite: write(s.dialect.overwrite),
		get:       read(getSQL),
		exists:    read(existsSQL),
		replace:   write(replaceSQL),
		delete:    write(deleteSQL),
		sweep:     write(s.dialect.sweep),
	}
	for field, match := range matches {
		do.list[field] = read(strings.Replace(listSQL, "{match}", match, 1))
	}
	return do
}

// all are the statements that the dialect has.
func (do *statements) all() []*statement {
	all := []*statement{&do.create, &do.get, &do.exists, &do.replace, &do.delete, &do.sweep}
	for field := range do.list {
		all = append(all, &do.list[field])
	}
	if do.overwrite.text != "" {
		all = append(all, &do.overwrite)
	}
	return all
}

// prepare makes the statements and finds out that the tables are there.
func (s *Store) prepare(ctx context.Context) error {
	s.do = s.newStatements()
	if s.dialect.prepares {
		if err := s.read(ctx, func() error { return s.do.prepareAll(ctx) }); err != nil {
			return err
		}
	}
	return s.read(ctx, func() error {
		_, err := scan(s.do.get.queryRow(ctx, probe.Kind, probe.Key, now{}))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
}

func (do *statements) prepareAll(ctx context.Context) (err error) {
	for _, st := range do.all() {
		if st.prepared, err = st.db.PrepareContext(ctx, st.text); err != nil {
			return err
		}
	}
	return nil
}

// render fills the names into a statement and writes its arguments as the
// dialect does.
func (l layout) render(text string) string {
	text = l.names.render(text)
	if !l.dialect.numbered {
		return text
	}
	parts := strings.Split(text, "?")
	var b strings.Builder
	b.WriteString(parts[0])
	for i, part := range parts[1:] {
		fmt.Fprintf(&b, "$%d%s", i+1, part)
	}
	return b.String()
}

// names are what the tables of a Store are called by.
type names struct{ schema, prefix string }

// table is the name of the table with that ending.
func (n names) table(name string) string {
	if n.schema == "" {
		return n.prefix + name
	}
	return n.schema + "." + n.prefix + name
}

func (n names) render(text string) string {
	return strings.NewReplacer("{records}", n.table("records"), "{prefix}", n.prefix).Replace(text)
}

package sqlstore

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage/internal/page"
)

// Migrations expand and contract: the statements of the version before work
// on while one runs and after. For that, testdata/statements keeps what the
// code of each version of the tables runs, in a file by the number of the
// migration.

var update = flag.Bool("update", false, "write the statements of this version to testdata")

// databases open an empty database of each dialect.
var databases = map[Dialect]func(t *testing.T) *sql.DB{
	SQLite:     newDB,
	PostgreSQL: func(t *testing.T) *sql.DB { return openDB(t, "pgx", testservers.Postgres(t)) },
	MySQL:      func(t *testing.T) *sql.DB { return openDB(t, "mysql", testservers.MariaDB(t)) },
}

func openDB(t *testing.T, driver, dsn string) *sql.DB {
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// unopened is a Store on tables that are not there yet.
func unopened(t *testing.T, d Dialect) *Store {
	s, err := newStore(Config{DB: databases[d](t), Dialect: d})
	require.NoError(t, err)
	return s
}

// statementNames are in the order of statements.all.
func statementNames(do statements) (all []string) {
	all = []string{"create", "get", "exists", "replace", "delete", "sweep"}
	for _, field := range []string{page.All: "all", page.ClientID: "client", page.Subject: "subject", page.SessionID: "session"} {
		all = append(all, "list "+field)
	}
	if do.overwrite.text != "" {
		all = append(all, "overwrite")
	}
	return all
}

func statementsPath(d Dialect, version int) string {
	return filepath.Join("testdata", "statements", fmt.Sprintf("%s_%05d.sql", d, version))
}

// versions is how many migrations there are.
func versions(t *testing.T, d Dialect) int {
	all, err := Migrations(d, "", "")
	require.NoError(t, err)
	return len(all)
}

// TestStatementsAreKept: what this version runs is in testdata, for the next
// version's migrations to be tried on. A file of a version that was released
// does not change; statements that need another schema come with a migration.
func TestStatementsAreKept(t *testing.T) {
	for d := range dialects {
		l, err := newLayout(d, "", "")
		require.NoError(t, err)
		do := (&Store{layout: l}).newStatements()
		var b strings.Builder
		for i, name := range statementNames(do) {
			fmt.Fprintf(&b, "-- %s\n%s;\n\n", name, do.all()[i].text)
		}
		path := statementsPath(d, versions(t, d))
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
		}
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(kept), b.String(), "%s; run with -update", path)
	}
}

// prepareKept prepares the statements of a version.
func prepareKept(t *testing.T, db *sql.DB, d Dialect, version int) map[string]*sql.Stmt {
	text, err := os.ReadFile(statementsPath(d, version))
	require.NoError(t, err)
	all := make(map[string]*sql.Stmt)
	for part := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		name, statement, _ := strings.Cut(strings.TrimPrefix(part, "-- "), "\n")
		stmt, err := db.Prepare(strings.TrimSuffix(statement, ";"))
		require.NoError(t, err, name)
		t.Cleanup(func() { require.NoError(t, stmt.Close()) })
		all[name] = stmt
	}
	return all
}

// uses are, by version of the tables, what the code of that version does: each
// statement once, with what it must find or affect.
var uses = map[int]func(do map[string]*sql.Stmt) error{1: useFirst}

func useFirst(do map[string]*sql.Stmt) error {
	const version, soon, past = 7, 1 << 60, 1
	now := time.Now().UnixMilli()
	row := func(key string, expiresAt int64) []any {
		return []any{"grant", key, version, "c", "s", "i", expiresAt, []byte("{}")}
	}
	upsert := func(r []any) []any {
		if do["overwrite"] == nil {
			r = append(r, now)
		}
		return r
	}
	steps := []error{
		affects(do["create"], 1, upsert(row("key", soon))...),
		affects(do["create"], 1, upsert(row("gone", past))...),
		finds(do["get"], "grant", "key", now),
		finds(do["exists"], "grant", "key", now),
		finds(do["list all"], "grant", "", now, 2),
		finds(do["list client"], "grant", "", now, "c", 2),
		finds(do["list subject"], "grant", "", now, "s", 2),
		finds(do["list session"], "grant", "", now, "i", 2),
		affects(do["replace"], 1, 8, "c", "s", "i", soon, []byte("{}"), "grant", "key", version, now),
	}
	if overwrite := do["overwrite"]; overwrite != nil {
		steps = append(steps, affects(overwrite, 1, 9, "c", "s", "i", past, []byte("{}"), "grant", "gone", now))
	}
	return errors.Join(append(steps,
		affects(do["sweep"], 1, now, 10),
		affects(do["delete"], 1, "grant", "key"),
	)...)
}

func affects(stmt *sql.Stmt, want int64, args ...any) error {
	result, err := stmt.Exec(args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); n != want || err != nil {
		return errors.Join(err, fmt.Errorf("affects %d rows, not %d", n, want))
	}
	return nil
}

func finds(stmt *sql.Stmt, args ...any) error {
	rows, err := stmt.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(rows.Err(), errors.New("finds nothing"))
	}
	return rows.Close()
}

// expand runs the statements of a version before, during and after the
// migrations in files that come after it, and returns what fails.
func expand(t *testing.T, s *Store, d Dialect, version int, files fs.FS) error {
	provider, err := s.provider(files, nil)
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), int64(version))
	require.NoError(t, err)
	do, use := prepareKept(t, s.db, d, version), uses[version]
	require.NotNil(t, use, "no use of version %d is written down", version)
	require.NoError(t, use(do))

	migrated := make(chan error)
	go func() { migrated <- s.migrate(t.Context(), files, nil) }()
	for {
		select {
		case err := <-migrated:
			require.NoError(t, err)
			fresh := prepareKept(t, s.db, d, version)
			return errors.Join(use(do), use(fresh))
		default:
			if err := use(do); err != nil {
				require.NoError(t, <-migrated)
				return err
			}
		}
	}
}

// TestPreviousVersionsWorkOn: of each version, on the tables of the last.
func TestPreviousVersionsWorkOn(t *testing.T) {
	t.Parallel()
	for d := range dialects {
		for version := 1; version <= versions(t, d); version++ {
			t.Run(fmt.Sprint(d, version), func(t *testing.T) {
				s := unopened(t, d)
				require.NoError(t, expand(t, s, d, version, s.files()))
			})
		}
	}
}

// TestExpandTellsGoodFromBad tries the trial itself on migrations that might
// come: some expand, and the previous version works on, and some break it.
func TestExpandTellsGoodFromBad(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sql  string
		good bool
	}{
		"a column that may be left out": {"ALTER TABLE authserver_records ADD COLUMN extra INTEGER NOT NULL DEFAULT 0", true},
		"an index":                      {"CREATE INDEX authserver_records_extra ON authserver_records (version)", true},
		"a column of another name":      {"ALTER TABLE authserver_records RENAME COLUMN data TO content", false},
		"a table of another name":       {"ALTER TABLE authserver_records RENAME TO authserver_all", false},
	} {
		for d := range dialects {
			t.Run(fmt.Sprint(d, ", ", name), func(t *testing.T) {
				s := unopened(t, d)
				first, err := fs.ReadFile(s.files(), "00001_records.sql")
				require.NoError(t, err)
				files := fstest.MapFS{
					"00001_records.sql": {Data: first},
					"00002_extra.sql":   {Data: []byte("-- +goose Up\n" + tc.sql + ";\n")},
				}
				err = expand(t, s, d, 1, files)
				if tc.good {
					require.NoError(t, err)
				} else {
					require.Error(t, err)
				}
			})
		}
	}
}

// TestOpenAfterALaterVersion: a process of this version starts on the tables
// of the next, as when one is restarted during a deployment.
func TestOpenAfterALaterVersion(t *testing.T) {
	t.Parallel()
	for d := range dialects {
		t.Run(string(d), func(t *testing.T) {
			s := unopened(t, d)
			require.NoError(t, s.migrate(t.Context(), s.files(), nil))
			later := fmt.Sprintf("INSERT INTO authserver_migrations (version_id, is_applied) VALUES (%d, TRUE)", versions(t, d)+1)
			_, err := s.db.Exec(later)
			require.NoError(t, err)
			open(t, Config{DB: s.db, Dialect: d})
		})
	}
}

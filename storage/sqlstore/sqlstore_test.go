package sqlstore

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/internal/page"
)

// newDB is a database with one pool and none of the settings that
// sqlstore/sqlite makes.
func newDB(t *testing.T) *sql.DB {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "host.db"))
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func open(t *testing.T, cfg Config) *Store {
	s, err := Open(t.Context(), cfg)
	require.NoError(t, err)
	return s
}

// TestOnePool: without a ReadDB, and with a single connection, no method
// waits for another's.
func TestOnePool(t *testing.T) {
	s := open(t, Config{DB: newDB(t), Dialect: SQLite})
	ctx := t.Context()
	r, err := s.Create(ctx, storage.Record{Kind: "grant", Key: "key", Subject: "s"})
	require.NoError(t, err)
	stale := r
	r, err = s.Replace(ctx, r)
	require.NoError(t, err)
	_, err = s.Replace(ctx, stale)
	require.ErrorIs(t, err, storage.ErrConflict)
	p, err := s.List(ctx, storage.Query{Kind: "grant", Subject: "s"})
	require.NoError(t, err)
	require.Equal(t, []storage.Record{r}, p.Records)
	require.NoError(t, s.Health(ctx))
	removed, err := s.Sweep(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, 1, removed, "what Health wrote")
}

// TestExpiryDuringTheWait: what expires while Replace waits for a connection
// is not brought back.
func TestExpiryDuringTheWait(t *testing.T) {
	db := newDB(t)
	s := open(t, Config{DB: db, Dialect: SQLite})
	expiresAt := time.Now().Add(200 * time.Millisecond)
	r, err := s.Create(t.Context(), storage.Record{Kind: "grant", Key: "key", ExpiresAt: expiresAt})
	require.NoError(t, err)
	r.ExpiresAt = time.Time{}

	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	replaced := make(chan error, 1)
	go func() {
		_, err := s.Replace(t.Context(), r)
		replaced <- err
	}()
	require.Eventually(t, func() bool {
		return db.Stats().WaitCount > 0 && time.Now().After(expiresAt)
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, conn.Close())
	require.ErrorIs(t, <-replaced, storage.ErrNotFound)
}

func TestOpenReportsEveryFault(t *testing.T) {
	_, err := Open(t.Context(), Config{Dialect: "dbase", TablePrefix: "a; DROP", Schema: "b.c"})
	for _, field := range []string{"Config.DB", "Config.Dialect", "Config.TablePrefix", "Config.Schema"} {
		require.ErrorContains(t, err, field)
	}
	_, err = Open(t.Context(), Config{DB: newDB(t), Dialect: SQLite, Schema: "main"})
	require.ErrorContains(t, err, "Config.Schema")
}

func TestTablePrefix(t *testing.T) {
	db := newDB(t)
	one := open(t, Config{DB: db, Dialect: SQLite, TablePrefix: "one_"})
	two := open(t, Config{DB: db, Dialect: SQLite, TablePrefix: "two_"})
	_, err := one.Create(t.Context(), storage.Record{Kind: "grant", Key: "key"})
	require.NoError(t, err)
	_, err = two.Get(t.Context(), "grant", "key")
	require.ErrorIs(t, err, storage.ErrNotFound)

	rows, err := db.Query(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		require.Regexp(t, "^(one|two)_(records|migrations)", name)
	}
	require.NoError(t, rows.Err())
}

func TestMigrationsRunOnce(t *testing.T) {
	db := newDB(t)
	for range 3 {
		open(t, Config{DB: db, Dialect: SQLite})
	}
	var applied int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM authserver_migrations WHERE version_id > 0`).Scan(&applied))
	require.Equal(t, 1, applied)
}

// TestMigrationAfterAFailure: a migration that fails leaves nothing behind
// and is done by the next Open.
func TestMigrationAfterAFailure(t *testing.T) {
	db := newDB(t)
	_, err := db.Exec(`CREATE TABLE authserver_records_client (in_the_way)`)
	require.NoError(t, err)
	_, err = Open(t.Context(), Config{DB: db, Dialect: SQLite})
	require.ErrorContains(t, err, "sqlstore: migrate: ")
	_, err = db.Exec(`DROP TABLE authserver_records_client`)
	require.NoError(t, err)
	open(t, Config{DB: db, Dialect: SQLite})
}

// TestQueriesUseIndexes: no statement reads the whole table.
func TestQueriesUseIndexes(t *testing.T) {
	db := newDB(t)
	s := open(t, Config{DB: db, Dialect: SQLite})
	list := func(f page.Field) string { return strings.Replace(listSQL, "{match}", matches[f], 1) }
	for want, text := range map[string]string{
		"USING INDEX sqlite_autoindex_authserver_records_1 (kind=? AND record_key=?)":       getSQL,
		"USING INDEX sqlite_autoindex_authserver_records_1 (kind=? AND record_key=?) ":      replaceSQL,
		"USING INDEX sqlite_autoindex_authserver_records_1 (kind=? AND record_key>?)":       list(page.All),
		"USING INDEX authserver_records_client (kind=? AND client_id=? AND record_key>?)":   list(page.ClientID),
		"USING INDEX authserver_records_subject (kind=? AND subject=? AND record_key>?)":    list(page.Subject),
		"USING INDEX authserver_records_session (kind=? AND session_id=? AND record_key>?)": list(page.SessionID),
		"USING INDEX authserver_records_expiry (expires_at<?)":                              dialects[SQLite].sweep,
	} {
		plan := explain(t, db, s.render(text))
		require.Contains(t, plan, strings.TrimSpace(want))
		require.NotContains(t, plan, "SCAN")
		require.NotContains(t, plan, "TEMP B-TREE FOR ORDER BY")
	}
}

func explain(t *testing.T, db *sql.DB, text string) string {
	args := make([]any, strings.Count(text, "?"))
	for i := range args {
		args[i] = 1
	}
	rows, err := db.Query("EXPLAIN QUERY PLAN "+text, args...)
	require.NoError(t, err)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan.WriteString(detail + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}

// TestDamagedRow: what cannot be read is an error, and other records are as
// they were.
func TestDamagedRow(t *testing.T) {
	db := newDB(t)
	s := open(t, Config{DB: db, Dialect: SQLite})
	for _, key := range []string{"damaged", "sound"} {
		_, err := s.Create(t.Context(), storage.Record{Kind: "grant", Key: key, Data: []byte(`{"v":1}`)})
		require.NoError(t, err)
	}
	for _, text := range []string{
		`PRAGMA writable_schema = ON`,
		`UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT', ''), 'INTEGER', '') WHERE name = 'authserver_records'`,
		`PRAGMA writable_schema = RESET`,
		`UPDATE authserver_records SET version = 'not a number' WHERE record_key = 'damaged'`,
	} {
		_, err := db.Exec(text)
		require.NoError(t, err)
	}
	_, err := s.Get(t.Context(), "grant", "damaged")
	require.ErrorContains(t, err, "sqlstore: get: ")
	require.NotErrorIs(t, err, storage.ErrNotFound)
	_, err = s.Get(t.Context(), "grant", "sound")
	require.NoError(t, err)
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6789e5, time.FixedZone("", 3600))
	for name, tc := range map[string]struct {
		time   time.Time
		millis int64
		back   time.Time
	}{
		"zero is never":           {time.Time{}, math.MaxInt64, time.Time{}},
		"rounded down, in UTC":    {at, at.UnixMilli(), at.Truncate(time.Millisecond).UTC()},
		"the epoch is not never":  {time.Unix(0, 0), 0, time.Unix(0, 0).UTC()},
		"before the epoch":        {time.Unix(-1, 0), -1000, time.Unix(-1, 0).UTC()},
		"the end is not quite it": {time.UnixMilli(math.MaxInt64), math.MaxInt64 - 1, time.UnixMilli(math.MaxInt64 - 1).UTC()},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.millis, millis(tc.time))
			require.Equal(t, tc.back, instant(tc.millis))
		})
	}
}

type coded int

func (coded) Error() string { return "coded" }
func (c coded) Code() int   { return int(c) }

func TestBusy(t *testing.T) {
	for err, want := range map[error]bool{
		coded(5):                   true,  // SQLITE_BUSY
		coded(5 | 2<<8):            true,  // SQLITE_BUSY_SNAPSHOT
		coded(6):                   true,  // SQLITE_LOCKED
		coded(19):                  false, // SQLITE_CONSTRAINT
		errors.New("busy"):         false,
		context.Canceled:           false,
		errors.Join(coded(5), nil): true,
	} {
		require.Equal(t, want, sqliteBusy(err), "%v", err)
	}
}

// TestServerErrors: what is tried again certainly had no effect.
func TestServerErrors(t *testing.T) {
	state := func(code string) error { return fmt.Errorf("exec: %w", &pgconn.PgError{Code: code}) }
	number := func(n uint16) error { return fmt.Errorf("exec: %w", &driver.MySQLError{Number: n}) }
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, tc := range []struct {
		dialect dialect
		err     error
		want    time.Duration
	}{
		{postgres, state("40001"), patience},
		{postgres, state("40P01"), patience},
		{postgres, state("40003"), 0}, // statement_completion_unknown
		{postgres, state("57P03"), absence},
		{postgres, state("53300"), absence},
		{postgres, state("57P01"), 0}, // admin_shutdown
		{postgres, state("23505"), 0},
		{postgres, number(1213), 0},
		{mysql, number(1213), patience},
		{mysql, number(1205), patience},
		{mysql, number(1040), absence},
		{mysql, number(1062), 0},
		{mysql, number(1317), 0}, // interrupted
		{mysql, state("40001"), 0},
		{mysql, driver.ErrInvalidConn, 0},
		{mysql, sqldriver.ErrBadConn, absence},
		{postgres, dial, absence},
		{postgres, &net.OpError{Op: "read", Err: errors.New("reset")}, 0},
		{postgres, io.ErrUnexpectedEOF, 0},
		{postgres, context.DeadlineExceeded, 0},
	} {
		s := &Store{layout: layout{dialect: tc.dialect}}
		require.Equal(t, tc.want, s.patience(tc.err), "%v", tc.err)
	}
}

// TestRead: what reads is tried again whatever went wrong, but not for ever.
func TestRead(t *testing.T) {
	s := &Store{layout: layout{dialect: postgres}}
	for err, want := range map[error]int{
		nil:                   1,
		sql.ErrNoRows:         1,
		io.ErrUnexpectedEOF:   3,
		errors.New("a fault"): 3,
	} {
		tries := 0
		require.ErrorIs(t, s.read(t.Context(), func() error { tries++; return err }), err)
		require.Equal(t, want, tries, "%v", err)
	}
}

func TestPatiently(t *testing.T) {
	s := &Store{layout: layout{dialect: sqlite}}
	tries := 0
	require.NoError(t, s.patiently(t.Context(), func() error {
		if tries++; tries < 3 {
			return coded(5)
		}
		return nil
	}))
	require.Equal(t, 3, tries, "what is busy is tried again")

	tries = 0
	require.Equal(t, coded(13), s.patiently(t.Context(), func() error { tries++; return coded(13) }))
	require.Equal(t, 1, tries, "the effect of any other error is unknown")

	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := s.patiently(t.Context(), func() error { return coded(5) })
		require.Equal(t, coded(5), err, "patience ends")
		require.InDelta(t, patience, time.Since(began), float64(2*maxWait))
	})

	ctx, cancel := context.WithCancel(t.Context())
	err := s.patiently(ctx, func() error { cancel(); return coded(5) })
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, coded(5))
}

func TestVersionsDiffer(t *testing.T) {
	r := prepared(storage.Record{}, 0)
	require.Positive(t, r.Version)
	require.NotEqual(t, r.Version, prepared(r, r.Version).Version)
}

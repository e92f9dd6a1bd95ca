package growth

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/storage/sqlstore/postgres"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

// A backend opens stores that are empty.
type backend struct {
	name string
	open func(t *testing.T) store
}

var backends = []backend{{"memory", openMemory}, {"SQLite", openSQLite}, {"PostgreSQL", openPostgres}}

// A store can be filled with copies of an authorization.
type store interface {
	storage.Storage
	// fill adds n copies of an authorization that is there; each call has
	// another number.
	fill(t *testing.T, n, number int)
	// size is how many bytes all of it takes, of which the process had so
	// many on its heap before.
	size(t *testing.T, heapBefore int64) int64
}

// template is an authorization that a client was given.
func template(t *testing.T, s storage.Storage) storage.Record {
	page, err := s.List(t.Context(), storage.Query{Kind: storage.KindGrant, Limit: 1})
	require.NoError(t, err)
	return page.Records[0]
}

type inMemory struct{ *memory.Store }

func openMemory(*testing.T) store { return inMemory{memory.New()} }

func (s inMemory) fill(t *testing.T, n, number int) {
	r := template(t, s)
	for i := range n {
		r.Key, r.Subject = rand.Text()+rand.Text()[:17], fmt.Sprintf("subject %d %d", number, i)
		_, err := s.Create(t.Context(), r)
		require.NoError(t, err)
	}
}

func (s inMemory) size(_ *testing.T, before int64) int64 { return heap() - before }

// inSQL is a store with a second way in.
type inSQL struct {
	storage.Storage
	db            *sql.DB
	insert, sized string
	settle        []string // what the database would do in the background
}

func (s inSQL) fill(t *testing.T, n, number int) {
	r := template(t, s)
	_, err := s.db.Exec(s.insert, n, fmt.Sprintf("subject %d ", number), r.ClientID, r.ExpiresAt.UnixMilli(), r.Data)
	require.NoError(t, err)
	for _, statement := range s.settle {
		_, err = s.db.Exec(statement)
		require.NoError(t, err)
	}
}

func (s inSQL) size(t *testing.T, _ int64) (bytes int64) {
	require.NoError(t, s.db.QueryRow(s.sized).Scan(&bytes))
	return bytes
}

func openSQLite(t *testing.T) store {
	path := filepath.Join(t.TempDir(), "state.db")
	st, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	return inSQL{
		Storage: st, db: second(t, st.Close, "sqlite", path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)&_pragma=cache_size(-400000)"),
		insert: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
			INSERT INTO authserver_records (kind, record_key, version, client_id, subject, session_id, expires_at, data)
			SELECT 'grant', lower(hex(randomblob(22))), 1, ?3, ?2 || i, '', ?4 + i, ?5 FROM n WHERE ?1 > 0`,
		settle: []string{`PRAGMA wal_checkpoint(TRUNCATE)`},
		sized:  `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`,
	}
}

func openPostgres(t *testing.T) store {
	dsn := testservers.Postgres(t)
	st, err := postgres.Open(t.Context(), dsn)
	require.NoError(t, err)
	return inSQL{
		Storage: st, db: second(t, st.Close, "pgx", dsn),
		insert: `INSERT INTO authserver_records (kind, record_key, version, client_id, subject, session_id, expires_at, data)
			SELECT 'grant', substr(encode(sha256(($2::text || i)::bytea), 'hex'), 1, 43), 1, $3, $2::text || i, '', $4::bigint + i, $5
			FROM generate_series(1, $1::int) AS i`,
		settle: []string{`VACUUM ANALYZE authserver_records`, `CHECKPOINT`},
		sized:  `SELECT pg_total_relation_size('authserver_records')`,
	}
}

func second(t *testing.T, closeStore func() error, driver, dsn string) *sql.DB {
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	db.SetConnMaxLifetime(time.Hour)
	t.Cleanup(func() {
		require.NoError(t, db.Close())
		require.NoError(t, closeStore())
	})
	return db
}

package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore"
	"github.com/seed36673005/authserver/storage/sqlstore/mysql"
	"github.com/seed36673005/authserver/storage/sqlstore/postgres"
	"github.com/seed36673005/authserver/storage/storagetest"
)

// A server is a kind of database server.
type server struct {
	name     string
	driver   string
	dialect  sqlstore.Dialect
	database func(testing.TB) (dsn string)
	private  func(testing.TB, ...string) (s *testservers.Server, dsn string)
	open     func(ctx context.Context, dsn string) (*sqlstore.Store, error)
	// others lists the connections to the database but that which asks, and
	// cut ends one of them.
	others, cut string
}

var servers = []server{
	{
		name: "PostgreSQL", driver: "pgx", dialect: sqlstore.PostgreSQL,
		database: testservers.Postgres, private: testservers.NewPostgres, open: postgres.Open,
		others: `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
		cut:    `SELECT pg_terminate_backend(%d)`,
	},
	{
		name: "MariaDB", driver: "mysql", dialect: sqlstore.MySQL,
		database: testservers.MariaDB, private: testservers.NewMariaDB, open: mysql.Open,
		others: `SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()`,
		cut:    `KILL %d`,
	},
}

// onEach runs a test on each kind of server.
func onEach(t *testing.T, test func(t *testing.T, s server)) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func (s server) store(t *testing.T, dsn string) *sqlstore.Store {
	store, err := s.open(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// pool is a host's own.
func (s server) pool(t *testing.T, dsn string) *sql.DB {
	db, err := sql.Open(s.driver, dsn)
	require.NoError(t, err)
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (s server) exec(t *testing.T, db *sql.DB, statements ...string) {
	for _, statement := range statements {
		_, err := db.Exec(statement)
		require.NoError(t, err)
	}
}

func hosts(t *testing.T, cfg sqlstore.Config) *sqlstore.Store {
	store, err := sqlstore.Open(t.Context(), cfg)
	require.NoError(t, err)
	return store
}

// with adds a parameter to a DSN.
func with(dsn, parameter string) string {
	if strings.Contains(dsn, "?") {
		return dsn + "&" + parameter
	}
	return dsn + "?" + parameter
}

func contract(t *testing.T, s storage.Storage) {
	storagetest.Run(t, func(*testing.T) storage.Storage { return s })
}

func TestContract(t *testing.T) {
	onEach(t, func(t *testing.T, s server) { contract(t, s.store(t, s.database(t))) })
}

// TestContractOnHostsPool: the settings of a pool that a host hands over do
// not matter.
func TestContractOnHostsPool(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		server    server
		parameter string
	}{
		"PostgreSQL, serializable by default":                                       {servers[0], "default_transaction_isolation=serializable"},
		"PostgreSQL, without statements that are prepared, as a pooler may want it": {servers[0], "default_query_exec_mode=exec"},
		"MariaDB, serializable by default, with statements that are prepared":       {servers[1], "tx_isolation='SERIALIZABLE'"},
		"MariaDB, counting rows that were found":                                    {servers[1], "interpolateParams=true&clientFoundRows=true&sql_mode=''"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := tc.server.pool(t, with(tc.server.database(t), tc.parameter))
			contract(t, hosts(t, sqlstore.Config{DB: db, Dialect: tc.server.dialect}))
		})
	}
}

func record(key string) storage.Record {
	return storage.Record{
		Kind: storage.KindGrant, Key: key, ClientID: "client", Subject: "subject",
		ExpiresAt: time.Now().Add(time.Hour), Data: []byte(`{"v":1}`),
	}
}

// TestFirstStartAtOnce opens a new database many times at once.
func TestFirstStartAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		dsn := s.database(t)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				store, err := s.open(t.Context(), dsn)
				if err == nil {
					_, err = store.Create(t.Context(), record(fmt.Sprint(i)))
					err = errors.Join(err, store.Close())
				}
				errs[i] = err
			})
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		page, err := s.store(t, dsn).List(t.Context(), storage.Query{Kind: storage.KindGrant})
		require.NoError(t, err)
		require.Len(t, page.Records, len(errs))
		applied := number(t, s.pool(t, dsn), `SELECT count(*) FROM authserver_migrations WHERE version_id > 0`)
		migrations, err := sqlstore.Migrations(s.dialect, "", "")
		require.NoError(t, err)
		require.Equal(t, len(migrations), applied)
	})
}

func number(t *testing.T, db *sql.DB, query string) (n int) {
	require.NoError(t, db.QueryRow(query).Scan(&n))
	return n
}

// TestPrefixAndSchema: Stores of different names have nothing in common.
func TestPrefixAndSchema(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		db := s.pool(t, s.database(t))
		schema := fmt.Sprintf("elsewhere_%x", time.Now().UnixNano())
		s.exec(t, db, "CREATE SCHEMA "+schema)
		var stores []*sqlstore.Store
		for _, cfg := range []sqlstore.Config{{TablePrefix: "one_"}, {TablePrefix: "two_"}, {TablePrefix: "one_", Schema: schema}} {
			cfg.DB, cfg.Dialect = db, s.dialect
			stores = append(stores, hosts(t, cfg))
			hosts(t, cfg) // again
		}
		for i, store := range stores {
			_, err := store.Create(t.Context(), record("key"))
			require.NoError(t, err, i)
			require.NoError(t, store.Health(t.Context()))
		}
		tables := number(t, db, `SELECT count(*) FROM information_schema.tables
			WHERE table_schema = '`+schema+`' AND table_name IN ('one_records', 'one_migrations')`)
		require.Equal(t, 2, tables)
		s.exec(t, db, "DROP TABLE "+schema+".one_records", "DROP TABLE "+schema+".one_migrations", "DROP SCHEMA "+schema)
	})
}

// TestHostMigrates: what Migrations returns makes the tables by any tool.
func TestHostMigrates(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		db := s.pool(t, s.database(t))
		cfg := sqlstore.Config{DB: db, Dialect: s.dialect, TablePrefix: "own_", SkipMigrations: true}
		_, err := sqlstore.Open(t.Context(), cfg)
		require.ErrorContains(t, err, "sqlstore: prepare: ")

		migrations, err := sqlstore.Migrations(s.dialect, "own_", "")
		require.NoError(t, err)
		for i, m := range migrations {
			require.Equal(t, int64(i+1), m.Version)
			for statement := range strings.SplitSeq(m.SQL, ";\n") {
				if strings.TrimSpace(statement) != "" {
					s.exec(t, db, statement)
				}
			}
		}
		_, err = hosts(t, cfg).Create(t.Context(), record("key"))
		require.NoError(t, err)

		cfg.SkipMigrations = false // the host has changed its mind
		_, err = hosts(t, cfg).Get(t.Context(), storage.KindGrant, "key")
		require.NoError(t, err)
	})
}

package testservers

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Postgres returns the URL of a new, empty database on a PostgreSQL server
// that the tests of a binary share; the database is removed after the test,
// which must have closed its connections by then. The test imports pgx's
// database/sql driver.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	server := os.Getenv(postgresVariable)
	if server == "" {
		s, err := sharedPostgres()
		if err != nil {
			without(t, err)
		}
		server = postgresURL(s)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("testservers: %s is no URL", postgresVariable)
	}
	u.Path = "/" + newDatabase(t, "pgx", server)
	return u.String()
}

var sharedPostgres = sync.OnceValues(func() (*Server, error) { return startPostgres() })

// NewPostgres starts a PostgreSQL server for one test and ends it after the
// test. It returns the URL of an empty database, the same after a restart.
// What is committed outlives Kill but not a crash of the machine. Settings are
// as in "max_connections=10".
func NewPostgres(t testing.TB, settings ...string) (s *Server, dsn string) {
	t.Helper()
	s, err := startPostgres(settings...)
	if err != nil {
		without(t, err)
	}
	closeAfter(t, s)
	return s, postgresURL(s)
}

const postgresUser = "postgres"

func postgresURL(s *Server) string {
	return "postgres://" + postgresUser + "@" + s.Addr + "/postgres?sslmode=disable"
}

func startPostgres(settings ...string) (*Server, error) {
	program, err := find("postgres", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
	if err != nil {
		return nil, err
	}
	a, err := unprivileged("postgres", "nobody")
	if err != nil {
		return nil, err
	}
	return launch(program, a, func(s *Server, port int) error {
		data := filepath.Join(s.dir, "data")
		s.ending = syscall.SIGINT // cuts connections and ends in good order
		s.args = []string{"-D", data}
		for _, setting := range append([]string{
			"listen_addresses=127.0.0.1", fmt.Sprint("port=", port), "unix_socket_directories=",
			"max_connections=200", "shared_buffers=64MB",
			"fsync=off", "full_page_writes=off", "jit=off", // nothing is to outlive the machine
		}, settings...) {
			s.args = append(s.args, "-c", setting)
		}
		s.ready = answers("pgx", postgresURL(s))
		return s.run(filepath.Join(filepath.Dir(program), "initdb"),
			"-D", data, "-U", postgresUser, "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8")
	})
}

// answers asks a database whether it serves.
func answers(driver, dsn string) func(context.Context) error {
	return func(ctx context.Context) error {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		return db.PingContext(ctx)
	}
}

// newDatabase makes a database for the test and returns its name.
func newDatabase(t testing.TB, driver, dsn string) (name string) {
	t.Helper()
	name = fmt.Sprintf("authserver_test_%x", rand.Uint64()) //nolint:gosec // not a secret
	if err := do(driver, dsn, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("testservers: create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := do(driver, dsn, "DROP DATABASE "+name); err != nil {
			t.Errorf("testservers: remove the test's database: %v", err)
		}
	})
	return name
}

func do(driver, dsn, statement string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec(statement)
	return err
}

package testservers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// MariaDB returns the DSN of a new, empty database on a MariaDB server that
// the tests of a binary share; the database is removed after the
// test. The test imports go-sql-driver/mysql.
func MariaDB(t testing.TB) (dsn string) {
	t.Helper()
	server := os.Getenv(mariadbVariable)
	if server == "" {
		s, err := sharedMariaDB()
		if err != nil {
			without(t, err)
		}
		server = mariadbDSN(s)
	}
	address, rest, ok := strings.Cut(server, ")/")
	if !ok {
		t.Fatalf("testservers: %s is no DSN as in user:password@tcp(host:port)/", mariadbVariable)
	}
	_, parameters, found := strings.Cut(rest, "?")
	if found {
		parameters = "?" + parameters
	}
	return address + ")/" + newDatabase(t, "mysql", server) + parameters
}

var sharedMariaDB = sync.OnceValues(func() (*Server, error) { return startMariaDB() })

// NewMariaDB starts a MariaDB server for one test and ends it after the test.
// It returns the DSN of an empty database, the same after a restart. What is
// committed outlives Kill but not a crash of the machine. Options are as in
// "--max-connections=10".
func NewMariaDB(t testing.TB, options ...string) (s *Server, dsn string) {
	t.Helper()
	s, err := startMariaDB(options...)
	if err != nil {
		without(t, err)
	}
	closeAfter(t, s)
	const name = "authserver_test"
	if err := do("mysql", mariadbDSN(s), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("testservers: create a database: %v", err)
	}
	return s, mariadbDSN(s) + name
}

func mariadbDSN(s *Server) string { return "root@tcp(" + s.Addr + ")/" }

func startMariaDB(options ...string) (*Server, error) {
	program, err := find("mariadbd", "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/opt/mariadb/bin")
	if err != nil {
		return nil, err
	}
	install, err := find("mariadb-install-db", filepath.Dir(program), "/usr/bin", "/usr/local/bin")
	if err != nil {
		return nil, err
	}
	a, err := unprivileged("mysql", "nobody")
	if err != nil {
		return nil, err
	}
	return launch(program, a, func(s *Server, port int) error {
		data := filepath.Join(s.dir, "data")
		s.ending = syscall.SIGTERM
		s.args = append([]string{
			"--no-defaults", "--datadir=" + data, "--bind-address=127.0.0.1", fmt.Sprint("--port=", port),
			"--socket=" + filepath.Join(s.dir, "socket"), "--pid-file=" + filepath.Join(s.dir, "pid"),
			"--skip-name-resolve", "--max-connections=400", "--innodb-buffer-pool-size=64M",
			"--innodb-log-file-size=24M", "--innodb-flush-log-at-trx-commit=2", // nothing is to outlive the machine
		}, options...)
		s.ready = answers("mysql", mariadbDSN(s))
		return s.run(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal",
			"--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=24M")
	})
}

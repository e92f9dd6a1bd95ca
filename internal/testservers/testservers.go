// Package testservers gives the tests of this module real database servers:
// the ones whose addresses the environment has, or private instances that it
// starts from the binaries on the machine, on loopback ports and in temporary
// folders. Where there is neither, a test is skipped aloud, or fails if
// AUTHSERVER_REQUIRE_SERVERS is 1.
//
// An instance that tests share is started once per test binary, by the first
// test that asks. One that a test has to itself is a Server, which the test
// may stop, kill and start again. No instance outlives the test binary,
// however that ends.
package testservers

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The environment variables.
const (
	requireVariable  = "AUTHSERVER_REQUIRE_SERVERS"    // 1: no test is skipped
	redisVariable    = "AUTHSERVER_TEST_REDIS"         // host:port
	clusterVariable  = "AUTHSERVER_TEST_REDIS_CLUSTER" // host:port,host:port,…
	postgresVariable = "AUTHSERVER_TEST_POSTGRES"      // a URL for pgx, of a role that may create databases
	mariadbVariable  = "AUTHSERVER_TEST_MARIADB"       // a DSN for go-sql-driver/mysql, the same
)

// An absence says that there is no such server on this machine; any other
// error means that it is there and does not work.
type absence string

func (a absence) Error() string { return string(a) }

// without ends a test for which there is no server.
func without(t testing.TB, reason error) {
	t.Helper()
	if _, ok := errors.AsType[absence](reason); !ok || os.Getenv(requireVariable) == "1" {
		t.Fatalf("testservers: %v", reason)
	}
	t.Skipf("testservers: %v", reason)
}

// find returns the path of a program: from PATH, or from the folders that
// patterns match, the last of them first, as the newest version is there.
func find(program string, patterns ...string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return filepath.Abs(path)
	}
	for _, pattern := range patterns {
		matches, err := filepath.Glob(filepath.Join(pattern, program))
		if err != nil {
			return "", err
		}
		slices.Sort(matches)
		if len(matches) > 0 {
			return matches[len(matches)-1], nil
		}
	}
	return "", absence("there is no " + program + " on this machine")
}

package testservers

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Redis returns the address of a Redis server that the tests of a binary
// share. Nothing in it is removed between them, so each uses keys of its own
// and leaves the settings alone.
func Redis(t testing.TB) (addr string) {
	t.Helper()
	if addr := os.Getenv(redisVariable); addr != "" {
		return addr
	}
	s, err := sharedRedis()
	if err != nil {
		without(t, err)
	}
	return s.Addr
}

var sharedRedis = sync.OnceValues(func() (*Server, error) { return startRedis() })

// NewRedis starts a Redis server for one test and ends it after the test.
// Further arguments are those of redis-server, as in "--appendonly", "yes".
func NewRedis(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := startRedis(args...)
	if err != nil {
		without(t, err)
	}
	closeAfter(t, s)
	return s
}

func startRedis(args ...string) (*Server, error) {
	program, err := find("redis-server", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
	if err != nil {
		return nil, err
	}
	a, err := unprivileged("redis", "nobody")
	if err != nil {
		return nil, err
	}
	return launch(program, a, func(s *Server, port int) error {
		s.ending = syscall.SIGTERM
		s.args = append([]string{
			"--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--dir", s.dir, "--save", "", "--daemonize", "no",
		}, args...)
		s.ready = func(ctx context.Context) error { return ping(ctx, s.Addr) }
		return nil
	})
}

func ping(ctx context.Context, addr string) error {
	return command(ctx, addr, "PING").Err()
}

// command runs one command on a connection of its own.
func command(ctx context.Context, addr string, args ...any) *redis.Cmd {
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DisableIdentity: true})
	defer func() { _ = client.Close() }()
	return client.Do(ctx, args...)
}

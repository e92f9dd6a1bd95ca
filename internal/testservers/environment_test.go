package testservers

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAddresses: a server that the environment names is used, and no other.
func TestAddresses(t *testing.T) {
	s, dsn := NewPostgres(t)
	t.Setenv(postgresVariable, dsn)
	require.Contains(t, Postgres(t), s.Addr)

	s, dsn = NewMariaDB(t)
	t.Setenv(mariadbVariable, dsn+"?timeout=5s")
	given := MariaDB(t)
	require.Contains(t, given, s.Addr)
	require.True(t, strings.HasSuffix(given, "?timeout=5s"), given)

	t.Setenv(redisVariable, "redis.example:6379")
	require.Equal(t, "redis.example:6379", Redis(t))
	t.Setenv(clusterVariable, "one.example:6379,two.example:6379")
	require.Equal(t, []string{"one.example:6379", "two.example:6379"}, RedisCluster(t))
}

// A recorder is a test that notes how it ends.
type recorder struct {
	testing.TB
	end string
}

func (*recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) { r.ends("skipped: "+format, args) }

func (r *recorder) Fatalf(format string, args ...any) { r.ends("failed: "+format, args) }

func (r *recorder) ends(format string, args []any) {
	r.end = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// TestWithout: a test says aloud that it is skipped, and is not where servers
// are required or one is there and does not work.
func TestWithout(t *testing.T) {
	_, absent := find("no-such-program", "/usr/*")
	require.Error(t, absent)
	for _, tc := range []struct {
		required string
		err      error
		want     string
	}{
		{"", absent, "skipped: testservers: there is no no-such-program on this machine"},
		{"1", absent, "failed: testservers: there is no no-such-program on this machine"},
		{"", errors.New("start it: no"), "failed: testservers: start it: no"},
	} {
		t.Setenv(requireVariable, tc.required)
		r := &recorder{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			without(r, tc.err)
		}()
		<-done
		require.Equal(t, tc.want, r.end)
	}
}

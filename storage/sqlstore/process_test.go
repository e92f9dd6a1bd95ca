package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore"
)

// A child is this test binary, run again as another process on a database.
const (
	childServer = "SQLSTORE_TEST_SERVER"
	childDSN    = "SQLSTORE_TEST_DSN"
)

// TestMain runs a child, or the tests.
func TestMain(m *testing.M) {
	for _, s := range servers {
		if s.name == os.Getenv(childServer) {
			child(s)
			return
		}
	}
	os.Exit(m.Run())
}

func child(s server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := s.open(ctx, os.Getenv(childDSN))
	if err == nil {
		err = errors.Join(compete(ctx, store), store.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const turns = 40

// compete adds to a counter that all processes share, and tries to be the
// first to create each of some records; it prints how many it created.
func compete(ctx context.Context, s *sqlstore.Store) error {
	created := 0
	for i := range turns {
		switch _, err := s.Create(ctx, record(fmt.Sprint("key", i))); {
		case err == nil:
			created++
		case !errors.Is(err, storage.ErrExists):
			return err
		}
		if err := increment(ctx, s); err != nil {
			return err
		}
	}
	_, err := fmt.Println(created)
	return err
}

// increment adds one to the counter.
func increment(ctx context.Context, s *sqlstore.Store) error {
	for {
		r, err := s.Get(ctx, "count", "er")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(r.Data))
		if err != nil {
			return err
		}
		r.Data = strconv.AppendInt(nil, int64(n+1), 10)
		if _, err = s.Replace(ctx, r); !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
}

func newCounter(t *testing.T, s *sqlstore.Store) {
	_, err := s.Create(t.Context(), storage.Record{Kind: "count", Key: "er", Data: []byte("0")})
	require.NoError(t, err)
}

func counted(t *testing.T, s *sqlstore.Store) int {
	r, err := s.Get(t.Context(), "count", "er")
	require.NoError(t, err)
	n, err := strconv.Atoi(string(r.Data))
	require.NoError(t, err)
	return n
}

// TestProcessesCompete: what holds in a process holds between processes.
func TestProcessesCompete(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		dsn := s.database(t)
		store := s.store(t, dsn)
		newCounter(t, store)

		const processes = 2
		var commands [processes]*exec.Cmd
		var outs [processes]io.Reader
		for i := range processes {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childServer+"="+s.name, childDSN+"="+dsn)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			commands[i], outs[i] = cmd, out
		}
		total := 0
		for i := range processes {
			var created int
			_, err := fmt.Fscan(outs[i], &created)
			require.NoError(t, err)
			require.NoError(t, commands[i].Wait())
			total += created
		}
		require.Equal(t, turns, total, "each record was created by one process")
		require.Equal(t, processes*turns, counted(t, store), "no count was lost")
	})
}

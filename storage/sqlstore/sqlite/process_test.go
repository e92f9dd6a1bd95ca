package sqlite_test

import (
	"bufio"
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
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

// A child is this test binary, run again as a process that works on a file.
const (
	childTask = "SQLITE_TEST_TASK"
	childPath = "SQLITE_TEST_PATH"
)

// TestMain runs a child's task, or the tests.
func TestMain(m *testing.M) {
	task, ok := tasks[os.Getenv(childTask)]
	if !ok {
		os.Exit(m.Run())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := sqlite.Open(ctx, os.Getenv(childPath))
	if err == nil {
		err = errors.Join(task(ctx, s), s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var tasks = map[string]func(context.Context, *sqlstore.Store) error{
	"compete": compete,
	"write":   write,
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

// write creates records for ever, and prints each once it is acknowledged.
func write(ctx context.Context, s *sqlstore.Store) error {
	for i := 0; ; i++ {
		if _, err := s.Create(ctx, record(strconv.Itoa(i))); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func start(t *testing.T, task, path string) (*exec.Cmd, io.Reader) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd, out
}

// TestProcessesCompete: what holds in a process holds between processes.
func TestProcessesCompete(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	_, err := s.Create(t.Context(), storage.Record{Kind: "count", Key: "er", Data: []byte("0")})
	require.NoError(t, err)

	const processes = 3
	var cmds [processes]*exec.Cmd
	var outs [processes]io.Reader
	for i := range processes {
		cmds[i], outs[i] = start(t, "compete", path)
	}
	total := 0
	for i := range processes {
		var created int
		_, err := fmt.Fscan(outs[i], &created)
		require.NoError(t, err)
		require.NoError(t, cmds[i].Wait())
		total += created
	}
	require.Equal(t, turns, total, "each record was created by one process")
	r, err := s.Get(t.Context(), "count", "er")
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(processes*turns), string(r.Data), "no count was lost")
}

// TestKill: what was acknowledged before a process was killed is there.
func TestKill(t *testing.T) {
	path := newPath(t)
	for range 3 {
		cmd, out := start(t, "write", path)
		lines := bufio.NewScanner(out)
		last := 0
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			require.NoError(t, err)
			if last = n; n == 50 {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		require.Error(t, cmd.Wait())

		s := open(t, path)
		for i := range last + 1 {
			_, err := s.Get(t.Context(), storage.KindGrant, strconv.Itoa(i))
			require.NoError(t, err, "record %d of %d", i, last)
		}
		var check string
		require.NoError(t, raw(t, path).QueryRow("PRAGMA integrity_check").Scan(&check))
		require.Equal(t, "ok", check)
		path = newPath(t)
	}
}

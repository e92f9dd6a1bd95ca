package faulttest

import (
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// F-01: the server process is killed at any moment of mixed traffic on a
// SQLite file, and started again. FAULT_ROUNDS says how often.
func TestKill(t *testing.T) {
	rounds := by(2, 20, 200)
	if n, err := strconv.Atoi(os.Getenv("FAULT_ROUNDS")); err == nil {
		rounds = n
	}
	path := filepath.Join(t.TempDir(), "state.db")
	p := newProcess(t, path)
	clients := start(8, p)
	var up []time.Duration
	for range rounds {
		time.Sleep(100*time.Millisecond + rand.N(400*time.Millisecond))
		p.kill()
		up = append(up, p.start())
		require.Equal(t, "ok", integrity(t, path))
	}
	clients.stop(t)
	slices.Sort(up)
	t.Logf("%d kills; up again in %v (median), %v (longest)", rounds, up[len(up)/2].Round(time.Millisecond), up[len(up)-1].Round(time.Millisecond))
	require.Less(t, up[len(up)/2], 2*time.Second)
}

func integrity(t *testing.T, path string) (answer string) {
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.QueryRow("PRAGMA integrity_check").Scan(&answer))
	return answer
}

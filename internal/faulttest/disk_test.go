package faulttest

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage/sqlstore"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

// F-14: a SQLite file may grow no further than it has, and then may again.
func TestDiskFullByPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	exec := func(statement string) {
		_, err := db.Exec(statement)
		require.NoError(t, err)
	}
	fills(t, nodeOn(t, store), func() { exec("PRAGMA max_page_count = 1") }, func() { exec("PRAGMA max_page_count = 1000000") })
	require.Equal(t, "ok", integrity(t, path))
}

// The same with a small file system, where the test may mount one.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Logf("no file system to fill, as this account may mount none: %v: %s", err, output)
		return
	}
	t.Cleanup(func() { require.NoError(t, exec.Command("umount", dir).Run()) })
	path := filepath.Join(dir, "state.db")
	store, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	ballast := filepath.Join(dir, "ballast")
	fills(t, nodeOn(t, store), func() {
		_ = os.WriteFile(ballast, make([]byte, 32<<20), 0o600) // as much of it as there is room for
	}, func() { require.NoError(t, os.Remove(ballast)) })
	require.Equal(t, "ok", integrity(t, path))
}

// fills has the disk become full under traffic and then free again.
func fills(t *testing.T, n *node, fill, free func()) {
	t.Helper()
	clients := start(8, n)
	time.Sleep(500 * time.Millisecond)
	filled := time.Now()
	fill()
	failing := func() bool { return clients.between(filled, time.Now())[unknown] > 0 }
	require.Eventually(t, failing, 20*time.Second, 10*time.Millisecond, "the disk is not full")
	time.Sleep(by(time.Second, 2*time.Second, 5*time.Second))
	during := clients.between(filled, time.Now())
	free()
	freed := time.Now()
	time.Sleep(time.Second)
	first, found := clients.firstOK(freed)
	require.True(t, found)
	after := clients.between(freed.Add(500*time.Millisecond), time.Now())
	clients.stop(t)
	t.Logf("full: %d ok, %d failed; freed: first write after %v, then %d ok, %d failed", during[ok], during[unknown],
		first.Sub(freed).Round(time.Millisecond), after[ok], after[unknown])
	require.Less(t, first.Sub(freed), 5*time.Second)
	require.Zero(t, after[unknown])
}

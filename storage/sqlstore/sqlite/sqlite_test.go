package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
	"github.com/seed36673005/authserver/storage/storagetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	s := open(t, newPath(t))
	storagetest.Run(t, func(*testing.T) storage.Storage { return s })
}

// TestContractOnTwoStores sends each call to one of two Stores on one file,
// as two processes would.
func TestContractOnTwoStores(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	both := &alternating{stores: [2]*sqlstore.Store{open(t, path), open(t, path)}}
	storagetest.Run(t, func(*testing.T) storage.Storage { return both })
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "state.db") }

func open(t testing.TB, path string) *sqlstore.Store {
	s, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func record(key string) storage.Record {
	return storage.Record{
		Kind: storage.KindGrant, Key: key, ClientID: "client", Subject: "subject",
		ExpiresAt: time.Now().Add(time.Hour), Data: []byte(`{"v":1}`),
	}
}

func TestReopenKeepsRecords(t *testing.T) {
	path := newPath(t)
	s, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	created, err := s.Create(t.Context(), record("key"))
	require.NoError(t, err)
	require.NoError(t, s.Close())

	s = open(t, path)
	got, err := s.Get(t.Context(), storage.KindGrant, "key")
	require.NoError(t, err)
	require.Equal(t, created, got)
	_, err = s.Replace(t.Context(), got)
	require.NoError(t, err)
}

// TestFirstStartAtOnce opens a new file many times at once.
func TestFirstStartAtOnce(t *testing.T) {
	path := newPath(t)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() {
			s, err := sqlite.Open(t.Context(), path)
			if err == nil {
				_, err = s.Create(t.Context(), record(fmt.Sprint(i)))
				err = errors.Join(err, s.Close())
			}
			errs[i] = err
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	page, err := open(t, path).List(t.Context(), storage.Query{Kind: storage.KindGrant})
	require.NoError(t, err)
	require.Len(t, page.Records, len(errs))
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	_, err := s.Create(t.Context(), record("key"))
	require.NoError(t, err)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), suffix)
	}
}

func TestSettings(t *testing.T) {
	path := newPath(t)
	open(t, path)
	for pragma, want := range map[string]string{"journal_mode": "wal", "integrity_check": "ok"} {
		var got string
		require.NoError(t, raw(t, path).QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

// TestOddPaths: no character of a path is taken for syntax.
func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "a?mode=memory.db", "100%.db", "a#b.db", "é'\".db", "%41.db"} {
		path := filepath.Join(t.TempDir(), name)
		_, err := open(t, path).Create(t.Context(), record("key"))
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Positive(t, info.Size(), name)
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	open(t, "state.db")
	require.FileExists(t, "state.db")
}

func TestOpenRefuses(t *testing.T) {
	notADatabase := newPath(t)
	require.NoError(t, os.WriteFile(notADatabase, []byte("this is a text, not a database, and long enough to show it"), 0o600))
	for name, path := range map[string]string{
		"no path":        "",
		"in memory":      ":memory:",
		"no such folder": filepath.Join(t.TempDir(), "none", "state.db"),
		"a folder":       t.TempDir(),
		"another format": notADatabase,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sqlite.Open(t.Context(), path)
			require.ErrorContains(t, err, "sqlite: ")
		})
	}
}

// locked holds the file's write lock until the test ends.
func locked(t *testing.T, path string) {
	conn, err := raw(t, path).Conn(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
}

func raw(t *testing.T, path string) *sql.DB {
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// TestLockedByAnother: a writer that does not finish makes writes fail by the
// time their context ends, with no answer of the contract; reads go on.
func TestLockedByAnother(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	created, err := s.Create(t.Context(), record("key"))
	require.NoError(t, err)
	locked(t, path)

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = s.Replace(ctx, created)
	require.ErrorContains(t, err, "sqlstore: replace: ")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 2*time.Second)
	require.ErrorIs(t, s.Health(ctx), context.DeadlineExceeded)

	got, err := s.Get(t.Context(), storage.KindGrant, "key")
	require.NoError(t, err)
	require.Equal(t, created, got)
}

func TestClosed(t *testing.T) {
	s, err := sqlite.Open(t.Context(), newPath(t))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = s.Get(t.Context(), storage.KindGrant, "key")
	require.Error(t, err)
	require.NotErrorIs(t, err, storage.ErrNotFound)
	require.Error(t, s.Health(t.Context()))
}

// alternating sends each call to the next of its stores.
type alternating struct {
	mu     sync.Mutex
	next   int
	stores [2]*sqlstore.Store
}

func (a *alternating) store() *sqlstore.Store {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	return a.stores[a.next%2]
}

func (a *alternating) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	return a.store().Create(ctx, r)
}

func (a *alternating) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	return a.store().Get(ctx, kind, key)
}

func (a *alternating) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	return a.store().Replace(ctx, r)
}

func (a *alternating) Delete(ctx context.Context, kind storage.Kind, key string) error {
	return a.store().Delete(ctx, kind, key)
}

func (a *alternating) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	return a.store().List(ctx, q)
}

func (a *alternating) Sweep(ctx context.Context, limit int) (int, error) {
	return a.store().Sweep(ctx, limit)
}

func (a *alternating) Health(ctx context.Context) error { return a.store().Health(ctx) }

func benchStore(b *testing.B) (*sqlstore.Store, storage.Record) {
	s := open(b, newPath(b))
	r := record("key")
	r.Data = make([]byte, 1000)
	r, err := s.Create(b.Context(), r)
	require.NoError(b, err)
	b.ReportAllocs()
	return s, r
}

func BenchmarkGet(b *testing.B) {
	s, _ := benchStore(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Get(b.Context(), storage.KindGrant, "key"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	s, r := benchStore(b)
	var err error
	for b.Loop() {
		if r, err = s.Replace(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

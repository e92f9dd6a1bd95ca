package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore"
)

// A traffic is workers that use a store while something befalls it. Each has
// a counter of its own, so that what a worker was told can be compared with
// what is stored.
type traffic struct {
	store   *sqlstore.Store
	stop    chan struct{}
	all     sync.WaitGroup
	done    atomic.Int64 // calls that went well
	failed  atomic.Int64 // calls that did not
	workers []*worker
}

// A worker knows its record by what it was told: the last version that was
// acknowledged, and whether a later write may have been done.
type worker struct {
	key     string
	last    storage.Record
	unknown bool
	wrong   error // what it was told and cannot be
}

func startTraffic(t *testing.T, s *sqlstore.Store) *traffic {
	tr := &traffic{store: s, stop: make(chan struct{})}
	for i := range 8 {
		r, err := s.Create(t.Context(), record(fmt.Sprint("worker", i)))
		require.NoError(t, err)
		w := &worker{key: r.Key, last: r}
		tr.workers = append(tr.workers, w)
		tr.all.Go(func() {
			for !tr.stopped() && w.wrong == nil {
				w.turn(context.Background(), tr)
			}
		})
	}
	return tr
}

func (tr *traffic) stopped() bool {
	select {
	case <-tr.stop:
		return true
	default:
		return false
	}
}

// turn reads the worker's record, compares it and replaces it.
func (w *worker) turn(ctx context.Context, tr *traffic) {
	r, err := tr.store.Get(ctx, storage.KindGrant, w.key)
	if err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			w.wrong = err
		}
		tr.failed.Add(1)
		return
	}
	if r.Version != w.last.Version && !w.unknown {
		w.wrong = fmt.Errorf("%s has version %d, acknowledged was %d", w.key, r.Version, w.last.Version)
		return
	}
	w.last, w.unknown = r, false
	r, err = tr.store.Replace(ctx, r)
	switch {
	case err == nil:
		w.last = r
		tr.done.Add(1)
	case errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrNotFound):
		w.wrong = fmt.Errorf("%s has no other writer: %w", w.key, err)
	default:
		w.unknown = true
		tr.failed.Add(1)
	}
}

// goesOn waits until n more calls have gone well.
func (tr *traffic) goesOn(t *testing.T, n int64) {
	want := tr.done.Load() + n
	require.Eventually(t, func() bool { return tr.done.Load() >= want }, 20*time.Second, time.Millisecond)
}

// end stops the workers and has each look at its record once more.
func (tr *traffic) end(t *testing.T) {
	close(tr.stop)
	tr.all.Wait()
	failed := tr.failed.Load()
	for _, w := range tr.workers {
		w.turn(t.Context(), tr)
		require.NoError(t, w.wrong)
	}
	require.Equal(t, failed, tr.failed.Load(), "all is well in the end")
	t.Logf("%d writes went well, %d calls failed", tr.done.Load(), failed)
}

// TestConnectionsCut: no acknowledged write is lost, no write is done twice,
// and what was cut heals at once.
func TestConnectionsCut(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		dsn := s.database(t)
		tr := startTraffic(t, s.store(t, dsn))
		admin := s.pool(t, dsn)
		for range 5 {
			tr.goesOn(t, 40)
			s.cutOthers(t, admin)
		}
		tr.goesOn(t, 40)
		tr.end(t)
		require.Less(t, tr.failed.Load(), int64(5*len(tr.workers)+1), "each cut fails at most one call of each worker")
	})
}

// cutOthers ends all connections but the one it uses.
func (s server) cutOthers(t *testing.T, db *sql.DB) {
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	rows, err := conn.QueryContext(t.Context(), s.others)
	require.NoError(t, err)
	defer rows.Close()
	var ids []int
	for rows.Next() {
		var id int
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, ids)
	for _, id := range ids {
		_, _ = conn.ExecContext(t.Context(), fmt.Sprintf(s.cut, id)) // it may have ended by itself
	}
}

// TestServerRestarts: nothing acknowledged is lost when the server stops in
// good order or crashes, and all goes on when it is back.
func TestServerRestarts(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		instance, dsn := s.private(t)
		tr := startTraffic(t, s.store(t, dsn))
		for _, end := range []func(testing.TB){instance.Stop, instance.Kill} {
			tr.goesOn(t, 40)
			end(t)
			instance.Start(t)
		}
		tr.goesOn(t, 40)
		tr.end(t)
	})
}

// TestServerAway: a call to a server that is not there fails within seconds,
// by an error that is none of the contract's.
func TestServerAway(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		instance, dsn := s.private(t)
		store := s.store(t, dsn)
		r, err := store.Create(t.Context(), record("key"))
		require.NoError(t, err)
		instance.Stop(t)
		began := time.Now()
		calls := map[string]func() error{
			"Create":  func() error { _, err := store.Create(t.Context(), record("new")); return err },
			"Get":     func() error { _, err := store.Get(t.Context(), r.Kind, r.Key); return err },
			"Replace": func() error { _, err := store.Replace(t.Context(), r); return err },
			"Delete":  func() error { return store.Delete(t.Context(), r.Kind, r.Key) },
			"List":    func() error { _, err := store.List(t.Context(), storage.Query{Kind: r.Kind}); return err },
			"Sweep":   func() error { _, err := store.Sweep(t.Context(), 10); return err },
			"Health":  func() error { return store.Health(t.Context()) },
		}
		var all sync.WaitGroup
		for name, call := range calls {
			all.Go(func() {
				err := call()
				for _, answer := range []error{storage.ErrNotFound, storage.ErrExists, storage.ErrConflict} {
					if err == nil || errors.Is(err, answer) {
						t.Errorf("%s answers %v", name, err)
					}
				}
			})
		}
		all.Wait()
		require.Less(t, time.Since(began), 8*time.Second)
		instance.Start(t)
		_, err = store.Replace(t.Context(), r)
		require.NoError(t, err)
	})
}

// TestLockedByAnother: a write that waits for another's transaction ends with
// its context. Whether it has an effect later is the database's to say, and
// the record can be written all the same.
func TestLockedByAnother(t *testing.T) {
	onEach(t, func(t *testing.T, s server) {
		dsn := s.database(t)
		store := s.store(t, dsn)
		r, err := store.Create(t.Context(), record("key"))
		require.NoError(t, err)
		tx, err := s.pool(t, dsn).Begin()
		require.NoError(t, err)
		_, err = tx.Exec(`UPDATE authserver_records SET subject = 'other'`)
		require.NoError(t, err)

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err = store.Replace(ctx, r)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(began), 5*time.Second)
		require.NoError(t, tx.Rollback())
		require.Eventually(t, func() bool {
			r, err := store.Get(t.Context(), r.Kind, r.Key)
			require.NoError(t, err)
			_, err = store.Replace(t.Context(), r)
			return err == nil
		}, 10*time.Second, time.Millisecond)
	})
}

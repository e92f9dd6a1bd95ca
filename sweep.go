package authserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// How expired records are removed: every minute or two that something is
// created, for a bounded time, and sooner again if that did not suffice.
const (
	sweepEvery = time.Minute
	sweepFor   = 20 * time.Second
	sweepSoon  = 2 * time.Second
)

// A batch is as large as is removed in sweepTakes, so that a request that
// meets one hardly waits for it, and after each is a rest of sweepRest times
// what it took, so that most requests meet none.
const (
	sweepTakes = 5 * time.Millisecond
	sweepRest  = 2
	sweepLeast = 10
	sweepMost  = 500
)

// sweeper removes expired records now and then, beside the requests that
// create new ones: a server that nobody uses needs no sweeping, and a program
// that mounts one has nothing to start or stop.
type sweeper struct {
	store storage.Sweeper // nil: the backend forgets by itself
	next  atomic.Int64    // Unix nanoseconds
	batch atomic.Int64    // the size that was right last time
}

func newSweeper(st storage.Storage) *sweeper {
	s := &sweeper{}
	s.store, _ = st.(storage.Sweeper)
	s.batch.Store(sweepLeast)
	s.after(sweepEvery)
	return s
}

// after puts the next sweep off by that and a random part of it, so that
// replicas take turns.
func (s *sweeper) after(wait time.Duration) {
	wait += rand.N(wait) //nolint:gosec // not a secret
	s.next.Store(time.Now().Add(wait).UnixNano())
}

// due reports, to one caller alone, that it is time.
func (s *sweeper) due() bool {
	next := s.next.Load()
	now := time.Now()
	return s.store != nil && now.UnixNano() >= next &&
		s.next.CompareAndSwap(next, now.Add(sweepFor+sweepEvery).UnixNano())
}

// run removes batch after batch until nothing is left, or ctx ends: then more
// is true. A batch that is not full may also say that another replica sweeps
// at the same time, and is as good a reason to stop.
func (s *sweeper) run(ctx context.Context) (more bool, err error) {
	for {
		batch, began := int(s.batch.Load()), time.Now()
		removed, err := s.store.Sweep(ctx, batch)
		took := time.Since(began)
		switch {
		case ctx.Err() != nil:
			return true, nil //nolint:nilerr // its time is up, which is no fault
		case err != nil:
			return false, err
		case removed < batch:
			return false, nil
		}
		s.fit(batch, took)
		select {
		case <-ctx.Done():
			return true, nil
		case <-time.After(max(sweepTakes, sweepRest*took)):
		}
	}
}

// fit makes the next batch smaller if one took too long, and else larger.
func (s *sweeper) fit(batch int, took time.Duration) {
	if took > sweepTakes {
		batch /= 2
	} else {
		batch += batch/4 + 1
	}
	s.batch.Store(int64(min(max(batch, sweepLeast), sweepMost)))
}

// sweep starts a sweep if one is due. It never holds up its caller.
func (s *Server) sweep() {
	if s.sweeper.due() {
		go s.sweepNow()
	}
}

func (s *Server) sweepNow() {
	ctx, cancel := context.WithTimeout(context.Background(), sweepFor)
	defer cancel()
	more, err := s.sweeper.run(ctx)
	if err != nil {
		s.record(ctx, &Event{Type: EventStorageUnusable, Outcome: oauth.TemporarilyUnavailable}, err)
	}
	if more {
		s.sweeper.after(sweepSoon)
		return
	}
	s.sweeper.after(sweepEvery)
}

// StorageCounts tells how many records of each kind Config.Storage holds, and
// how far behind the sweeping of expired ones is: what a gauge shows that is
// read every few minutes. The error is errors.ErrUnsupported if that Storage
// is no storage.Counter, and any other is of storage.
func (s *Server) StorageCounts(ctx context.Context) (storage.Counts, error) {
	counter, ok := s.cfg.Storage.(storage.Counter)
	if !ok {
		return storage.Counts{}, fmt.Errorf("authserver: count records of a %T: %w", s.cfg.Storage, errors.ErrUnsupported)
	}
	return counter.Count(ctx)
}

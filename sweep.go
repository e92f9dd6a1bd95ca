package authserver

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// How expired records are removed: a batch at a time, a breath between
// batches, for a bounded time, every minute or two that something is created.
const (
	sweepEvery = time.Minute
	sweepFor   = 20 * time.Second
	sweepBatch = 500
	sweepPause = 50 * time.Millisecond
)

// sweeper removes expired records now and then, beside the requests that
// create new ones: a server that nobody uses needs no sweeping, and a program
// that mounts one has nothing to start or stop.
type sweeper struct {
	store storage.Sweeper // nil: the backend forgets by itself
	next  atomic.Int64    // Unix seconds
}

func newSweeper(st storage.Storage) *sweeper {
	s := &sweeper{}
	s.store, _ = st.(storage.Sweeper)
	s.later()
	return s
}

// later puts the next sweep off, by a random part so that replicas take turns.
func (s *sweeper) later() {
	wait := sweepEvery + rand.N(sweepEvery) //nolint:gosec // not a secret
	s.next.Store(time.Now().Add(wait).Unix())
}

// due reports, to one caller alone, that it is time.
func (s *sweeper) due() bool {
	next := s.next.Load()
	now := time.Now()
	return s.store != nil && now.Unix() >= next &&
		s.next.CompareAndSwap(next, now.Add(sweepFor+sweepEvery).Unix())
}

// sweep starts a sweep if one is due. It never holds up its caller.
func (s *Server) sweep() {
	if s.sweeper.due() {
		go s.sweepNow()
	}
}

func (s *Server) sweepNow() {
	defer s.sweeper.later()
	ctx, cancel := context.WithTimeout(context.Background(), sweepFor)
	defer cancel()
	for {
		removed, err := s.sweeper.store.Sweep(ctx, sweepBatch)
		if err != nil {
			s.record(ctx, &Event{Type: EventStorageUnusable, Outcome: oauth.TemporarilyUnavailable}, err)
			return
		}
		if removed < sweepBatch {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepPause):
		}
	}
}

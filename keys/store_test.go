package keys_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed36673005/authserver/storage"
)

var errDown = errors.New("store: connection refused")

// store is a storage.Storage of one record, with faults to switch on.
type store struct {
	reads, writes atomic.Int64

	mu      sync.Mutex
	rec     *storage.Record
	version int64
	down    bool // everything fails
	sealed  bool // writes fail
	lost    bool // the next write takes effect and its answer is lost
	hang    bool // nothing is answered until the context ends
}

func (s *store) set(f func(*store)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// data is a copy of the record's Data; nil if there is none.
func (s *store) data() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rec == nil {
		return nil
	}
	return slices.Clone(s.rec.Data)
}

// enter waits or fails as the faults say, and otherwise holds the lock.
func (s *store) enter(ctx context.Context, write bool) error {
	if write {
		s.writes.Add(1)
	} else {
		s.reads.Add(1)
	}
	s.mu.Lock()
	switch {
	case s.hang:
		s.mu.Unlock()
		<-ctx.Done()
		return ctx.Err()
	case s.down, s.sealed && write:
		s.mu.Unlock()
		return errDown
	}
	return nil
}

func (s *store) keep(r storage.Record) (storage.Record, error) {
	s.version++
	r.Version = s.version
	r.Data = slices.Clone(r.Data)
	s.rec = &r
	if s.lost {
		s.lost = false
		return storage.Record{}, errDown
	}
	return r, nil
}

func (s *store) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := s.enter(ctx, true); err != nil {
		return storage.Record{}, err
	}
	defer s.mu.Unlock()
	if s.rec != nil {
		return storage.Record{}, storage.ErrExists
	}
	return s.keep(r)
}

func (s *store) Get(ctx context.Context, _ storage.Kind, _ string) (storage.Record, error) {
	if err := s.enter(ctx, false); err != nil {
		return storage.Record{}, err
	}
	defer s.mu.Unlock()
	if s.rec == nil {
		return storage.Record{}, storage.ErrNotFound
	}
	r := *s.rec
	r.Data = slices.Clone(r.Data)
	return r, nil
}

func (s *store) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := s.enter(ctx, true); err != nil {
		return storage.Record{}, err
	}
	defer s.mu.Unlock()
	if s.rec == nil {
		return storage.Record{}, storage.ErrNotFound
	}
	if s.rec.Version != r.Version {
		return storage.Record{}, storage.ErrConflict
	}
	return s.keep(r)
}

func (s *store) Delete(context.Context, storage.Kind, string) error { return errDown }

func (s *store) List(context.Context, storage.Query) (storage.Page, error) {
	return storage.Page{}, errDown
}

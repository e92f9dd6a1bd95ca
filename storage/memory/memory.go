// Package memory keeps the server's records in the process: for tests,
// examples and programs that may forget everything when they end.
//
// It owns the records it was given and nothing else: it starts no goroutine,
// and expired records take room until Sweep, or a Create of the same key,
// removes them. Records are not shared with other processes.
package memory

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// A Store is a storage.Storage, storage.Sweeper, storage.Health and
// storage.Counter in memory. The zero value is an empty store. It may be used by any number of
// goroutines and must not be copied after first use.
type Store struct {
	mu      sync.RWMutex
	records map[name]*record
	lists   map[list]*ordered
	expiry  byExpiry
	kinds   map[storage.Kind]int64 // how many records
	// version is the last one given. It counts for the whole store, so that
	// a key that comes back does not meet its old versions again.
	version int64
}

// New returns an empty store.
func New() *Store { return new(Store) }

var (
	_ storage.Storage = (*Store)(nil)
	_ storage.Sweeper = (*Store)(nil)
	_ storage.Health  = (*Store)(nil)
)

type name struct {
	kind storage.Kind
	key  string
}

// A record is a stored one. Its Data is never written to: Replace puts other
// Data in its place, so it can be copied after the lock is given back.
type record struct {
	storage.Record
	heapIndex int // its place in byExpiry; -1 if it never expires
}

func (r *record) live() bool {
	return r.ExpiresAt.IsZero() || time.Now().Before(r.ExpiresAt)
}

// Create implements storage.Storage.
func (s *Store) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := ended(ctx); err != nil {
		return storage.Record{}, err
	}
	data := bytes.Clone(r.Data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.records[name{r.Kind, r.Key}]; old != nil {
		if old.live() {
			return storage.Record{}, storage.ErrExists
		}
		s.remove(old)
	}
	return s.put(&record{heapIndex: -1}, r, data), nil
}

// Get implements storage.Storage.
func (s *Store) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	if err := ended(ctx); err != nil {
		return storage.Record{}, err
	}
	r, ok := s.lookup(kind, key)
	if !ok {
		return storage.Record{}, storage.ErrNotFound
	}
	r.Data = bytes.Clone(r.Data)
	return r, nil
}

func (s *Store) lookup(kind storage.Kind, key string) (storage.Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.records[name{kind, key}]
	if r == nil || !r.live() {
		return storage.Record{}, false
	}
	return r.Record, true
}

// Replace implements storage.Storage.
func (s *Store) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := ended(ctx); err != nil {
		return storage.Record{}, err
	}
	data := bytes.Clone(r.Data)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.records[name{r.Kind, r.Key}]
	switch {
	case old == nil || !old.live():
		return storage.Record{}, storage.ErrNotFound
	case old.Version != r.Version:
		return storage.Record{}, storage.ErrConflict
	}
	s.remove(old)
	return s.put(old, r, data), nil
}

// Delete implements storage.Storage.
func (s *Store) Delete(ctx context.Context, kind storage.Kind, key string) error {
	if err := ended(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.records[name{kind, key}]; old != nil {
		s.remove(old)
	}
	return nil
}

// Sweep implements storage.Sweeper. Its cost grows with what it removes, not
// with what is stored.
func (s *Store) Sweep(ctx context.Context, limit int) (removed int, err error) {
	if err := ended(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for removed < limit && len(s.expiry) > 0 && !s.expiry[0].live() {
		s.remove(s.expiry[0])
		removed++
	}
	return removed, nil
}

// Health implements storage.Health: there is nothing that could be broken.
func (s *Store) Health(ctx context.Context) error { return ended(ctx) }

// put fills stored from r and files it under a new version. The answer has
// r's own Data, which the store does not keep.
func (s *Store) put(stored *record, r storage.Record, data []byte) storage.Record {
	s.version++
	r.Version = s.version
	if !r.ExpiresAt.IsZero() {
		// Without its monotonic reading: the clock on the wall decides.
		r.ExpiresAt = r.ExpiresAt.Round(0).UTC()
	}
	stored.Record = r
	stored.Data = data
	if s.records == nil {
		s.records, s.kinds = make(map[name]*record), make(map[storage.Kind]int64)
	}
	s.records[name{r.Kind, r.Key}] = stored
	s.kinds[r.Kind]++
	s.enlist(stored)
	if !r.ExpiresAt.IsZero() {
		heap.Push(&s.expiry, stored)
	}
	return r
}

func (s *Store) remove(r *record) {
	delete(s.records, name{r.Kind, r.Key})
	if s.kinds[r.Kind]--; s.kinds[r.Kind] == 0 {
		delete(s.kinds, r.Kind)
	}
	s.delist(r)
	if r.heapIndex >= 0 {
		heap.Remove(&s.expiry, r.heapIndex)
	}
}

func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	return nil
}

// byExpiry is a heap.Interface with the record that expires first on top.
type byExpiry []*record

func (h byExpiry) Len() int           { return len(h) }
func (h byExpiry) Less(i, j int) bool { return h[i].ExpiresAt.Before(h[j].ExpiresAt) }

func (h byExpiry) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}

// Push implements heap.Interface.
func (h *byExpiry) Push(x any) {
	r := x.(*record)
	r.heapIndex = len(*h)
	*h = append(*h, r)
}

// Pop implements heap.Interface.
func (h *byExpiry) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	r.heapIndex = -1
	return r
}

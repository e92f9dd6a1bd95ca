package faulttest

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// A tampered store does something before each call, which may fail it.
type tampered struct {
	storage.Storage
	before func(ctx context.Context) error
	// forget, if not nil, is asked whether to acknowledge a Replace and not
	// to do it.
	forget func() bool
}

func (s *tampered) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := s.before(ctx); err != nil {
		return storage.Record{}, err
	}
	return s.Storage.Create(ctx, r)
}

func (s *tampered) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	if err := s.before(ctx); err != nil {
		return storage.Record{}, err
	}
	return s.Storage.Get(ctx, kind, key)
}

func (s *tampered) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := s.before(ctx); err != nil {
		return storage.Record{}, err
	}
	if s.forget != nil && s.forget() {
		return r, nil
	}
	return s.Storage.Replace(ctx, r)
}

func (s *tampered) Delete(ctx context.Context, kind storage.Kind, key string) error {
	if err := s.before(ctx); err != nil {
		return err
	}
	return s.Storage.Delete(ctx, kind, key)
}

func (s *tampered) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	if err := s.before(ctx); err != nil {
		return storage.Page{}, err
	}
	return s.Storage.List(ctx, q)
}

// wait is a before that takes some time.
func wait(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
}

func nodeOn(t *testing.T, store storage.Storage, options ...func(*authserver.Config)) *node {
	n, err := newNode(store, options...)
	require.NoError(t, err)
	return n
}

// A store that forgets one write in fifty is found out: the invariants see
// what they are for.
func TestForgetfulStore(t *testing.T) {
	store := &tampered{Storage: memory.New(), before: wait(0), forget: func() bool { return rand.IntN(50) == 0 }}
	clients := start(4, nodeOn(t, store))
	time.Sleep(500 * time.Millisecond)
	clients.end()
	require.NotEmpty(t, clients.violations(false))
}

// F-08: each call of storage takes 50 ms longer, and then longer than any
// request may.
func TestSlowStore(t *testing.T) {
	const timeout = 500 * time.Millisecond
	delay := 50 * time.Millisecond
	store := &tampered{Storage: memory.New(), before: func(ctx context.Context) error { return wait(delay)(ctx) }}
	n := nodeOn(t, store, func(cfg *authserver.Config) { cfg.RequestTimeout = timeout })
	const clients = 32
	baseline := runtime.NumGoroutine()
	began := time.Now()
	slowly := start(clients, n)
	time.Sleep(by(500*time.Millisecond, 3*time.Second, 10*time.Second))
	require.Less(t, runtime.NumGoroutine()-baseline, 3*clients)
	slowly.stop(t)
	require.Zero(t, slowly.between(began, time.Now())[unknown], "slow is no reason to fail")
	t.Logf("with %v for each call: median %v, longest %v", delay, slowly.took(0.5), slowly.took(1))

	delay = 5 * time.Second
	stalled := start(clients, n)
	time.Sleep(by(2*timeout, 4*timeout, 10*timeout))
	require.Less(t, runtime.NumGoroutine()-baseline, 3*clients)
	stalled.stop(t)
	t.Logf("stalled, with %v for each request: longest %v", timeout, stalled.took(1))
	require.Less(t, stalled.took(1), 2*timeout)
}

// took is what a part of the requests did not exceed.
func (h *history) took(part float64) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []time.Duration
	for _, d := range h.deeds {
		all = append(all, d.done.Sub(d.at))
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[int(part*float64(len(all)-1))].Round(time.Millisecond)
}

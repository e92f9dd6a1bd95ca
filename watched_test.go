package authserver_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// watchedStore counts the calls of a storage and fails those it is told to.
type watchedStore struct {
	storage.Storage
	calls atomic.Int64
	down  atomic.Bool  // every call fails
	nth   atomic.Int64 // the call of this number fails; zero: none
}

var errDown = errors.New("watched: storage is down")

func watch(store storage.Storage) *watchedStore { return &watchedStore{Storage: store} }

func (w *watchedStore) begin() error {
	if n := w.calls.Add(1); w.down.Load() || n == w.nth.Load() {
		return errDown
	}
	return nil
}

// failAt makes the nth call from now on fail, and no other.
func (w *watchedStore) failAt(n int64) {
	w.calls.Store(0)
	w.nth.Store(n)
}

// during is how many calls something makes.
func (w *watchedStore) during(f func()) int64 {
	before := w.calls.Load()
	f()
	return w.calls.Load() - before
}

func (w *watchedStore) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := w.begin(); err != nil {
		return storage.Record{}, err
	}
	return w.Storage.Create(ctx, r)
}

func (w *watchedStore) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	if err := w.begin(); err != nil {
		return storage.Record{}, err
	}
	return w.Storage.Get(ctx, kind, key)
}

func (w *watchedStore) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := w.begin(); err != nil {
		return storage.Record{}, err
	}
	return w.Storage.Replace(ctx, r)
}

func (w *watchedStore) Delete(ctx context.Context, kind storage.Kind, key string) error {
	if err := w.begin(); err != nil {
		return err
	}
	return w.Storage.Delete(ctx, kind, key)
}

func (w *watchedStore) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	if err := w.begin(); err != nil {
		return storage.Page{}, err
	}
	return w.Storage.List(ctx, q)
}

// versions are those of every record the server keeps, by kind and key: two
// that are equal say that nothing was written between them.
func versions(t testing.TB, store storage.Storage) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for _, kind := range []storage.Kind{
		storage.KindGrant, storage.KindAlias, storage.KindInteraction, storage.KindSession, storage.KindConsent, storage.KindReplay,
	} {
		q := storage.Query{Kind: kind, Limit: 1000}
		for {
			page, err := store.List(context.Background(), q)
			require.NoError(t, err)
			for _, rec := range page.Records {
				found[string(kind)+" "+rec.Key] = rec.Version
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
		}
	}
	return found
}

// untouched sends a request that is to be refused and makes sure of what holds
// of every refusal: it stored nothing, it is one event, and the answer is
// small and no fault of the server's.
func (h *harness) untouched(t testing.TB, send func() *answer) *answer {
	t.Helper()
	before := versions(t, h.store)
	h.forgetEvents()
	a := send()
	require.Equal(t, before, versions(t, h.store), "storage was changed")
	require.Len(t, h.seen(), 1, "one event")
	require.Less(t, a.Status, http.StatusInternalServerError, a.Body)
	require.Less(t, len(a.Body), 64<<10)
	return a
}

func (h *harness) forgetEvents() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = nil
}

// seen are the events since they were last forgotten.
func (h *harness) seen() []authserver.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]authserver.Event(nil), h.events...)
}

// with replaces a client of the harness by a changed copy.
func (m clientMap) with(id string, change func(c *oauth.Client)) {
	c := *m[id]
	change(&c)
	m[id] = &c
}

// as is a request's credentials of one of the harness's clients.
func as(id string) func(*http.Request) { return basic(id, secret) }

// from is the address a request comes from.
func from(addr string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = addr }
}

// sharing is the server of a second node: the same storage, keys and clients.
func (h *harness) sharing(t testing.TB) *harness {
	t.Helper()
	second := newHarness(t, withStore(h.store), func(c *authserver.Config) { c.Clients = h.clients })
	second.clients, second.gone = h.clients, h.gone
	return second
}

// without is a list that lacks one entry.
func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}

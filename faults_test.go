package authserver_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// A storageCall is one that the server makes.
type storageCall struct {
	method string
	kind   storage.Kind
	key    string
}

// aroundStore is a Storage that puts a test around every call.
type aroundStore struct {
	storage.Storage
	// around makes the call by do, or does not.
	around func(ctx context.Context, c storageCall, do func() error) error
}

func around(store storage.Storage) *aroundStore {
	return &aroundStore{Storage: store, around: asItIs}
}

func asItIs(_ context.Context, _ storageCall, do func() error) error { return do() }

func (w *aroundStore) Create(ctx context.Context, r storage.Record) (stored storage.Record, err error) {
	err = w.around(ctx, storageCall{"Create", r.Kind, r.Key}, func() error {
		stored, err = w.Storage.Create(ctx, r)
		return err
	})
	return stored, err
}

func (w *aroundStore) Get(ctx context.Context, kind storage.Kind, key string) (found storage.Record, err error) {
	err = w.around(ctx, storageCall{"Get", kind, key}, func() error {
		found, err = w.Storage.Get(ctx, kind, key)
		return err
	})
	return found, err
}

func (w *aroundStore) Replace(ctx context.Context, r storage.Record) (stored storage.Record, err error) {
	err = w.around(ctx, storageCall{"Replace", r.Kind, r.Key}, func() error {
		stored, err = w.Storage.Replace(ctx, r)
		return err
	})
	return stored, err
}

func (w *aroundStore) Delete(ctx context.Context, kind storage.Kind, key string) error {
	return w.around(ctx, storageCall{"Delete", kind, key}, func() error { return w.Storage.Delete(ctx, kind, key) })
}

func (w *aroundStore) List(ctx context.Context, q storage.Query) (page storage.Page, err error) {
	err = w.around(ctx, storageCall{"List", q.Kind, ""}, func() error {
		page, err = w.Storage.List(ctx, q)
		return err
	})
	return page, err
}

// clientsIn registers clients of the harness in a storage.
func clientsIn(t *testing.T, store storage.Storage, ids ...string) *clientreg.Clients {
	t.Helper()
	registered := clientreg.New(store)
	for _, id := range ids {
		_, _, err := registered.Create(t.Context(), *testClients()[id])
		require.NoError(t, err)
	}
	return registered
}

// A flow is something people do, up to the one request in which storage fails.
type flow struct {
	name string
	// begin goes up to the request, which can be sent again.
	begin func(h *harness) (ask func() *answer)
	// done checks what must hold, and last, once the answer said yes.
	done func(h *harness, a *answer)
	// again is what a repeat may be refused with when the first request was
	// stored and its answer lost; empty if it must work.
	again oauth.Code
	// whole says that the answer is no unless each call worked.
	whole bool
	// partly says that some of it may be done when the answer is no.
	partly bool
}

// A fault is how a storage call fails.
type fault struct {
	name string
	err  error
	// done says that the call took effect all the same.
	done bool
}

var (
	errDisk = errors.New("disk on fire")
	faults  = []fault{
		{"refused", errDisk, false},
		{"took effect", errDisk, true},
		{"cancelled", fmt.Errorf("storage: %w", context.Canceled), false},
		{"timed out", fmt.Errorf("storage: %w", context.DeadlineExceeded), false},
		{"connection lost", fmt.Errorf("storage: %w", driver.ErrBadConn), false},
		{"timed out after it took effect", fmt.Errorf("storage: %w", context.DeadlineExceeded), true},
	}
)

// at makes the nth call fail; fired says whether there was one.
func (f fault) at(n int, fired *bool) func(context.Context, storageCall, func() error) error {
	calls := 0
	return func(_ context.Context, _ storageCall, do func() error) error {
		if calls++; calls != n {
			return do()
		}
		*fired = true
		if f.done {
			_ = do()
		}
		return f.err
	}
}

// yes reports whether an answer grants what was asked for. A no must be one
// that says the server is in trouble, in whatever form.
func (a *answer) yes() bool {
	a.t.Helper()
	switch {
	case a.Status == http.StatusOK:
		return true
	case a.Status == http.StatusSeeOther:
		if v := a.location(); v.Get("error") == "" {
			return true
		}
		a.redirectedError(oauth.TemporarilyUnavailable)
	case strings.HasPrefix(a.Header.Get("Content-Type"), "text/html"):
		a.page(http.StatusServiceUnavailable)
	default:
		a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
		require.NotEmpty(a.t, a.Header.Get("Retry-After"))
	}
	return false
}

// sweep fails each storage call of a flow in turn, until the flow passes
// untouched. Either it says yes and that is so, or it says no and nothing can
// be used; and then it works when it is tried again.
func (f flow) sweep(h *harness, store *aroundStore, how fault) {
	h.t.Helper()
	for n := 1; ; n++ {
		require.Less(h.t, n, 20)
		ask := f.begin(h)
		before, fired := h.records(storage.KindGrant), false
		store.around = how.at(n, &fired)
		a := ask()
		store.around = asItIs
		if a.yes() {
			f.done(h, a)
			if !fired {
				return
			}
			require.False(h.t, f.whole, "%s: yes although call %d failed", f.name, n)
			continue
		}
		require.True(h.t, fired, a.Body)
		if !how.done && !f.partly {
			require.Equal(h.t, before, h.records(storage.KindGrant), "call %d: nothing is usable", n)
		}
		f.repeat(h, ask, how)
	}
}

// repeat sends the request again.
func (f flow) repeat(h *harness, ask func() *answer, how fault) {
	h.t.Helper()
	a := ask()
	switch {
	case a.Status == http.StatusBadRequest && how.done && f.again != "":
		if a.Header.Get("Content-Type") == "application/json" {
			a.refused(http.StatusBadRequest, f.again)
		}
	default:
		require.True(h.t, a.yes(), a.Body)
		f.done(h, a)
	}
}

// sweeps runs flows on a store, with its clients in it too.
func sweeps(t *testing.T, inner storage.Storage, how []fault, flows ...flow) {
	t.Helper()
	store := around(inner)
	service := testClients()[service]
	service.AccessTokenFormat = oauth.AccessTokenJWT
	registered := clientsIn(t, store, confidential)
	_, _, err := registered.Create(t.Context(), *service)
	require.NoError(t, err)
	h := newHarness(t, withStore(store), hushed, func(c *authserver.Config) { c.Clients = registered })
	for _, f := range flows {
		for _, how := range how {
			h.sub(f.name+", "+how.name, func(*testing.T) { f.sweep(h, store, how) })
		}
	}
}

// sweepsOnEachStore runs flows on memory with every fault, and on the other
// backends with those that differ for them.
func sweepsOnEachStore(t *testing.T, flows ...flow) {
	t.Helper()
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		how := faults[:2]
		if _, ok := store.(*memory.Store); ok {
			how = faults
		}
		sweeps(t, store, how, flows...)
	})
}

func TestFaults(t *testing.T) {
	t.Run("CG-14", func(t *testing.T) { sweepsOnEachStore(t, codeExchange) })
	t.Run("RT-14", func(t *testing.T) { sweepsOnEachStore(t, refreshFlow) })
	t.Run("SF-01", func(t *testing.T) { sweepsOnEachStore(t, append(tokenFlows, pageFlows...)...) })
	t.Run("SF-02", func(t *testing.T) { sweepsOnEachStore(t, knowing...) })
}

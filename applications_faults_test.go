package authserver_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// failing fails the call of that number, from 1: before it has an effect, or
// after.
func failing(n int, after bool) (around func(context.Context, storageCall, func() error) error, calls *int) {
	calls = new(int)
	broken := errors.New("storage: broken")
	return func(_ context.Context, _ storageCall, do func() error) error {
		if *calls++; *calls != n {
			return do()
		}
		if after {
			_ = do()
		}
		return broken
	}, calls
}

func TestApplicationsWithStorageFaults(t *testing.T) {
	onEachStore(t, func(t *testing.T, inner storage.Storage) {
		store := around(inner)
		h := newHarness(t, withStore(store), hushed)
		h.clients.with(confidential, func(c *oauth.Client) { c.Verified = true })
		h.approvesFor(alice, true)
		for _, after := range []bool{false, true} {
			for n := 1; ; n++ {
				one, two := h.tokens(), h.tokens()
				var calls *int
				store.around, calls = failing(n, after)
				err := h.srv.RevokeApplication(t.Context(), alice, confidential)
				store.around = asItIs
				// Never a success that is none, and the next try completes it.
				if err != nil {
					require.ErrorIs(t, err, oauth.TemporarilyUnavailable, "call %d", n)
					h.revokes(alice, confidential)
				}
				h.allDead(one, two)
				require.Empty(t, h.records(storage.KindConsent))
				if *calls < n {
					require.NoError(t, err)
					require.Greater(t, n, 8, "every call was one that failed")
					break
				}
			}
		}
		h.tokens()
		for n := 1; ; n++ {
			var calls *int
			store.around, calls = failing(n, false)
			list, err := h.srv.Applications(t.Context(), alice)
			store.around = asItIs
			if *calls < n {
				require.NoError(t, err)
				require.Len(t, list, 1)
				require.Equal(t, 3, n, "two lists")
				break
			}
			require.ErrorIs(t, err, oauth.TemporarilyUnavailable)
			require.Nil(t, list, "half a list would be a lie")
		}
	})
	t.Run("records of another form", func(t *testing.T) {
		for _, kind := range []storage.Kind{storage.KindGrant, storage.KindConsent} {
			for _, data := range []string{"", "{", "null", `{"v":99}`} {
				h := newHarness(t, hushed)
				h.clients.with(confidential, func(c *oauth.Client) { c.Verified = true })
				h.approvesFor(alice, true)
				h.tokens()
				h.corrupt(kind, data)
				_, err := h.srv.Applications(t.Context(), alice)
				require.ErrorIs(t, err, oauth.TemporarilyUnavailable)
				err = h.srv.RevokeApplication(t.Context(), alice, confidential)
				if kind == storage.KindConsent { // which need not be read to be removed
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, oauth.TemporarilyUnavailable)
			}
		}
	})
	t.Run("clients that cannot be read", func(t *testing.T) {
		source := &breakingClients{}
		h := newHarness(t, hushed, func(c *authserver.Config) { source.ClientSource, c.Clients = c.Clients, source })
		tokens := h.tokens()
		source.broken = true
		_, err := h.srv.Applications(t.Context(), alice)
		require.ErrorIs(t, err, oauth.TemporarilyUnavailable)
		require.NoError(t, h.srv.RevokeApplication(t.Context(), alice, confidential), "needs none")
		source.broken = false
		h.allDead(tokens)
	})
}

// breakingClients is a ClientSource that can break.
type breakingClients struct {
	authserver.ClientSource
	broken bool
}

func (b *breakingClients) Client(ctx context.Context, id string) (*oauth.Client, error) {
	if b.broken {
		return nil, errors.New("clients: broken")
	}
	return b.ClientSource.Client(ctx, id)
}

// A fadingStore leaves out of a walk what is changed under it, as a backend
// may.
type fadingStore struct {
	storage.Storage
	change func() // during the next walk over grants
}

func (f *fadingStore) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	page, err := f.Storage.List(ctx, q)
	if change := f.change; change != nil && q.Kind == storage.KindGrant {
		f.change, page.Records = nil, nil
		change()
	}
	return page, err
}

func TestRevokeApplicationMeetsOthers(t *testing.T) {
	t.Run("changed under the walk", func(t *testing.T) {
		store := &fadingStore{Storage: memory.New()}
		h := newHarness(t, withStore(store), hushed)
		tokens := h.tokens()
		var refreshed *answer
		store.change = func() { refreshed = h.refresh(tokens.str("refresh_token")) }
		h.revokes(alice, confidential)
		require.Equal(t, http.StatusOK, refreshed.Status)
		h.allDead(tokens, refreshed)
	})
	t.Run("given under the walk", func(t *testing.T) {
		store := around(memory.New())
		h := newHarness(t, withStore(store), hushed)
		tokens := h.tokens()
		var order []storage.Kind
		var silent *answer // by the consent that was still there
		store.around = func(_ context.Context, c storageCall, do func() error) error {
			if c.method == "Delete" || c.method == "List" {
				order = append(order, c.kind)
			}
			err := do()
			if c.method == "List" && silent == nil {
				silent = h.tokens()
			}
			return err
		}
		h.revokes(alice, confidential)
		store.around = asItIs
		require.Equal(t, []storage.Kind{storage.KindConsent, storage.KindGrant}, order[:2], "the consent first")
		h.allDead(tokens, silent)
	})
	t.Run("given without end", func(t *testing.T) {
		store := around(memory.New())
		h := newHarness(t, withStore(store), hushed)
		store.around = func(_ context.Context, c storageCall, do func() error) error {
			if c.method == "List" {
				h.tokens()
			}
			return do()
		}
		require.ErrorIs(t, h.srv.RevokeApplication(t.Context(), alice, confidential), oauth.TemporarilyUnavailable)
	})
	t.Run("one that cannot be ended", func(t *testing.T) {
		store := around(memory.New())
		h := newHarness(t, withStore(store), hushed)
		one, two := h.tokens(), h.tokens()
		stuck := h.applications(alice)[confidential].Grants[0]
		store.around = func(_ context.Context, c storageCall, do func() error) error {
			if c.method == "Replace" && c.key == stuck {
				return errors.New("storage: broken")
			}
			return do()
		}
		require.ErrorIs(t, h.srv.RevokeApplication(t.Context(), alice, confidential), oauth.TemporarilyUnavailable)
		require.Equal(t, []string{stuck}, h.applications(alice)[confidential].Grants, "keeps none of the others alive")
		store.around = asItIs
		h.revokes(alice, confidential)
		h.allDead(one, two)
	})
	t.Run("refreshes in flight", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			for range 5 {
				h := newHarness(t, withStore(store), hushed)
				answers := h.refreshesUntilRefused(4, func() {
					require.NoError(t, h.srv.RevokeApplication(t.Context(), alice, confidential))
				})
				h.allDead(answers...)
				require.Empty(t, h.applications(alice))
			}
		})
	})
}

// refreshesUntilRefused keeps refreshing authorizations, each at once with the
// others, and calls f once all of them are on their way. It returns every
// answer that brought tokens.
func (h *harness) refreshesUntilRefused(chains int, f func()) (answers []*answer) {
	h.t.Helper()
	var mu sync.Mutex
	var running, done sync.WaitGroup
	for range chains {
		first := h.tokens()
		running.Add(1)
		done.Go(func() {
			onItsWay := sync.OnceFunc(running.Done)
			defer onItsWay()
			for n, a := 0, first; a.Status == http.StatusOK; n++ {
				mu.Lock()
				answers = append(answers, a)
				mu.Unlock()
				if n == 2 {
					onItsWay()
				}
				a = h.refresh(a.str("refresh_token"))
			}
		})
	}
	running.Wait()
	f()
	done.Wait()
	return answers
}

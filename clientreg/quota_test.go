package clientreg

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

func TestQuotas(t *testing.T) {
	// Four processes with sixteen callers each: never one client too many, and
	// never one too few.
	t.Run("in parallel", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			var all sync.WaitGroup
			errs := make([]error, 64)
			for p := range 4 {
				s, _ := newService(t, store, withQuotas(Quota{Max: 10, Per: PerTenant}, Quota{Max: 1000, Per: PerServer}))
				for i := range 16 {
					all.Go(func() {
						c := web("App")
						c.Tenant = "acme"
						_, errs[p*16+i] = s.Create(context.Background(), root, c)
					})
				}
			}
			all.Wait()
			made := 0
			for _, err := range errs {
				if err == nil {
					made++
					continue
				}
				var full *QuotaError
				require.ErrorAs(t, err, &full)
				require.EqualError(t, full, "clientreg: quota: at most 10 clients per tenant")
			}
			require.Equal(t, 10, made)
			page, err := store.List(t.Context(), storage.Query{Kind: storage.KindClient})
			require.NoError(t, err)
			require.Len(t, page.Records, 10)
		})
	})
	t.Run("scopes and types", func(t *testing.T) {
		s, _ := newService(t, memory.New(), withQuotas(Quota{Max: 1, Per: PerOwner, EachType: true}, Quota{Max: 4, Per: PerTenant}))
		create := func(owner, tenant string, typ oauth.ClientType) error {
			c := web("App")
			c.Owner, c.Tenant, c.Type = owner, tenant, typ
			_, err := s.Create(t.Context(), root, c)
			return err
		}
		require.NoError(t, create("a", "t", oauth.TypeOpenID))
		require.ErrorContains(t, create("a", "t", oauth.TypeOpenID), "at most 1 openid clients per owner")
		require.NoError(t, create("a", "t", oauth.TypeOAuth2))
		require.NoError(t, create("b", "t", oauth.TypeOpenID))
		require.NoError(t, create("", "t", oauth.TypeOpenID))
		require.ErrorContains(t, create("c", "t", oauth.TypeOpenID), "at most 4 clients per tenant")
		require.NoError(t, create("c", "u", oauth.TypeOpenID), "the place it had taken for its owner was given back")
	})
	t.Run("removing frees the place at once", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			s, _ := newService(t, store, withQuotas(Quota{Max: 2, Per: PerServer}))
			for range 5 {
				first, second := s.mustCreate(t, web("a")), s.mustCreate(t, web("b"))
				_, err := s.Create(t.Context(), root, web("c"))
				require.Error(t, err)
				require.NoError(t, s.Remove(t.Context(), root, first.Client.ID))
				third := s.mustCreate(t, web("c"))
				for _, made := range []Issued{second, third} {
					require.NoError(t, s.Remove(t.Context(), root, made.Client.ID))
				}
			}
		})
	})
	t.Run("taken ids and crashes are healed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := memory.New()
			plain := New(store) // imported, and not counted
			_, _, err := plain.Create(t.Context(), confidential())
			require.NoError(t, err)
			s, _ := newService(t, store, withQuotas(Quota{Max: 3, Per: PerServer}))
			made := s.mustCreate(t, web("a"))
			taken := web("again")
			taken.ID = made.Client.ID
			for range 5 {
				_, err := s.Create(t.Context(), root, taken)
				require.ErrorIs(t, err, storage.ErrExists)
			}
			// A process that ended when its place was taken.
			require.NoError(t, s.reserve(t.Context(), &oauth.Client{ID: "never"}))
			_, err = s.Create(t.Context(), root, web("b"))
			require.Error(t, err, "it may still come")
			time.Sleep(5 * time.Minute) // fake time: the bubble's clock
			s.mustCreate(t, web("b"))
			_, err = s.Create(t.Context(), root, web("c"))
			require.Error(t, err)
		})
	})
}

func withQuotas(quotas ...Quota) func(*ServiceOptions) {
	return func(o *ServiceOptions) { o.Quotas = quotas }
}

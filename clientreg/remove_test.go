package clientreg

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// grant stores an authorization of a client.
func grant(t testing.TB, store storage.Storage, key, clientID, subject string) {
	t.Helper()
	now := time.Now()
	st := grantstate.State{
		V: grantstate.Version, GrantType: "authorization_code", ClientID: clientID, Subject: subject, Scopes: []string{"openid"},
		CreatedAt: grantstate.At(now), EndsAt: grantstate.At(now.Add(time.Hour)),
		Access: []grantstate.Access{{Seq: 1, IssuedAt: grantstate.At(now), ExpiresAt: grantstate.At(now.Add(time.Hour))}},
	}
	data, err := grantstate.Encode(st)
	require.NoError(t, err)
	_, err = store.Create(t.Context(), storage.Record{Kind: storage.KindGrant, Key: key, ClientID: clientID, Subject: subject, Data: data})
	require.NoError(t, err)
}

// AD-10: what a removed client had is gone with it, and nobody else's.
func TestRemoveCascades(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		s, events := newService(t, store)
		mine, other := s.mustCreate(t, web("mine")), s.mustCreate(t, web("other"))
		for _, c := range []Issued{mine, other} {
			for i := range 5 {
				grant(t, store, fmt.Sprint(c.Client.ID, i), c.Client.ID, "alice")
			}
			for _, kind := range []storage.Kind{storage.KindConsent, storage.KindAlias, storage.KindInteraction, storage.KindReplay} {
				_, err := store.Create(t.Context(), storage.Record{Kind: kind, Key: c.Client.ID, ClientID: c.Client.ID, Data: []byte("{}")})
				require.NoError(t, err)
			}
		}
		page, err := s.Authorizations(t.Context(), root, mine.Client.ID, 2, "")
		require.NoError(t, err)
		require.Len(t, page.Authorizations, 2)
		require.NotEmpty(t, page.Next)
		a := page.Authorizations[0]
		require.Equal(t, "alice", a.Subject)
		require.Equal(t, []string{"openid"}, a.Scopes)
		require.WithinDuration(t, time.Now(), a.LastUsedAt, time.Minute)
		require.ErrorIs(t, s.RevokeAuthorization(t.Context(), root, other.Client.ID, a.GrantID), storage.ErrNotFound)
		require.NoError(t, s.RevokeAuthorization(t.Context(), root, mine.Client.ID, a.GrantID))
		require.Equal(t, ActionRevokeAuthorization, events.events[len(events.events)-1].Action)
		page, err = s.Authorizations(t.Context(), root, mine.Client.ID, 0, "")
		require.NoError(t, err)
		require.Len(t, page.Authorizations, 4)

		require.NoError(t, s.Remove(t.Context(), root, mine.Client.ID))
		for kind, want := range map[storage.Kind]int{
			storage.KindClient: 1, storage.KindGrant: 5, storage.KindConsent: 1, storage.KindAlias: 1, storage.KindInteraction: 1, storage.KindReplay: 2,
		} {
			page, err := store.List(t.Context(), storage.Query{Kind: kind})
			require.NoError(t, err)
			require.Len(t, page.Records, want, kind)
		}
		require.ErrorIs(t, s.Remove(t.Context(), root, mine.Client.ID), storage.ErrNotFound)
	})
}

func TestReap(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		s, events := newService(t, store)
		long := time.Now().Add(-48 * time.Hour)
		old := func(name string, dynamic bool) Issued {
			c := web(name)
			c.Dynamic, c.CreatedAt = dynamic, long
			return s.mustCreate(t, c)
		}
		idle, used, kept := old("idle", true), old("used", true), old("kept", false)
		consented, fresh := old("consented", true), s.mustCreate(t, oauth.Client{Dynamic: true, RedirectURIs: []string{"https://a.example/"}})
		grant(t, store, "g", used.Client.ID, "alice")
		_, err := store.Create(t.Context(), storage.Record{Kind: storage.KindConsent, Key: "c", ClientID: consented.Client.ID, Data: []byte("{}")})
		require.NoError(t, err)
		busy := old("busy", true)
		c, err := s.Client(t.Context(), busy.Client.ID)
		require.NoError(t, err)
		s.SecretUsed(t.Context(), c, busy.SecretID)

		removed, err := s.Reap(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, removed)
		last := events.events[len(events.events)-1]
		require.Equal(t, ActionReap, last.Action)
		require.Equal(t, idle.Client.ID, last.ClientID)
		for _, made := range []Issued{used, kept, consented, fresh, busy} {
			c, err := s.Client(t.Context(), made.Client.ID)
			require.NoError(t, err, made.Client.Name)
			require.False(t, c.Disabled)
		}
		// What was revoked counts no longer.
		require.NoError(t, s.RevokeAuthorization(t.Context(), root, used.Client.ID, "g"))
		removed, err = s.Reap(t.Context(), 24*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, removed)
	})
}

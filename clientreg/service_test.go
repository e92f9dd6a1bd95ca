package clientreg

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

var root = Person("root")

// onEachStore runs a test on every backend that needs no service.
func onEachStore(t *testing.T, test func(t *testing.T, store storage.Storage)) {
	t.Run("memory", func(t *testing.T) { test(t, memory.New()) })
	t.Run("sqlite", func(t *testing.T) { test(t, openSQLite(t)) })
}

func openSQLite(t testing.TB) storage.Storage {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// A recorder keeps events.
type recorder struct {
	mu     sync.Mutex
	events []Event
}

func (r *recorder) note(_ context.Context, ev Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, ev)
}

func newService(t testing.TB, store storage.Storage, edits ...func(*ServiceOptions)) (*Service, *recorder) {
	t.Helper()
	r := &recorder{}
	o := ServiceOptions{Storage: store, Permit: PermitAll, Events: r.note}
	for _, edit := range edits {
		edit(&o)
	}
	s, err := NewService(o)
	require.NoError(t, err)
	return s, r
}

func (s *Service) mustCreate(t testing.TB, c oauth.Client) Issued {
	t.Helper()
	made, err := s.Create(t.Context(), root, c)
	require.NoError(t, err)
	return made
}

func web(name string) oauth.Client {
	return oauth.Client{Name: name, RedirectURIs: []string{"https://app.example/cb"}}
}

func TestNewService(t *testing.T) {
	_, err := NewService(ServiceOptions{InitialState: "x", Quotas: []Quota{{}, {Max: 1}}})
	for _, want := range []string{"Storage: required", "Permit: required", "InitialState: want", "Quotas[0]: field Max", "Quotas[1]: field Per"} {
		require.ErrorContains(t, err, want)
	}
}

func TestTypesAndTheirDefaults(t *testing.T) {
	four := []string{"authorization_code", "password", "refresh_token", oauth.GrantTypeDeviceCode}
	require.Equal(t, four, DefaultGrantTypes(oauth.TypeOAuth2))
	require.Equal(t, four, DefaultGrantTypes(oauth.TypeOpenID))
	require.Empty(t, DefaultGrantTypes(oauth.TypeOAuth1))
	require.Equal(t, []string{"code", "token"}, DefaultResponseTypes(oauth.TypeOAuth2))
	require.Equal(t, []string{"code", "code id_token", "code id_token token", "code token", "id_token", "id_token token"}, DefaultResponseTypes(oauth.TypeOpenID))
	require.Empty(t, DefaultResponseTypes(oauth.TypeOAuth1))

	s, _ := newService(t, memory.New())
	made := s.mustCreate(t, web("App"))
	require.Equal(t, oauth.TypeOpenID, made.Client.Type)
	require.Equal(t, four, made.Client.GrantTypes)
	require.Equal(t, []string{"code"}, made.Client.ResponseTypes, "what its grant types allow")
	require.NotEmpty(t, made.Secret)

	some, _ := newService(t, memory.New(), func(o *ServiceOptions) { o.GrantTypes = []string{"authorization_code", "refresh_token"} })
	require.Equal(t, []string{"authorization_code", "refresh_token"}, some.mustCreate(t, web("App")).Client.GrantTypes)

	consumer := s.mustCreate(t, oauth.Client{Type: oauth.TypeOAuth1, Name: "Consumer"})
	require.Empty(t, consumer.Secret)
	require.False(t, consumer.Client.MayUse("authorization_code"))
	require.False(t, consumer.Client.MayRespond("code"))
	for want, c := range map[string]oauth.Client{
		"client_name":       {Type: oauth.TypeOAuth1},
		"grant_types":       {Type: oauth.TypeOAuth1, Name: "x", GrantTypes: four},
		"response_types":    {Type: oauth.TypeOAuth1, Name: "x", ResponseTypes: []string{"code"}},
		"type: want":        {Type: "saml", RedirectURIs: []string{"https://a.example/"}},
		"owner: want":       {Owner: strings.Repeat("x", 256), RedirectURIs: []string{"https://a.example/"}},
		"scopes: want":      {Type: oauth.TypeOAuth2, Scopes: []string{"openid"}, RedirectURIs: []string{"https://a.example/"}},
		"response_types[0]": {Type: oauth.TypeOAuth2, ResponseTypes: []string{"id_token"}, GrantTypes: []string{"implicit"}, RedirectURIs: []string{"https://a.example/"}},
	} {
		_, err := s.Create(t.Context(), root, c)
		require.ErrorContains(t, err, want)
	}
}

// Every method asks, of the right client, and nothing happens where the answer
// is no.
func TestPermissions(t *testing.T) {
	no := errors.New("no")
	var asked []Action
	refuse := false
	s, events := newService(t, memory.New(), func(o *ServiceOptions) {
		o.Permit = func(_ context.Context, actor Actor, action Action, c *oauth.Client) error {
			asked = append(asked, action)
			for _, secret := range c.Secrets {
				require.Empty(t, secret.Digest)
			}
			if refuse && actor == root {
				return no
			}
			return nil
		}
	})
	made := s.mustCreate(t, web("App"))
	id, ctx := made.Client.ID, t.Context()
	before, _, err := s.clients.GetVersion(ctx, id)
	require.NoError(t, err)
	refuse, asked, events.events = true, nil, nil
	for action, do := range map[Action]func() error{
		ActionCreate:              func() error { _, err := s.Create(ctx, root, web("x")); return err },
		ActionGet:                 func() error { _, err := s.Get(ctx, root, id); return err },
		ActionList:                func() error { _, err := s.List(ctx, root, ListQuery{}); return err },
		ActionUpdate:              func() error { _, err := s.Update(ctx, root, made.Client, made.Version); return err },
		ActionApprove:             func() error { _, err := s.Approve(ctx, root, id, 0); return err },
		ActionDisapprove:          func() error { _, err := s.Disapprove(ctx, root, id, 0); return err },
		ActionRotateSecret:        func() error { _, err := s.RotateSecret(ctx, root, id, 0); return err },
		ActionAddSecret:           func() error { _, err := s.AddSecret(ctx, root, id, NewSecret{}); return err },
		ActionRemoveSecret:        func() error { _, err := s.RemoveSecret(ctx, root, id, "x"); return err },
		ActionRemove:              func() error { return s.Remove(ctx, root, id) },
		ActionAuthorizations:      func() error { _, err := s.Authorizations(ctx, root, id, 0, ""); return err },
		ActionRevokeAuthorization: func() error { return s.RevokeAuthorization(ctx, root, id, "x") },
		ActionInitialTokens:       func() error { _, err := s.InitialTokens(ctx, root, ""); return err },
		ActionCreateInitialToken: func() error {
			_, _, err := s.CreateInitialToken(ctx, root, InitialTokenOptions{Name: "x"})
			return err
		},
	} {
		asked = nil
		err := do()
		require.ErrorIs(t, err, ErrDenied, action)
		require.ErrorIs(t, err, no, action)
		require.Equal(t, []Action{action}, asked)
	}
	after, _, err := s.clients.GetVersion(ctx, id)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Empty(t, events.events)
	for _, err := range []error{
		ignoreValue(s.Get(ctx, System, "nobody")), ignoreValue(s.Approve(ctx, System, "nobody", 0)), s.Remove(ctx, System, "nobody"),
		ignoreValue(s.RotateSecret(ctx, System, "nobody", 0)), ignoreValue(s.Authorizations(ctx, System, "nobody", 0, "")),
	} {
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
}

func ignoreValue[T any](_ T, err error) error { return err }

// AD-09: of two who edit the same client, the second is told.
func TestUpdateIsOptimistic(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		s, events := newService(t, store)
		made := s.mustCreate(t, oauth.Client{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Owner: "o", Tenant: "t", State: oauth.StatePending})
		edit := made.Client
		edit.Name, edit.State, edit.Owner, edit.Type, edit.Dynamic, edit.Secrets = "New", oauth.StateApproved, "x", oauth.TypeOAuth2, true, nil
		updated, err := s.Update(t.Context(), root, edit, made.Version)
		require.NoError(t, err)
		require.Equal(t, "New", updated.Client.Name)
		require.Equal(t, oauth.StatePending, updated.Client.State, "an edit decides nothing")
		require.Equal(t, "o", updated.Client.Owner)
		require.Equal(t, oauth.TypeOpenID, updated.Client.Type)
		require.False(t, updated.Client.Dynamic)
		require.Len(t, updated.Client.Secrets, 1)
		require.NotZero(t, updated.Client.UpdatedAt)

		_, err = s.Update(t.Context(), root, edit, made.Version)
		require.ErrorIs(t, err, storage.ErrConflict)
		_, err = s.Update(t.Context(), root, edit, 0)
		require.ErrorIs(t, err, storage.ErrConflict)
		_, err = s.Approve(t.Context(), root, edit.ID, made.Version)
		require.ErrorIs(t, err, storage.ErrConflict)
		edit.RedirectURIs = []string{"javascript:x"}
		_, err = s.Update(t.Context(), root, edit, updated.Version)
		require.ErrorContains(t, err, "redirect_uris[0]")

		again, err := s.Approve(t.Context(), root, edit.ID, updated.Version)
		require.NoError(t, err)
		same, err := s.Approve(t.Context(), root, edit.ID, 0)
		require.NoError(t, err)
		require.Equal(t, again, same, "nothing to do")
		require.Len(t, events.events, 3)
		require.Equal(t, Event{Time: events.events[2].Time, Actor: root, Action: ActionApprove, ClientID: edit.ID, Before: &updated.Client, After: &again.Client}, events.events[2])
	})
}

func TestSecrets(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		s, events := newService(t, store, func(o *ServiceOptions) { o.ChosenSecrets = true })
		ctx := t.Context()
		made := s.mustCreate(t, web("App"))
		id := made.Client.ID
		valid := func(secret string) bool {
			c, err := s.Client(ctx, id)
			require.NoError(t, err)
			return clientauth.VerifySecret(c, secret, time.Now())
		}
		require.True(t, valid(made.Secret))
		require.Equal(t, made.SecretID, made.Client.Secrets[0].ID)

		end := time.Now().Add(time.Hour).UTC()
		second, err := s.AddSecret(ctx, root, id, NewSecret{Name: "laptop", ExpiresAt: end})
		require.NoError(t, err)
		require.True(t, valid(made.Secret) && valid(second.Secret))
		require.Equal(t, "laptop", second.Client.Secrets[1].Name)
		require.WithinDuration(t, end, second.Client.Secrets[1].ExpiresAt, 0)
		_, err = s.RemoveSecret(ctx, root, id, made.SecretID)
		require.NoError(t, err)
		require.False(t, valid(made.Secret))
		_, err = s.RemoveSecret(ctx, root, id, made.SecretID)
		require.ErrorIs(t, err, storage.ErrNotFound)
		_, err = s.RemoveSecret(ctx, root, id, second.SecretID)
		require.ErrorIs(t, err, ErrLastSecret)

		third, err := s.RotateSecret(ctx, root, id, time.Minute)
		require.NoError(t, err)
		require.True(t, valid(second.Secret) && valid(third.Secret))
		fourth, err := s.RotateSecret(ctx, root, id, 0)
		require.NoError(t, err)
		require.False(t, valid(third.Secret))
		require.Len(t, fourth.Client.Secrets, 1)

		chosen, err := s.AddSecret(ctx, root, id, NewSecret{Chosen: "a long chosen secret"})
		require.NoError(t, err)
		stored, err := s.Client(ctx, id)
		require.NoError(t, err)
		require.Contains(t, stored.Secrets[1].Digest, "$argon2id$")
		require.Empty(t, chosen.Client.Secrets[1].Digest)
		for range 2 {
			_, err = s.AddSecret(ctx, root, id, NewSecret{})
			require.NoError(t, err)
		}
		_, err = s.AddSecret(ctx, root, id, NewSecret{})
		require.ErrorIs(t, err, ErrTooManySecrets)
		for want, n := range map[string]NewSecret{
			"name: want": {Name: "a\nb"}, "expires_at: want": {ExpiresAt: time.Now().Add(-time.Second)}, "secret: want": {Chosen: "short"},
		} {
			_, err = s.AddSecret(ctx, root, id, n)
			require.ErrorContains(t, err, want)
		}
		for _, ev := range events.events {
			for _, c := range []*oauth.Client{ev.Before, ev.After} {
				require.NotContains(t, fmt.Sprintf("%+v", c), "sha256:")
				require.NotContains(t, fmt.Sprintf("%+v", c), "$argon2id$")
			}
		}

		plain, _ := newService(t, store)
		_, err = plain.AddSecret(ctx, root, id, NewSecret{Chosen: "a long chosen secret"})
		require.ErrorIs(t, err, ErrChosenSecret)
		open := s.mustCreate(t, oauth.Client{ApplicationType: "native", RedirectURIs: []string{"http://127.0.0.1/"}})
		_, err = s.AddSecret(ctx, root, open.Client.ID, NewSecret{})
		require.ErrorIs(t, err, ErrNotConfidential)
	})
}

// CX-09: of many who rotate at once one is handed a secret, and it works.
func TestRotationsHaveOneWinner(t *testing.T) {
	s, _ := newService(t, memory.New())
	made := s.mustCreate(t, web("App"))
	var all sync.WaitGroup
	errs, secrets := make([]error, 16), make([]Issued, 16)
	for i := range errs {
		all.Go(func() {
			secrets[i], errs[i] = s.newSecret(context.Background(), root, ActionRotateSecret, made.Client.ID, made.Version, NewSecret{},
				func([]oauth.Secret, time.Time) []oauth.Secret { return nil })
		})
	}
	all.Wait()
	c, err := s.Client(t.Context(), made.Client.ID)
	require.NoError(t, err)
	winners := 0
	for i, err := range errs {
		if err == nil {
			winners++
			require.True(t, clientauth.VerifySecret(c, secrets[i].Secret, time.Now()))
			continue
		}
		require.ErrorIs(t, err, storage.ErrConflict)
	}
	require.Equal(t, 1, winners)
}

func TestLastUseIsCoarse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, events := newService(t, memory.New())
		made := s.mustCreate(t, web("App"))
		use := func() (oauth.Client, int64) {
			c, err := s.Client(t.Context(), made.Client.ID)
			require.NoError(t, err)
			s.SecretUsed(t.Context(), c, made.SecretID)
			s.SecretUsed(t.Context(), c, "another")
			e, err := s.Get(t.Context(), root, made.Client.ID)
			require.NoError(t, err)
			return e.Client, e.Version
		}
		c, version := use()
		require.WithinDuration(t, time.Now(), c.Secrets[0].LastUsedAt, time.Minute)
		time.Sleep(59 * time.Minute) // fake time: the bubble's clock
		r, err := s.options.Storage.Get(t.Context(), storage.KindClient, made.Client.ID)
		require.NoError(t, err)
		_, again := use()
		require.Equal(t, version, again, "and an edit that began before it goes through")
		require.Equal(t, made.Version, again)
		same, err := s.options.Storage.Get(t.Context(), storage.KindClient, made.Client.ID)
		require.NoError(t, err)
		require.Equal(t, r, same, "not written again within the hour")
		time.Sleep(2 * time.Minute)
		later, _ := use()
		require.True(t, later.Secrets[0].LastUsedAt.After(c.Secrets[0].LastUsedAt))
		require.Len(t, events.events, 1, "use is no change")
	})
}

func TestInitialTokens(t *testing.T) {
	s, events := newService(t, memory.New())
	info, token, err := s.CreateInitialToken(t.Context(), root, InitialTokenOptions{Name: "partner", Uses: 3, Tenant: "t", Type: oauth.TypeOAuth2})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%+v", info), token)
	require.WithinDuration(t, time.Now().Add(24*time.Hour), info.ExpiresAt, time.Minute)
	require.NoError(t, s.spend(t.Context(), info.ID, -1))
	page, err := s.InitialTokens(t.Context(), root, "")
	require.NoError(t, err)
	require.Len(t, page.Tokens, 1)
	require.Equal(t, 2, page.Tokens[0].Left)
	require.NoError(t, s.RemoveInitialToken(t.Context(), root, info.ID))
	require.ErrorIs(t, s.RemoveInitialToken(t.Context(), root, info.ID), storage.ErrNotFound)
	require.ErrorIs(t, s.RemoveInitialToken(t.Context(), root, "\n"), storage.ErrNotFound)
	require.Len(t, events.events, 2)
	require.Equal(t, Event{Time: events.events[1].Time, Actor: root, Action: ActionRemoveInitialToken, InitialToken: "partner"}, events.events[1])
	_, _, err = s.initial(t.Context(), token)
	require.ErrorIs(t, err, storage.ErrNotFound)
	for want, o := range map[string]InitialTokenOptions{
		"name: required": {}, "uses: want": {Name: "x", Uses: -1}, "state: want": {Name: "x", State: "x"}, "expires_at: want": {Name: "x", ExpiresAt: time.Unix(1, 0)},
	} {
		_, _, err := s.CreateInitialToken(t.Context(), root, o)
		require.ErrorContains(t, err, want)
	}
}

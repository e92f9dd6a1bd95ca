package authserver_test

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

func TestRegistrationManagement(t *testing.T) {
	t.Run("RG-19", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := registering(t, anyone(), withStore(store))
			a, b := h.registered(), h.registered("client_name", `"Other"`)
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				body := metadataWith("client_id", quoted(b.str("client_id")))
				h.send(method, b.path(), body, own(a)).refused(401, oauth.InvalidToken)
				h.send(method, "/register/nobody", body, own(a)).refused(401, oauth.InvalidToken)
				h.send(method, b.path(), body).refused(401, oauth.InvalidToken)
				h.send(method, b.path(), body, bearer("rat_"+strings.Repeat("A", 43))).refused(401, oauth.InvalidToken)
				h.send(method, b.path(), body, bearer(h.redeemFor(a, h.codeAs(a)).str("access_token"))).refused(401, oauth.InvalidToken)
			}
			next := h.send(http.MethodPut, a.path(), metadataWith("client_id", quoted(a.str("client_id")), "client_name", `"New"`), own(a))
			require.Equal(t, 200, next.Status, next.Body)
			require.Equal(t, "New", next.str("client_name"))
			require.NotEqual(t, a.str("registration_access_token"), next.str("registration_access_token"))
			h.get(a.path(), nil, own(a)).refused(401, oauth.InvalidToken)
			require.Equal(t, "New", h.get(a.path(), nil, own(next)).str("client_name"))
		})
	})
	t.Run("RG-20", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := registering(t, anyone(), withStore(store))
			a := h.registered()
			tokens, code := h.redeemFor(a, h.codeAs(a)), h.codeAs(a)
			_, err := h.srv.Introspect(t.Context(), tokens.str("access_token"))
			require.NoError(t, err)
			_, err = store.Create(t.Context(), storage.Record{Kind: storage.KindConsent, Key: "c", ClientID: a.str("client_id"), Subject: alice, Data: []byte("{}")})
			require.NoError(t, err)

			gone := h.send(http.MethodDelete, a.path(), "", own(a))
			require.Equal(t, 204, gone.Status)
			require.Empty(t, gone.Body)
			_, err = h.srv.Introspect(t.Context(), tokens.str("access_token"))
			require.ErrorIs(t, err, oauth.InvalidToken)
			h.redeemFor(a, code).refused(401, oauth.InvalidClient) // M37
			h.post("/token", refreshForm(tokens.str("refresh_token")), basic(a.str("client_id"), a.str("client_secret"))).refused(401, oauth.InvalidClient)
			h.send(http.MethodDelete, a.path(), "", own(a)).refused(401, oauth.InvalidToken)
			for _, kind := range []storage.Kind{storage.KindClient, storage.KindGrant, storage.KindConsent, storage.KindInteraction} {
				page, err := store.List(t.Context(), storage.Query{Kind: kind})
				require.NoError(t, err)
				require.Empty(t, page.Records, kind)
			}
		})
	})
	t.Run("RG-22", func(t *testing.T) {
		store := memory.New()
		h := registering(t, anyone(), withStore(store))
		a := h.registered()
		read := h.get(a.path(), nil, own(a))
		require.Equal(t, 200, read.Status)
		r, err := store.Get(t.Context(), storage.KindClient, a.str("client_id"))
		require.NoError(t, err)
		for _, secret := range []string{a.str("client_secret"), a.str("registration_access_token")} {
			require.NotEmpty(t, secret)
			require.NotContains(t, read.Body, secret)
			require.NotContains(t, string(r.Data), secret)
			require.NotContains(t, h.log.String(), secret)
		}
		require.NotContains(t, read.Body, "sha256:")
	})
	t.Run("CX-09", func(t *testing.T) {
		h := registering(t, anyone())
		a := h.registered()
		statuses := inParallel(16, func() int {
			return h.send(http.MethodPut, a.path(), metadataWith("client_id", quoted(a.str("client_id"))), own(a)).Status
		})
		require.Equal(t, 1, count(statuses, 200), statuses)
		require.Equal(t, 15, count(statuses, 409)+count(statuses, 401), statuses)
	})
	t.Run("what it says must be its own", func(t *testing.T) {
		h := registering(t, anyone())
		a := h.registered()
		put := func(pairs ...string) *answer { return h.send(http.MethodPut, a.path(), metadataWith(pairs...), own(a)) }
		put().refused(400, oauth.InvalidClientMetadata)
		put("client_id", `"x"`).refused(400, oauth.InvalidClientMetadata)
		put("client_id", quoted(a.str("client_id")), "client_secret", `"x"`).refused(400, oauth.InvalidClientMetadata)
		put("client_id", quoted(a.str("client_id")), "redirect_uris", `["http://a.example/"]`).refused(400, oauth.InvalidRedirectURI)
		next := put("client_id", quoted(a.str("client_id")), "client_secret", quoted(a.str("client_secret")))
		require.Equal(t, 200, next.Status, next.Body)
		require.Equal(t, 200, h.redeemFor(a, h.codeAs(a)).Status, "the secret stays")
		require.Equal(t, 405, h.send(http.MethodPost, a.path(), "", own(next)).Status)
	})
	t.Run("switched off", func(t *testing.T) {
		o := anyone()
		o.WithoutManagement = true
		a := registering(t, o).registered()
		require.NotContains(t, a.Body, "registration_")
	})
}

// inParallel runs f so often at once.
func inParallel[T any](n int, f func() T) []T {
	results := make([]T, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { results[i] = f() })
	}
	all.Wait()
	return results
}

func count[T comparable](list []T, one T) (n int) {
	for _, v := range list {
		if v == one {
			n++
		}
	}
	return n
}

func TestRegistrationGrowth(t *testing.T) {
	t.Run("RG-23", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := clientreg.Options{Policy: clientreg.Open, ReapAfter: 24 * time.Hour}
			h := registering(t, o, func(c *authserver.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
			var statuses []int
			for range 1000 {
				statuses = append(statuses, h.register().Status)
			}
			require.Equal(t, 60, count(statuses, 201))
			require.Equal(t, 940, count(statuses, 429))
			require.NotEmpty(t, h.register().Header.Get("Retry-After"))
			forwarded := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.9") }
			a := h.send(http.MethodPost, "/register", metadataWith(), forwarded)
			require.Equal(t, 201, a.Status, "another address behind the proxy")
			tokens := h.redeemFor(a, h.codeAs(a))
			require.Equal(t, 200, tokens.Status)

			time.Sleep(26 * time.Hour) // fake time: the bubble's clock
			fresh := h.registered()
			synctest.Wait()
			page, err := h.srv.Clients().List(t.Context(), clientreg.System, clientreg.ListQuery{})
			require.NoError(t, err)
			var left []string
			for _, e := range page.Entries {
				left = append(left, e.Client.ID)
			}
			require.ElementsMatch(t, []string{a.str("client_id"), fresh.str("client_id")}, left, "the one in use, and the new one")
			require.Contains(t, h.log.String(), "client_reap")
		})
	})
	t.Run("the same again", func(t *testing.T) {
		o := anyone()
		o.ShareIdentical = true
		h := registering(t, o)
		first := h.registered("token_endpoint_auth_method", `"none"`)
		require.NotContains(t, first.Body, "registration_access_token", "nobody may change what others share")
		again := h.registered("token_endpoint_auth_method", `"none"`)
		require.Equal(t, first.str("client_id"), again.str("client_id"))
		require.NotEqual(t, first.str("client_id"), h.registered("token_endpoint_auth_method", `"none"`, "client_name", `"Another"`).str("client_id"))
		confidential := h.registered()
		require.NotEqual(t, confidential.str("client_id"), h.registered().str("client_id"), "who has a secret has it alone")
		require.Contains(t, h.log.String(), "same metadata as "+first.str("client_id"))
	})
	t.Run("quota", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			service, err := clientreg.NewService(clientreg.ServiceOptions{
				Storage: store, Permit: clientreg.PermitAll, Quotas: []clientreg.Quota{{Max: 10, Per: clientreg.PerServer}},
			})
			require.NoError(t, err)
			o := anyone()
			o.Service = service
			h := registering(t, o, withStore(store))
			statuses := inParallel(64, func() int { return h.register().Status })
			require.Equal(t, 10, count(statuses, 201), statuses)
			require.Equal(t, 54, count(statuses, 409), statuses)
		})
	})
	t.Run("AZ-66", func(t *testing.T) {
		h := registering(t, anyone())
		a := h.registered()
		ask := func() *answer {
			return h.get("/authorize", request("client_id", a.str("client_id"), "redirect_uri", "https://app.example/cb", "scope", "bogus"))
		}
		ask().page(400)
		e, err := h.srv.Clients().Get(t.Context(), clientreg.System, a.str("client_id"))
		require.NoError(t, err)
		e.Client.Verified = true
		_, err = h.srv.Clients().Update(t.Context(), clientreg.System, e.Client, e.Version)
		require.NoError(t, err)
		ask().redirectedError(oauth.InvalidScope)
	})
}

// What a client shares with others is what it asked for, or it shares nothing.
func TestRegistrationSharesNoEditedClient(t *testing.T) {
	o := anyone()
	o.ShareIdentical = true
	h := registering(t, o)
	first := h.registered("token_endpoint_auth_method", `"none"`)
	e, err := h.srv.Clients().Get(t.Context(), clientreg.System, first.str("client_id"))
	require.NoError(t, err)
	e.Client.RedirectURIs = []string{"https://elsewhere.example/cb"}
	_, err = h.srv.Clients().Update(t.Context(), clientreg.System, e.Client, e.Version)
	require.NoError(t, err)
	again := h.registered("token_endpoint_auth_method", `"none"`)
	require.NotEqual(t, first.str("client_id"), again.str("client_id"))
	require.Equal(t, []string{"https://app.example/cb"}, again.strs("redirect_uris"))
}

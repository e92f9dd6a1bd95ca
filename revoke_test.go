package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// revoke sends a token to the revocation endpoint as a client.
func (h *harness) revoke(client, token string) *answer {
	h.t.Helper()
	return h.post("/revoke", url.Values{"token": {token}}, as(client))
}

// revoked wants the answer of a revocation that holds.
func (a *answer) revoked() {
	a.t.Helper()
	require.Equal(a.t, http.StatusOK, a.Status, a.Body)
	require.Equal(a.t, "no-store", a.Header.Get("Cache-Control"))
}

func TestRevokeCaller(t *testing.T) {
	t.Run("RV-01", func(t *testing.T) { // a confidential client that does not authenticate
		h := newHarness(t)
		tokens := h.tokens()
		token := url.Values{"token": {tokens.str("refresh_token")}}
		byName := url.Values{"token": token["token"], "client_id": {confidential}}
		for _, send := range []func() *answer{
			func() *answer { return h.post("/revoke", token) },
			func() *answer { return h.post("/revoke", byName) },
			func() *answer { return h.post("/revoke", token, basic(confidential, "wrong")) },
			func() *answer { return h.post("/revoke", token, bearer(tokens.str("access_token"))) },
		} {
			a := h.untouched(t, send)
			a.refused(http.StatusUnauthorized, oauth.InvalidClient)
			require.NotEmpty(t, a.Header.Get("WWW-Authenticate"))
		}
		require.True(t, h.active(tokens.str("refresh_token")))
	})
	t.Run("RV-02", func(t *testing.T) { // a public client and its own token
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			for _, name := range []string{"access_token", "refresh_token"} {
				query := request("client_id", spa, "redirect_uri", "https://spa.example/cb")
				code := h.get("/authorize", query).location().Get("code")
				tokens := h.post("/token", redeem(code, "redirect_uri", "https://spa.example/cb", "client_id", spa))
				require.Equal(t, http.StatusOK, tokens.Status, tokens.Body)
				h.post("/revoke", url.Values{"token": {tokens.str(name)}, "client_id": {spa}}).revoked()
				require.Equal(t, http.StatusUnauthorized, h.get("/userinfo", nil, bearer(tokens.str("access_token"))).Status)
				if name == "refresh_token" {
					h.post("/token", url.Values{
						"grant_type": {"refresh_token"}, "refresh_token": {tokens.str(name)}, "client_id": {spa},
					}).refused(http.StatusBadRequest, oauth.InvalidGrant)
				}
			}
		})
	})
	t.Run("RV-03", func(t *testing.T) { // another client's token lives on
		h := newHarness(t)
		tokens := h.tokens()
		machine := newHarness(t, jwtAccess, withStore(h.store))
		stateless := machine.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
		for _, token := range []string{tokens.str("access_token"), tokens.str("refresh_token"), stateless} {
			h.untouched(t, func() *answer { return h.revoke(other, token) }).revoked()
			h.untouched(t, func() *answer {
				return h.post("/revoke", url.Values{"token": {token}, "client_id": {spa}})
			}).revoked()
		}
		require.True(t, h.active(tokens.str("access_token")))
		require.True(t, h.active(tokens.str("refresh_token")))
		require.Equal(t, true, h.introspect(service, stateless).json("active"))
	})
}

func TestRevokeRequest(t *testing.T) {
	t.Run("RV-04", func(t *testing.T) { // unknown is 200; none, and two, are 400
		store := watch(memory.New())
		h := newHarness(t, withStore(store))
		for _, token := range []string{"garbage", "as_at_" + strings.Repeat("A", 72), "a.b.c", h.tokens().str("id_token")} {
			h.untouched(t, func() *answer { return h.revoke(confidential, token) }).revoked()
			require.Zero(t, store.during(func() { h.revoke(confidential, token) }))
		}
		for _, form := range []url.Values{{"x": {"y"}}, {"token": {""}}, {"token": {"a", "b"}}} {
			h.untouched(t, func() *answer { return h.post("/revoke", form, as(confidential)) }).
				refused(http.StatusBadRequest, oauth.InvalidRequest)
		}
	})
	t.Run("RV-05", func(t *testing.T) { // a hint that is wrong or unknown
		h := newHarness(t)
		for _, name := range []string{"access_token", "refresh_token"} {
			for _, hint := range []string{"access_token", "refresh_token", "id_token", "<script>"} {
				tokens := h.tokens()
				h.post("/revoke", url.Values{"token": {tokens.str(name)}, "token_type_hint": {hint}}, as(confidential)).revoked()
				require.False(t, h.active(tokens.str(name)), name+" "+hint)
			}
		}
	})
	t.Run("RV-08", func(t *testing.T) { // twice is 200 twice, and writes once
		h := newHarness(t)
		tokens := h.tokens()
		for _, name := range []string{"access_token", "refresh_token"} {
			h.revoke(confidential, tokens.str(name)).revoked()
			h.untouched(t, func() *answer { return h.revoke(confidential, tokens.str(name)) }).revoked()
		}
		machine := newHarness(t, jwtAccess)
		token := machine.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
		machine.revoke(service, token).revoked()
		machine.untouched(t, func() *answer { return machine.revoke(service, token) }).revoked()
	})
	t.Run("RV-09", func(t *testing.T) { // GET; a callback is not called
		h := newHarness(t)
		token := h.tokens().str("access_token")
		a := h.untouched(t, func() *answer {
			return h.get("/revoke", url.Values{"token": {token}, "callback": {"package.revoked"}}, as(confidential))
		})
		a.refused(http.StatusMethodNotAllowed, oauth.InvalidRequest)
		require.True(t, h.active(token))
		a = h.post("/revoke?callback=package.revoked", url.Values{"token": {token}}, as(confidential))
		a.revoked()
		require.NotContains(t, a.Body, "package")
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	})
}

func TestRevokeEffect(t *testing.T) {
	t.Run("RV-06", func(t *testing.T) { // with the refresh token goes every access token, on every node
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			node := h.sharing(t)
			tokens := h.tokens("resource", "https://api.example/")
			narrowed := h.refresh(tokens.str("refresh_token"), "scope", "read")
			current := h.refresh(narrowed.str("refresh_token"))
			h.revoke(confidential, current.str("refresh_token")).revoked()
			for _, a := range []*answer{tokens, narrowed, current} {
				for _, name := range []string{"access_token", "refresh_token"} {
					require.False(t, h.active(a.str(name)))
					require.False(t, node.active(a.str(name)))
				}
				node.refresh(a.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
			}
		})
	})
	t.Run("RV-07", func(t *testing.T) { // storage fails at any step: 503, never 200
		store := watch(memory.New())
		h := newHarness(t, withStore(store))
		machine := newHarness(t, jwtAccess, withStore(store))
		stateless := machine.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
		for _, c := range []struct {
			client, token string
			steps         int64
		}{
			{confidential, h.tokens().str("access_token"), 2},
			{confidential, h.tokens().str("refresh_token"), 2},
			{service, stateless, 1},
		} {
			for step := int64(1); step <= c.steps; step++ {
				store.failAt(step)
				h.forgetEvents()
				a := h.revoke(c.client, c.token)
				store.failAt(0)
				a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
				require.NotEmpty(t, a.Header.Get("Retry-After"))
				require.Len(t, h.seen(), 1)
				require.Equal(t, true, h.introspect(c.client, c.token).json("active"), "it was not revoked")
			}
			require.Equal(t, c.steps, store.during(func() { h.revoke(c.client, c.token).revoked() }))
			h.introspect(c.client, c.token).inactive()
		}
	})
	t.Run("RV-10", func(t *testing.T) { // a token that no record holds: on record as revoked until it ends
		synctest.Test(t, func(t *testing.T) {
			store := memory.New()
			h := newHarness(t, jwtAccess, withStore(store))
			node := h.sharing(t)
			token := h.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
			require.Empty(t, versions(t, store))
			h.revoke(service, token).revoked()
			for _, server := range []*harness{h, node} {
				server.introspect(service, token).inactive()
				_, err := server.srv.Introspect(t.Context(), token)
				require.ErrorIs(t, err, oauth.InvalidToken)
			}
			time.Sleep(time.Hour - time.Second)
			require.Len(t, versions(t, store), 1)
			h.introspect(service, token).inactive()
			time.Sleep(2 * time.Minute)
			require.Empty(t, versions(t, store))
			h.introspect(service, token).inactive()
		})
	})
	t.Run("RV-11", func(t *testing.T) { // a refresh that meets a revocation leaves nothing alive
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			for range 25 {
				tokens := h.tokens()
				var wg sync.WaitGroup
				var refreshed, gone *answer
				wg.Go(func() { refreshed = h.refresh(tokens.str("refresh_token")) })
				wg.Go(func() { gone = h.revoke(confidential, tokens.str("refresh_token")) })
				wg.Wait()
				gone.revoked()
				for _, a := range []*answer{tokens, refreshed} {
					for _, name := range []string{"access_token", "refresh_token"} {
						if a.str(name) != "" {
							require.False(t, h.active(a.str(name)))
						}
					}
				}
			}
		})
	})
	t.Run("RV-12", func(t *testing.T) { // a rotated refresh token from its owner ends the family
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			first := h.tokens()
			second := h.refresh(first.str("refresh_token"))
			third := h.refresh(second.str("refresh_token"))
			h.untouched(t, func() *answer { return h.revoke(other, first.str("refresh_token")) }).revoked()
			require.True(t, h.active(third.str("access_token")))
			h.revoke(confidential, first.str("refresh_token")).revoked()
			require.False(t, h.active(third.str("access_token")))
			require.False(t, h.active(third.str("refresh_token")))
			h.refresh(third.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
		})
	})
}

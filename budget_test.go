package authserver_test

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// calls are those a storage was asked for, as "Get grant".
type calls struct {
	mu   sync.Mutex
	list []string
}

func (c *calls) around(_ context.Context, call storageCall, do func() error) error {
	c.mu.Lock()
	c.list = append(c.list, call.method+" "+string(call.kind))
	c.mu.Unlock()
	return do()
}

// during are the calls that something makes.
func (c *calls) during(f func()) string {
	c.list = nil
	f()
	return strings.Join(c.list, ", ")
}

// What a request costs its storage, its client apart. Each number here is a
// promise: a database serves so many requests as it serves calls.
func TestStorageBudget(t *testing.T) {
	onEachStore(t, func(t *testing.T, inner storage.Storage) {
		store, counted := around(inner), &calls{}
		store.around = counted.around
		h := newHarness(t, withStore(store), hushed)
		jwt := *h.clients[service]
		jwt.AccessTokenFormat = oauth.AccessTokenJWT
		h.clients["service-jwt"] = &jwt
		jwt.ID = "service-jwt"

		ok := func(a *answer) { require.Equal(t, http.StatusOK, a.Status, a.Body) }
		introspect := func(id, token string) { ok(h.post("/introspect", url.Values{"token": {token}}, basic(id, secret))) }
		revoke := func(id, token string) { ok(h.post("/revoke", url.Values{"token": {token}}, basic(id, secret))) }
		code, tokens, spare := h.code(), h.tokens(), h.tokens()
		poll, userCode := h.device()
		id, browser := h.wait(request())
		forged := tokens.str("access_token")[:30] + strings.Repeat("A", len(tokens.str("access_token"))-30)
		var stateless string

		for _, c := range []struct {
			name, budget string
			request      func()
		}{
			{"authorize", "Create grant", func() { h.code() }},
			{"authorize, refused", "", func() { h.get("/authorize", request("response_type", "x")) }},
			{"authorize with a page", "Create interaction", func() { h.wait(request()) }},
			{"approval on a page", "Get interaction, Create grant, Delete interaction", func() {
				require.NotEmpty(t, h.approveLater(browser, id, alice).location().Get("code"))
			}},
			{"code exchange", "Get grant, Replace grant", func() { ok(h.token(redeem(code))) }},
			{"refresh", "Get grant, Replace grant", func() { ok(h.refresh(tokens.str("refresh_token"))) }},
			{"refresh, recovered", "Get grant", func() { ok(h.refresh(tokens.str("refresh_token"))) }},
			{"client credentials", "Create grant", func() { ok(h.credentials(service)) }},
			{"client credentials with a JWT", "", func() {
				a := h.credentials("service-jwt")
				ok(a)
				stateless = a.str("access_token")
			}},
			{"password", "Create grant", func() { ok(h.byPassword("alice", password)) }},
			{"introspection", "Get grant", func() { introspect(confidential, spare.str("access_token")) }},
			{"introspection of a refresh token", "Get grant", func() { introspect(confidential, spare.str("refresh_token")) }},
			{"introspection of a JWT", "Get replay", func() { introspect("service-jwt", stateless) }},
			{"introspection of a forgery", "", func() { introspect(confidential, forged) }},
			{"introspection in the host's program", "Get grant", func() {
				_, err := h.srv.Introspect(t.Context(), spare.str("access_token"))
				require.NoError(t, err)
			}},
			{"userinfo", "Get grant", func() { ok(h.get("/userinfo", nil, bearer(spare.str("access_token")))) }},
			{"revocation", "Get grant, Replace grant", func() { revoke(confidential, spare.str("refresh_token")) }},
			{"revocation, again", "Get grant", func() { revoke(confidential, spare.str("refresh_token")) }},
			{"revocation of a JWT", "Create replay", func() { revoke("service-jwt", stateless) }},
			{"forged code", "", func() { h.token(redeem(forged)) }},
			{"device", "Create alias, Create grant", func() { h.device() }},
			{"device poll", "Get grant, Replace grant", func() { h.token(poll) }},
			{"user code", "Get alias, Get grant, Create interaction", func() { h.confirm(userCode) }},
			{"sign-in", "Create session", func() { h.signedIn() }},
			{"metadata", "", func() { ok(h.get("/.well-known/openid-configuration", nil)) }},
			{"keys", "", func() { ok(h.get("/jwks.json", nil)) }},
		} {
			require.Equal(t, c.budget, counted.during(c.request), c.name)
		}
	})
}

// The number of records is that of live authorizations: what is spent leaves
// nothing behind.
func TestRecordsDoNotGrow(t *testing.T) {
	h := newHarness(t)
	a := h.tokens()
	size := func() (n int) {
		for text := range maps.Values(h.records()) {
			n += len(text)
		}
		return n
	}
	token := a.str("refresh_token")
	for range 20 {
		token = h.refreshed(token).str("refresh_token")
	}
	records, bytes := len(h.records()), size()
	require.Equal(t, 1, records)
	for range 200 {
		token = h.refreshed(token).str("refresh_token")
	}
	require.Len(t, h.records(), records)
	require.InDelta(t, bytes, size(), 64)
}

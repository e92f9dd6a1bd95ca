package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// withRefresh is the option that replaces the refresh token grant.
func withRefresh(g grants.RefreshToken) func(*authserver.Config) {
	return func(c *authserver.Config) {
		for i := range c.Grants {
			if _, ok := c.Grants[i].(grants.RefreshToken); ok {
				c.Grants[i] = g
			}
		}
	}
}

// noWindow refuses every rotated token at once.
var noWindow = withRefresh(grants.RefreshToken{ReplayWindow: -1})

// refreshed is a refresh that must work.
func (h *harness) refreshed(token string, pairs ...string) *answer {
	h.t.Helper()
	a := h.refresh(token, pairs...)
	require.Equal(h.t, http.StatusOK, a.Status, a.Body)
	return a
}

func TestRefreshRefusals(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))

		h.sub("RT-01", func(t *testing.T) {
			token := h.tokens().str("refresh_token")
			for _, text := range garbled(token) {
				h.badGrant(func() *answer { return h.refresh(text) })
			}
			before := h.records()
			for i := range token {
				flipped := []byte(token)
				flipped[i] ^= 1
				h.refresh(string(flipped)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			}
			require.Equal(t, before, h.records())
			h.refreshed(token)
		})

		h.sub("RT-02", func(t *testing.T) {
			for _, c := range []struct{ owner, thief party }{
				{partyConfidential, partyOther},
				{partySPA, partyNative},
				{partyConfidential, partySPA},
				{partyNative, partyOther},
			} {
				a := h.tokenAs(c.owner, redeem(h.codeFor(c.owner), "redirect_uri", c.owner.redirect))
				form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.str("refresh_token")}}
				h.badGrant(func() *answer { return h.tokenAs(c.thief, form) })
				again := h.tokenAs(c.owner, form)
				require.Equal(t, http.StatusOK, again.Status, again.Body)
				require.NotEqual(t, a.str("refresh_token"), again.str("refresh_token"))
			}
		})

		h.sub("RT-07", func(t *testing.T) {
			a := h.tokens("scope", "openid read write offline_access")
			narrow := h.refreshed(a.str("refresh_token"), "scope", "read")
			require.Equal(t, "read", narrow.str("scope"))
			l, err := h.srv.Introspect(t.Context(), narrow.str("access_token"))
			require.NoError(t, err)
			require.Equal(t, []string{"read"}, l.Scopes)
			full := h.refreshed(narrow.str("refresh_token"))
			require.Equal(t, "openid read write offline_access", full.str("scope"))
		})

		h.sub("RT-08", func(t *testing.T) {
			a := h.tokens("scope", "openid read offline_access")
			for _, scope := range []string{"openid read write", "write", "read profile", "admin", "READ"} {
				h.unharmed(func() *answer { return h.refresh(a.str("refresh_token"), "scope", scope) }).
					refused(http.StatusBadRequest, oauth.InvalidScope)
			}
			require.True(t, h.active(a.str("access_token")))
			h.refreshed(a.str("refresh_token"))
		})

		h.sub("RT-12", func(t *testing.T) {
			code := h.code()
			a := h.tokens()
			device := h.post("/device_authorization", url.Values{"scope": {"openid"}}, basic(confidential, secret))
			for _, text := range []string{
				a.str("access_token"), a.str("id_token"), code, device.str("device_code"),
				strings.Replace(a.str("access_token"), "_at_", "_rt_", 1), strings.Replace(code, "_ac_", "_rt_", 1),
			} {
				h.badGrant(func() *answer { return h.refresh(text) })
			}
			h.refreshed(a.str("refresh_token"))
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status)
		})

		h.sub("RT-15", func(t *testing.T) {
			require.Nil(t, h.tokens("scope", "openid read").json("refresh_token"), "offline_access was not granted")
			h.edited(confidential, func(c *oauth.Client) { c.GrantTypes = without(c.GrantTypes, oauth.GrantTypeRefreshToken) }, func() {
				require.Nil(t, h.tokens().json("refresh_token"), "the client may not refresh")
			})
		})

		h.sub("RT-16", func(t *testing.T) {
			v := request()
			v["resource"] = []string{"https://api.example/"}
			a := h.token(redeem(h.get("/authorize", v).location().Get("code")))
			for _, beyond := range []string{"https://files.example/", "https://evil.example/", "https://api.example/admin", "not a uri"} {
				h.unharmed(func() *answer { return h.refresh(a.str("refresh_token"), "resource", beyond) }).
					refused(http.StatusBadRequest, oauth.InvalidTarget)
			}
			h.refreshed(a.str("refresh_token"), "resource", "https://api.example/")
		})

		h.sub("RT-17", func(t *testing.T) {
			form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {h.tokens().str("refresh_token")}}
			h.unharmed(func() *answer { return h.post("/token", form) }).refused(http.StatusUnauthorized, oauth.InvalidClient)
			form.Set("client_id", confidential)
			h.unharmed(func() *answer { return h.post("/token", form) }).refused(http.StatusUnauthorized, oauth.InvalidClient)
			h.refreshed(form.Get("refresh_token"))
		})

		h.sub("RT-18", func(t *testing.T) {
			a := h.tokens("max_age", "600", "nonce", "the-first-nonce")
			first := claims(t, a.str("id_token"))
			again := claims(t, h.refreshed(a.str("refresh_token"), "nonce", "foreign").str("id_token"))
			for _, name := range []string{"iss", "sub", "aud", "azp", "auth_time"} {
				require.Equal(t, first[name], again[name], name)
			}
			require.NotNil(t, first["auth_time"])
			require.Contains(t, []any{nil, "the-first-nonce"}, again["nonce"])
		})
	})
}

// What changed since the end user agreed counts at every refresh.
func TestRefreshAfterChanges(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))

		h.sub("RT-10", func(t *testing.T) {
			token := h.tokens().str("refresh_token")
			h.gone[alice] = true
			h.badGrant(func() *answer { return h.refresh(token) })
			delete(h.gone, alice)

			require.NoError(t, h.srv.RevokeGrant(t.Context(), h.lastGrant()))
			h.badGrant(func() *answer { return h.refresh(token) })

			first, second := h.tokens(), h.tokens()
			require.NoError(t, h.srv.RevokeSubject(t.Context(), alice), "as after a new password")
			h.allDead(first, second)

			// A client that is gone does not even authenticate.
			token = h.tokens().str("refresh_token")
			h.edited(confidential, func(c *oauth.Client) { c.Disabled = true }, func() {
				h.unharmed(func() *answer { return h.refresh(token) }).refused(http.StatusUnauthorized, oauth.InvalidClient)
			})
			deleted := h.clients[confidential]
			delete(h.clients, confidential)
			h.unharmed(func() *answer { return h.refresh(token) }).refused(http.StatusUnauthorized, oauth.InvalidClient)
			h.clients[confidential] = deleted
			h.refreshed(token)
		})

		h.sub("RT-11", func(t *testing.T) {
			token := h.tokens().str("refresh_token")
			h.edited(confidential, func(c *oauth.Client) { c.GrantTypes = without(c.GrantTypes, oauth.GrantTypeRefreshToken) }, func() {
				h.unharmed(func() *answer { return h.refresh(token) }).refused(http.StatusBadRequest, oauth.UnauthorizedClient)
			})
			h.refreshed(token)
		})
	})
}

func TestRefreshRotation(t *testing.T) {
	t.Run("RT-03", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			first := h.tokens()
			second := h.refreshed(first.str("refresh_token"))
			require.NotEqual(t, first.str("refresh_token"), second.str("refresh_token"))
			require.NotEqual(t, first.str("access_token"), second.str("access_token"))
			time.Sleep(31 * time.Second)
			h.refresh(first.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
		})
	})

	for name, node := range nodes(t, 2, noWindow) {
		t.Run("RT-04 "+name, func(t *testing.T) {
			first := node[0].tokens()
			second := node[1].refreshed(first.str("refresh_token"))
			before := len(node[0].seen())
			node[0].refresh(first.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
			var told []string
			for _, ev := range node[0].seen()[before:] {
				told = append(told, ev.Type)
			}
			require.Equal(t, []string{authserver.EventReuse, authserver.EventToken}, told)
			for _, h := range node {
				h.allDead(first, second)
			}
		})
	}

	// Each number that was rotated inside the window is answered with the
	// current token, however many came after it; outside it is re-use.
	t.Run("RT-05", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			first := h.tokens().str("refresh_token")
			second := h.refreshed(first).str("refresh_token")
			time.Sleep(10 * time.Second)
			current := h.refreshed(second)
			time.Sleep(5 * time.Second)
			for _, old := range []string{second, first, second} {
				again := h.refreshed(old)
				require.Equal(t, current.str("refresh_token"), again.str("refresh_token"))
				require.Equal(t, current.str("access_token"), again.str("access_token"), "and no second access token")
			}
			time.Sleep(15 * time.Second)
			require.True(t, h.active(current.str("access_token")))
			h.refresh(first).refused(http.StatusBadRequest, oauth.InvalidGrant)
			h.allDead(current)
		})
	})

	t.Run("RT-09", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, withRefresh(grants.RefreshToken{Idle: time.Hour, Absolute: 24 * time.Hour}))
			idle := h.tokens().str("refresh_token")
			time.Sleep(time.Hour)
			h.badGrant(func() *answer { return h.refresh(idle) })

			began, token := time.Now(), h.tokens().str("refresh_token")
			for range 1000 {
				time.Sleep(86 * time.Second)
				token = h.refreshed(token).str("refresh_token")
			}
			require.Less(t, time.Since(began), 24*time.Hour)
			time.Sleep(time.Until(began.Add(24 * time.Hour)))
			h.badGrant(func() *answer { return h.refresh(token) })
		})
	})
}

func TestRefreshAfterRestart(t *testing.T) {
	for name, open := range sharedStores(t) {
		t.Run("RT-13 "+name, func(t *testing.T) {
			before := newHarness(t, withStore(open()), noWindow)
			first := before.tokens().str("refresh_token")
			second := before.refreshed(first)
			after := newHarness(t, withStore(open()), noWindow)
			after.refresh(first).refused(http.StatusBadRequest, oauth.InvalidGrant)
			after.allDead(second)
		})
	}
}

// The answer was lost on the wire, after it was stored.
func TestRefreshAnswerLost(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		t.Run("RT-19", func(t *testing.T) {
			h := newHarness(t, withStore(store))
			token := h.tokens().str("refresh_token")
			lost := h.refreshed(token)
			again := h.refreshed(token)
			require.Equal(t, lost.str("refresh_token"), again.str("refresh_token"))
			h.refreshed(again.str("refresh_token"))

			h = newHarness(t, withStore(store), noWindow)
			token = h.tokens().str("refresh_token")
			lost = h.refreshed(token)
			h.refresh(token).refused(http.StatusBadRequest, oauth.InvalidGrant)
			h.allDead(lost)
		})
	})
}

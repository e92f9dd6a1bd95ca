package authserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// userinfo shows a token at the userinfo endpoint.
func (h *harness) userinfo(token string) *answer {
	h.t.Helper()
	return h.get("/userinfo", nil, bearer(token))
}

// challenged wants a refusal of RFC 6750 §3. An empty code wants a challenge
// that names no error.
func (a *answer) challenged(status int, code oauth.Code) {
	a.t.Helper()
	require.Equal(a.t, status, a.Status, a.Body)
	require.Equal(a.t, "no-store", a.Header.Get("Cache-Control"))
	challenge := a.Header.Get("WWW-Authenticate")
	require.Regexp(a.t, `^Bearer realm="`+testIssuer, challenge)
	if code == "" {
		require.NotContains(a.t, challenge, "error")
		return
	}
	require.Contains(a.t, challenge, `error="`+string(code)+`"`)
}

func TestUserinfoRefused(t *testing.T) {
	t.Run("UI-01", func(t *testing.T) { // no token: a challenge without an error
		h := newHarness(t)
		h.untouched(t, func() *answer { return h.get("/userinfo", nil) }).challenged(http.StatusUnauthorized, "")
		h.untouched(t, func() *answer { return h.post("/userinfo", url.Values{"x": {"y"}}) }).
			challenged(http.StatusUnauthorized, "")
	})
	t.Run("UI-02", func(t *testing.T) { // without openid
		h := newHarness(t)
		token := h.tokens("scope", "read profile").str("access_token")
		a := h.untouched(t, func() *answer { return h.userinfo(token) })
		a.challenged(http.StatusForbidden, oauth.InsufficientScope)
		require.Contains(t, a.Header.Get("WWW-Authenticate"), `scope="openid"`)
	})
	t.Run("UI-03", func(t *testing.T) { // expired, revoked, garbage
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat = format })
				foreign := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat, c.Keys = format, foreignKeys() })
				expired := h.tokens().str("access_token")
				require.Equal(t, http.StatusOK, h.userinfo(expired).Status)
				time.Sleep(time.Hour)
				revoked := h.tokens().str("access_token")
				h.revoke(confidential, revoked).revoked()
				for _, token := range []string{expired, revoked, "garbage", "a.b.c", foreign.tokens().str("access_token")} {
					h.untouched(t, func() *answer { return h.userinfo(token) }).
						challenged(http.StatusUnauthorized, oauth.InvalidToken)
				}
			})
		}
	})
	t.Run("UI-04", func(t *testing.T) { // in the query
		h := newHarness(t)
		token := h.tokens().str("access_token")
		for _, query := range []url.Values{{"access_token": {token}}, {"access_token": {token, token}}} {
			a := h.untouched(t, func() *answer { return h.get("/userinfo", query) })
			a.challenged(http.StatusBadRequest, oauth.InvalidRequest)
			require.NotContains(t, a.Body, alice)
			h.untouched(t, func() *answer { return h.get("/userinfo", query, bearer(token)) }).
				challenged(http.StatusBadRequest, oauth.InvalidRequest)
		}
		h.get("/userinfo?access%5Ftoken="+token, nil).challenged(http.StatusUnauthorized, "")
	})
	t.Run("UI-05", func(t *testing.T) { // two tokens
		h := newHarness(t)
		token := h.tokens().str("access_token")
		authorization := func(values ...string) func(*http.Request) {
			return func(r *http.Request) { r.Header["Authorization"] = values }
		}
		body := url.Values{"access_token": {token}}
		for _, send := range []func() *answer{
			func() *answer { return h.post("/userinfo", body, bearer(token)) },
			func() *answer { return h.post("/userinfo", url.Values{"access_token": {token, token}}) },
			func() *answer { return h.get("/userinfo", nil, authorization("Bearer "+token, "Bearer "+token)) },
			func() *answer { return h.get("/userinfo", nil, authorization("Bearer "+token+", Bearer "+token)) },
			func() *answer { return h.get("/userinfo", nil, authorization("Bearer  "+token)) },
			func() *answer { return h.get("/userinfo", nil, authorization("Bearer")) },
		} {
			h.untouched(t, send).challenged(http.StatusBadRequest, oauth.InvalidRequest)
		}
	})
	t.Run("UI-06", func(t *testing.T) { // what is no access token
		h := newHarness(t)
		tokens := h.tokens()
		for _, token := range []string{tokens.str("refresh_token"), tokens.str("id_token"), h.code(), h.startsDevice(t, "openid").str("device_code")} {
			h.untouched(t, func() *answer { return h.userinfo(token) }).
				challenged(http.StatusUnauthorized, oauth.InvalidToken)
		}
		h.untouched(t, func() *answer { return h.get("/userinfo", nil, basic(tokens.str("access_token"), "x")) }).
			challenged(http.StatusUnauthorized, "")
	})
	t.Run("UI-07", func(t *testing.T) { // a client's own token
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			h := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat = format })
			token := h.token(url.Values{"grant_type": {"client_credentials"}, "scope": {"openid read"}}).str("access_token")
			h.untouched(t, func() *answer { return h.userinfo(token) }).
				challenged(http.StatusForbidden, oauth.InsufficientScope)
		}
	})
	t.Run("UI-08", func(t *testing.T) { // end user disabled or deleted, client gone
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			var claimsErr error
			h := newHarness(t, withStore(store), func(c *authserver.Config) {
				c.Claims = func(ctx context.Context, subject string, names []string) (map[string]json.RawMessage, error) {
					if claimsErr != nil {
						return nil, claimsErr
					}
					return testClaims(ctx, subject, names)
				}
			})
			token := h.tokens("scope", "openid email").str("access_token")
			gone := func() {
				t.Helper()
				h.untouched(t, func() *answer { return h.userinfo(token) }).
					challenged(http.StatusUnauthorized, oauth.InvalidToken)
			}
			h.gone[alice] = true
			gone()
			h.gone[alice] = false
			claimsErr = authserver.ErrSubjectGone
			gone()
			claimsErr = errors.New("directory is down")
			a := h.userinfo(token)
			a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
			require.Empty(t, a.Header.Get("WWW-Authenticate"))
			claimsErr = nil
			require.Equal(t, http.StatusOK, h.userinfo(token).Status)
			h.clients.with(confidential, func(c *oauth.Client) { c.Disabled = true })
			gone()
			delete(h.clients, confidential)
			gone()
		})
	})
	t.Run("UI-11", func(t *testing.T) { // meant for another resource
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			h := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat = format })
			token := h.tokens("resource", "https://api.example/").str("access_token")
			h.untouched(t, func() *answer { return h.userinfo(token) }).
				challenged(http.StatusUnauthorized, oauth.InvalidToken)
			require.Equal(t, http.StatusOK, h.userinfo(h.tokens("resource", testIssuer).str("access_token")).Status)
		}
	})
}

func TestUserinfo(t *testing.T) {
	t.Run("UI-09", func(t *testing.T) { // the claims of the granted scopes, and the ID token's sub
		verified := json.RawMessage(`false`)
		h := newHarness(t, func(c *authserver.Config) {
			c.Claims = func(ctx context.Context, subject string, names []string) (map[string]json.RawMessage, error) {
				claims, err := testClaims(ctx, subject, names)
				claims["email_verified"], claims["secret"] = verified, json.RawMessage(`"hidden"`)
				return claims, err
			}
		})
		for scope, names := range map[string][]string{
			"openid":         {"sub"},
			"openid email":   {"sub", "email", "email_verified"},
			"openid profile": {"sub", "name", "given_name"},
			"openid phone":   {"sub", "phone_number"},
			"openid address": {"sub", "address"},
		} {
			tokens := h.tokens("scope", scope)
			a := h.userinfo(tokens.str("access_token"))
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			var members map[string]any
			require.NoError(t, json.Unmarshal([]byte(a.Body), &members))
			var got []string
			for name := range members {
				got = append(got, name)
			}
			require.ElementsMatch(t, names, got, scope)
			require.Equal(t, claims(t, tokens.str("id_token"))["sub"], members["sub"])
		}
		require.Equal(t, false, h.userinfo(h.tokens("scope", "openid email").str("access_token")).json("email_verified"))
		verified = json.RawMessage(`true`)
		require.Equal(t, true, h.userinfo(h.tokens("scope", "openid email").str("access_token")).json("email_verified"))

		asked := h.tokens("scope", "openid", "claims", `{"userinfo":{"email":{"essential":true},"exp":null,"iss":null}}`)
		a := h.userinfo(asked.str("access_token"))
		require.Equal(t, "alice@example.com", a.str("email"))
		require.Nil(t, a.json("name"))
		require.Nil(t, a.json("exp"))
	})
	t.Run("UI-10", func(t *testing.T) { // pages of the client's own origins, without cookies
		h := newHarness(t)
		token := h.tokens().str("access_token")
		for origin, allowed := range map[string]bool{
			"https://good.example": true, "https://evil.example": false, "null": false, "http://good.example": false,
			"https://good.example.evil.example": false,
		} {
			for _, send := range []func(edits ...func(*http.Request)) *answer{
				func(edits ...func(*http.Request)) *answer { return h.get("/userinfo", nil, edits...) },
				func(edits ...func(*http.Request)) *answer {
					return h.post("/userinfo", url.Values{"x": {"y"}}, edits...)
				},
			} {
				a := send(bearer(token), func(r *http.Request) { r.Header.Set("Origin", origin) })
				require.Equal(t, http.StatusOK, a.Status, a.Body)
				require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
				require.Contains(t, a.Header.Values("Vary"), "Origin")
				require.Empty(t, a.Header.Values("Access-Control-Allow-Credentials"))
				if allowed {
					require.Equal(t, []string{origin}, a.Header.Values("Access-Control-Allow-Origin"))
				} else {
					require.Empty(t, a.Header.Values("Access-Control-Allow-Origin"), origin)
				}
			}
		}
		preflight := h.get("/userinfo", nil, func(r *http.Request) {
			r.Method = http.MethodOptions
			r.Header.Set("Origin", "https://good.example")
			r.Header.Set("Access-Control-Request-Method", "GET")
			r.Header.Set("Access-Control-Request-Headers", "authorization")
		})
		require.Equal(t, http.StatusNoContent, preflight.Status)
		require.NotEmpty(t, preflight.Header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, preflight.Header.Values("Access-Control-Allow-Credentials"))
	})
	t.Run("each form of request", func(t *testing.T) {
		h := newHarness(t)
		token := h.tokens().str("access_token")
		for name, a := range map[string]*answer{
			"header":                             h.userinfo(token),
			"scheme in capital":                  h.get("/userinfo", nil, func(r *http.Request) { r.Header.Set("Authorization", "BEARER "+token) }),
			"post with body":                     h.post("/userinfo", url.Values{"access_token": {token}}),
			"post with header":                   h.post("/userinfo", url.Values{}, bearer(token), func(r *http.Request) { r.Header.Del("Content-Type") }),
			"post with header and an empty form": h.post("/userinfo", url.Values{}, bearer(token)),
		} {
			require.Equal(t, http.StatusOK, a.Status, name+a.Body)
			require.Equal(t, alice, a.str("sub"))
			require.Equal(t, "application/json", a.Header.Get("Content-Type"))
		}
		a := h.get("/userinfo", nil, bearer(token), func(r *http.Request) { r.Method = http.MethodPut })
		require.Equal(t, http.StatusMethodNotAllowed, a.Status)
		require.Equal(t, "GET, POST", a.Header.Get("Allow"))
	})
	t.Run("storage down", func(t *testing.T) {
		store := watch(memory.New())
		h := newHarness(t, withStore(store))
		token := h.tokens().str("access_token")
		store.down.Store(true)
		a := h.userinfo(token)
		a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
		require.Empty(t, a.Header.Get("WWW-Authenticate"))
	})
}

// A client that registered for it gets userinfo as a JWT (OpenID Connect Core
// §5.3.2), which passes for no other token.
func TestSignedUserinfo(t *testing.T) {
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		h := newHarness(t, jwtAccess)
		h.clients.with(confidential, func(c *oauth.Client) { c.UserinfoSignedResponseAlg = alg })
		tokens := h.tokens("scope", "openid email")
		a := h.userinfo(tokens.str("access_token"))
		require.Equal(t, http.StatusOK, a.Status, a.Body)
		require.Equal(t, "application/jwt", a.Header.Get("Content-Type"))
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		require.Equal(t, alg, header(t, a.Body)["alg"])
		info := h.verified(t, a.Body)
		require.Equal(t, testIssuer, info["iss"])
		require.Equal(t, confidential, info["aud"])
		require.Equal(t, alice, info["sub"])
		require.Equal(t, "alice@example.com", info["email"])

		h.userinfo(a.Body).challenged(http.StatusUnauthorized, oauth.InvalidToken)
		h.introspect(confidential, a.Body).inactive()
		v := h.get("/authorize", request("id_token_hint", a.Body)).location()
		require.NotEmpty(t, v.Get("error"), "it passed for an ID token")
	}
}

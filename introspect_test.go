package authserver_test

import (
	"context"
	"encoding/json"
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
	"github.com/seed36673005/authserver/storage/memory"
)

// introspect asks about a token as one of the harness's clients.
func (h *harness) introspect(client, token string) *answer {
	h.t.Helper()
	return h.post("/introspect", url.Values{"token": {token}}, as(client))
}

// inactive wants the one answer for all that is not the caller's to know.
func (a *answer) inactive() {
	a.t.Helper()
	require.Equal(a.t, http.StatusOK, a.Status, a.Body)
	require.Equal(a.t, `{"active":false}`, a.Body)
	require.Equal(a.t, "no-store", a.Header.Get("Cache-Control"))
	require.Equal(a.t, "application/json", a.Header.Get("Content-Type"))
}

// jwtAccess makes every access token a JWT.
func jwtAccess(c *authserver.Config) { c.AccessTokenFormat = oauth.AccessTokenJWT }

func TestIntrospectCaller(t *testing.T) {
	t.Run("IN-01", func(t *testing.T) { // no or wrong authentication
		h := newHarness(t)
		token := url.Values{"token": {h.tokens().str("access_token")}}
		for name, edits := range map[string][]func(*http.Request){
			"none": nil, "wrong secret": {basic(confidential, "wrong")}, "unknown": {basic("nobody", secret)},
			"bad scheme": {func(r *http.Request) { r.Header.Set("Authorization", "Digest x") }},
		} {
			t.Run(name, func(t *testing.T) {
				a := h.untouched(t, func() *answer { return h.post("/introspect", token, edits...) })
				a.refused(http.StatusUnauthorized, oauth.InvalidClient)
				require.Contains(t, a.Header.Get("WWW-Authenticate"), `Basic realm="`+testIssuer)
				require.NotContains(t, a.Body, "active")
			})
		}
	})
	t.Run("IN-02", func(t *testing.T) { // GET; token in the query
		h := newHarness(t)
		token := h.tokens().str("access_token")
		a := h.untouched(t, func() *answer { return h.get("/introspect", url.Values{"token": {token}}, as(confidential)) })
		a.refused(http.StatusMethodNotAllowed, oauth.InvalidRequest)
		require.Equal(t, http.MethodPost, a.Header.Get("Allow"))
		h.untouched(t, func() *answer {
			return h.post("/introspect?token="+token, url.Values{"x": {"y"}}, as(confidential))
		}).refused(http.StatusBadRequest, oauth.InvalidRequest)
		h.untouched(t, func() *answer { return h.post("/introspect", url.Values{"x": {"y"}}, as(confidential)) }).
			refused(http.StatusBadRequest, oauth.InvalidRequest)
		h.untouched(t, func() *answer {
			return h.post("/introspect", url.Values{"token": {token, token}}, as(confidential))
		}).refused(http.StatusBadRequest, oauth.InvalidRequest)
	})
	t.Run("IN-03", func(t *testing.T) { // neither owner nor meant for
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			h := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat = format })
			api := "https://api.example/"
			h.clients[api] = &oauth.Client{ID: api, Secrets: h.clients[other].Secrets}
			h.clients["gateway"] = &oauth.Client{ID: "gateway", Secrets: h.clients[other].Secrets, IntrospectAny: true}

			token := h.tokens("resource", api).str("access_token")
			h.introspect(other, token).inactive()
			require.Equal(t, true, h.introspect(confidential, token).json("active"))
			require.Equal(t, true, h.introspect(api, token).json("active"), "the audience")
			require.Equal(t, true, h.introspect("gateway", token).json("active"))

			elsewhere := h.tokens("resource", "https://files.example/").str("access_token")
			h.introspect(api, elsewhere).inactive()
			require.Equal(t, true, h.introspect("gateway", elsewhere).json("active"))
		}
	})
	t.Run("IN-04", func(t *testing.T) { // an end user's token opens nothing
		h := newHarness(t)
		token := h.tokens().str("access_token")
		a := h.untouched(t, func() *answer { return h.post("/introspect", url.Values{"token": {token}}, bearer(token)) })
		a.refused(http.StatusUnauthorized, oauth.InvalidClient)
		require.NotContains(t, a.Body, "active")
	})
	t.Run("IN-15", func(t *testing.T) { // a public client
		h := newHarness(t)
		for _, token := range []string{"garbage", h.tokens().str("access_token")} {
			a := h.untouched(t, func() *answer {
				return h.post("/introspect", url.Values{"token": {token}, "client_id": {public}})
			})
			a.refused(http.StatusUnauthorized, oauth.InvalidClient)
			require.NotEmpty(t, a.Header.Get("WWW-Authenticate"))
		}
	})
}

func TestIntrospectInactive(t *testing.T) {
	t.Run("IN-05", func(t *testing.T) { // unknown, expired, revoked, garbage, another server's
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat = format })
				stranger := newHarness(t, func(c *authserver.Config) { c.Keys, c.AccessTokenFormat = foreignKeys(), format })
				neighbour := newHarness(t, func(c *authserver.Config) {
					c.Issuer, c.AccessTokenFormat = "https://neighbour.example/authentication", format
				})

				expired := h.tokens().str("access_token")
				time.Sleep(time.Hour)
				revoked := h.tokens().str("access_token")
				require.Equal(t, http.StatusOK, h.post("/revoke", url.Values{"token": {revoked}}, as(confidential)).Status)
				live := h.tokens().str("access_token")
				tampered := live[:len(live)-9] + "AAAA" + live[len(live)-5:]
				for _, token := range []string{
					expired, revoked, tampered, "garbage", ".", "..", "as_at_", strings.Repeat("a", 50_000),
					stranger.tokens().str("access_token"), neighbour.tokens().str("access_token"),
				} {
					h.introspect(confidential, token).inactive()
				}
				require.True(t, h.active(live))
			})
		}
	})
	t.Run("IN-06", func(t *testing.T) { // a refresh token is its client's alone
		h := newHarness(t)
		h.clients["gateway"] = &oauth.Client{ID: "gateway", Secrets: h.clients[other].Secrets, IntrospectAny: true}
		token := h.tokens().str("refresh_token")
		h.introspect(other, token).inactive()
		h.introspect("gateway", token).inactive()
		require.True(t, h.active(token))
	})
	t.Run("IN-07", func(t *testing.T) { // an ID token, a code, a device code
		h := newHarness(t)
		h.introspect(confidential, h.tokens().str("id_token")).inactive()
		h.introspect(confidential, h.code()).inactive()
		start := h.startsDevice(t, "openid")
		h.introspect(confidential, start.str("device_code")).inactive()
		h.introspect(confidential, start.str("user_code")).inactive()
	})
	t.Run("IN-08", func(t *testing.T) { // hints do not decide
		h := newHarness(t)
		tokens := h.tokens()
		for _, name := range []string{"access_token", "refresh_token"} {
			for _, hint := range []string{"access_token", "refresh_token", "id_token", "nonsense", "<script>"} {
				a := h.post("/introspect", url.Values{"token": {tokens.str(name)}, "token_type_hint": {hint}}, as(confidential))
				require.Equal(t, true, a.json("active"), name+" "+hint)
			}
		}
	})
	t.Run("IN-09", func(t *testing.T) { // revoked, killed, end user or client gone: at once, on every node
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
				here := newHarness(t, withStore(store), func(c *authserver.Config) { c.AccessTokenFormat = format })
				there := here.sharing(t)
				here.clients["gateway"] = &oauth.Client{ID: "gateway", Secrets: here.clients[other].Secrets, IntrospectAny: true}
				nowhere := func(tokens *answer) {
					t.Helper()
					for _, node := range []*harness{here, there} {
						node.introspect("gateway", tokens.str("access_token")).inactive()
						_, err := node.srv.Introspect(t.Context(), tokens.str("access_token"))
						require.ErrorIs(t, err, oauth.InvalidToken)
					}
				}
				tokens := here.tokens()
				require.True(t, there.active(tokens.str("access_token")))
				here.post("/revoke", url.Values{"token": {tokens.str("access_token")}}, as(confidential))
				nowhere(tokens)

				tokens = here.tokens()
				described, err := there.srv.Introspect(t.Context(), tokens.str("access_token"))
				require.NoError(t, err)
				require.NoError(t, here.srv.RevokeGrant(t.Context(), described.GrantID))
				nowhere(tokens)
				there.introspect(confidential, tokens.str("refresh_token")).inactive()

				tokens = here.tokens()
				require.NoError(t, here.srv.RevokeSubject(t.Context(), alice))
				nowhere(tokens)

				tokens = here.tokens()
				here.gone[alice] = true
				nowhere(tokens)
				here.introspect(confidential, tokens.str("access_token")).inactive()
				here.introspect(confidential, tokens.str("refresh_token")).inactive()
				here.gone[alice] = false
				require.True(t, here.active(tokens.str("access_token")))

				client := here.clients[confidential]
				delete(here.clients, confidential)
				nowhere(tokens)
				here.clients[confidential] = client
				here.clients.with(confidential, func(c *oauth.Client) { c.Disabled = true })
				nowhere(tokens)
			}
		})
	})
	t.Run("IN-13", func(t *testing.T) { // a MiB, and bytes that are no text
		h := newHarness(t)
		h.untouched(t, func() *answer { return h.introspect(confidential, strings.Repeat("a", 1<<20)) }).
			refused(http.StatusRequestEntityTooLarge, oauth.InvalidRequest)
		for _, token := range []string{"\x00\x01", "\xff\xfe", "a\nb"} {
			h.untouched(t, func() *answer { return h.introspect(confidential, token) }).
				refused(http.StatusBadRequest, oauth.InvalidRequest)
		}
		h.introspect(confidential, "日本語\u202e").inactive()
	})
}

func TestIntrospectAnswer(t *testing.T) {
	t.Run("IN-10", func(t *testing.T) { // storage down: 503, and never active
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			store := watch(memory.New())
			h := newHarness(t, withStore(store), func(c *authserver.Config) { c.AccessTokenFormat = format })
			user := h.tokens().str("access_token")
			machine := h.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(confidential)).str("access_token")
			store.down.Store(true)
			for _, token := range []string{user, machine} {
				h.forgetEvents()
				a := h.introspect(confidential, token)
				a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
				require.NotEmpty(t, a.Header.Get("Retry-After"))
				require.NotContains(t, a.Body, "active")
				require.Len(t, h.seen(), 1)
				_, err := h.srv.Introspect(t.Context(), token)
				require.ErrorIs(t, err, oauth.TemporarilyUnavailable)
			}
			store.down.Store(false)
			require.True(t, h.active(user))
		}
	})
	t.Run("IN-11", func(t *testing.T) { // what the host says of a person overrides no member
		h := newHarness(t, func(c *authserver.Config) {
			c.Claims = func(context.Context, string, []string) (map[string]json.RawMessage, error) {
				claims := map[string]json.RawMessage{}
				for _, name := range []string{"active", "iss", "sub", "exp", "client_id", "scope", "aud", "token_type"} {
					claims[name] = json.RawMessage(`"forged"`)
				}
				return claims, nil
			}
		})
		ask := `{"userinfo":{"active":null,"exp":null,"client_id":null,"scope":null,"token_type":null,"sub":null}}`
		a := h.introspect(confidential, h.tokens("claims", ask).str("access_token"))
		require.NotContains(t, a.Body, "forged")
		require.Equal(t, true, a.json("active"))
		require.Equal(t, testIssuer, a.str("iss"))
		require.Equal(t, alice, a.str("sub"))
		require.Equal(t, confidential, a.str("client_id"))
		require.Equal(t, "openid read offline_access", a.str("scope"))
		require.Equal(t, "Bearer", a.str("token_type"))
	})
	t.Run("IN-12", func(t *testing.T) { // a refresh token's own end
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, func(c *authserver.Config) {
				c.Grants = []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{Idle: 5 * time.Hour, Absolute: 8 * time.Hour}}
			})
			begun := time.Now()
			tokens := h.tokens()
			require.EqualValues(t, begun.Add(time.Hour).Unix(), h.introspect(confidential, tokens.str("access_token")).json("exp"))
			a := h.introspect(confidential, tokens.str("refresh_token"))
			require.EqualValues(t, begun.Add(5*time.Hour).Unix(), a.json("exp"))
			require.Nil(t, a.json("token_type"))

			time.Sleep(4 * time.Hour)
			tokens = h.refresh(tokens.str("refresh_token"))
			require.EqualValues(t, begun.Add(8*time.Hour).Unix(), h.introspect(confidential, tokens.str("refresh_token")).json("exp"),
				"the absolute end")
		})
	})
	t.Run("IN-14", func(t *testing.T) { // not cached, JSON whatever is asked for
		h := newHarness(t)
		a := h.post("/introspect", url.Values{"token": {h.tokens().str("access_token")}}, as(confidential), func(r *http.Request) {
			r.Header.Set("Accept", "application/token-introspection+jwt")
		})
		require.Equal(t, http.StatusOK, a.Status)
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
		require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"))
		require.Equal(t, true, a.json("active"))
	})
}

// A JWT access token (RFC 9068): what it says, and that the server's own word
// is the authorization's.
func TestJWTAccessToken(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store), jwtAccess)
		tokens := h.tokens("resource", "https://api.example/")
		text := tokens.str("access_token")
		require.Equal(t, "at+jwt", header(t, text)["typ"])
		access := h.verified(t, text)
		require.Equal(t, testIssuer, access["iss"])
		require.Equal(t, alice, access["sub"])
		require.Equal(t, "https://api.example/", access["aud"])
		require.Equal(t, confidential, access["client_id"])
		require.Equal(t, "openid read offline_access", access["scope"])
		require.NotEmpty(t, access["jti"])
		require.NotEmpty(t, access["auth_time"])
		require.EqualValues(t, 3600, access["exp"].(float64)-access["iat"].(float64))

		a := h.introspect(confidential, text)
		require.Equal(t, true, a.json("active"))
		for _, name := range []string{"iss", "sub", "client_id", "scope", "jti", "exp", "iat", "auth_time"} {
			require.Equal(t, access[name], a.json(name), name)
		}
		require.Equal(t, []any{"https://api.example/"}, a.json("aud"))

		require.Equal(t, http.StatusOK, h.post("/revoke", url.Values{"token": {text}}, as(confidential)).Status)
		h.introspect(confidential, text).inactive()
		require.True(t, h.active(tokens.str("refresh_token")), "one access token was revoked, no more")

		next := h.refresh(tokens.str("refresh_token")).str("access_token")
		require.NotEqual(t, access["jti"], h.verified(t, next)["jti"])
		require.True(t, h.active(next))
	})
}

// A client's own token as a JWT needs no record, and can be revoked all the
// same.
func TestStatelessAccessToken(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		watched := watch(store)
		h := newHarness(t, withStore(watched), jwtAccess)
		var a *answer
		require.Zero(t, watched.during(func() {
			a = h.post("/token", url.Values{"grant_type": {"client_credentials"}, "resource": {"https://api.example/"}}, as(service))
		}))
		access := h.verified(t, a.str("access_token"))
		require.Equal(t, "client:"+service, access["sub"])
		require.Equal(t, service, access["client_id"])
		require.Equal(t, "https://api.example/", access["aud"])
		require.Equal(t, "read", access["scope"])

		described := h.introspect(service, a.str("access_token"))
		require.Equal(t, true, described.json("active"))
		require.Equal(t, "read", described.str("scope"))
		require.Equal(t, access["jti"], described.json("jti"))
		h.introspect(other, a.str("access_token")).inactive()

		second := h.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
		require.Equal(t, http.StatusOK, h.post("/revoke", url.Values{"token": {a.str("access_token")}}, as(service)).Status)
		h.introspect(service, a.str("access_token")).inactive()
		require.Equal(t, true, h.introspect(service, second).json("active"))
	})
}

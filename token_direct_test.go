package authserver_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// credentials asks for a token of the client itself.
func (h *harness) credentials(id string, pairs ...string) *answer {
	h.t.Helper()
	return h.post("/token", change(url.Values{"grant_type": {"client_credentials"}}, pairs...), basic(id, secret))
}

func TestClientCredentialsRefusals(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))

		// Even one that is registered for the grant.
		h.sub("CC-01", func(t *testing.T) {
			form := url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}, "client_id": {public}}
			h.unharmed(func() *answer { return h.post("/token", form) }).refused(http.StatusBadRequest, oauth.UnauthorizedClient)
			h.edited(public, func(c *oauth.Client) { c.GrantTypes = append(c.GrantTypes, oauth.GrantTypeClientCredentials) }, func() {
				h.unharmed(func() *answer { return h.post("/token", form) }).refused(http.StatusBadRequest, oauth.UnauthorizedClient)
			})
		})

		h.sub("CC-02", func(t *testing.T) {
			for _, scope := range []string{"admin", "read admin", "profile", "READ", "*", "email", "read\"write"} {
				h.unharmed(func() *answer { return h.credentials(service, "scope", scope) }).
					refused(http.StatusBadRequest, oauth.InvalidScope)
			}
		})

		h.sub("CC-03", func(t *testing.T) {
			a := h.credentials(service, "scope", "openid offline_access read")
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			require.Equal(t, "read", a.str("scope"))
			require.Nil(t, a.json("id_token"))
			require.Nil(t, a.json("refresh_token"))
		})

		// A client that is called like an end user is not taken for them.
		h.sub("CC-04", func(t *testing.T) {
			c := *h.clients[service]
			c.ID = alice
			c.IntrospectAny = true
			h.clients[alice] = &c
			defer delete(h.clients, alice)
			for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
				c.AccessTokenFormat = format
				token := h.credentials(alice, "scope", "read openid").str("access_token")
				seen := h.post("/introspect", url.Values{"token": {token}}, basic(alice, secret))
				require.Equal(t, true, seen.json("active"))
				require.NotEqual(t, alice, seen.json("sub"))
				h.get("/userinfo", nil, bearer(token)).refused(http.StatusForbidden, oauth.InsufficientScope)
				l, err := h.srv.Introspect(t.Context(), token)
				require.NoError(t, err)
				require.Empty(t, l.Subject)
				if format == oauth.AccessTokenJWT {
					require.Equal(t, "client:"+alice, claims(t, token)["sub"])
				}
			}
		})

		h.sub("CC-05", func(t *testing.T) {
			opaque := h.credentials(service, "scope", "read").str("access_token")
			h.edited(service, func(c *oauth.Client) { c.Disabled = true }, func() {
				h.unharmed(func() *answer { return h.credentials(service, "scope", "read") }).
					refused(http.StatusUnauthorized, oauth.InvalidClient)
				_, err := h.srv.Introspect(t.Context(), opaque)
				require.ErrorIs(t, err, oauth.InvalidToken, "nor are its tokens good")
			})
		})
	})
}

// signIn asks for tokens by a password.
func (h *harness) byPassword(username, password string) *answer {
	h.t.Helper()
	return h.token(url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}, "scope": {"read"}})
}

func TestPasswordOff(t *testing.T) {
	t.Run("CC-06", func(t *testing.T) {
		h := newHarness(t, func(c *authserver.Config) { c.Grants = nil })
		h.unharmed(func() *answer { return h.byPassword("alice", password) }).
			refused(http.StatusBadRequest, oauth.UnsupportedGrantType)
		require.NotContains(t, h.srv.Metadata().GrantTypesSupported, oauth.GrantTypePassword)
		require.NotContains(t, h.get("/.well-known/openid-configuration", nil).Body, `"password"`)
	})
}

// withPassword is the option that replaces the password grant.
func withPassword(g grants.Password) func(*authserver.Config) {
	return func(c *authserver.Config) {
		for i := range c.Grants {
			if _, ok := c.Grants[i].(grants.Password); ok {
				c.Grants[i] = g
			}
		}
	}
}

// counted is checkPassword, counted.
func counted(asked *atomic.Int64) grants.PasswordFunc {
	return func(ctx context.Context, username, given string) (grants.Authenticated, error) {
		asked.Add(1)
		return checkPassword(ctx, username, given)
	}
}

// reference is what makes two refusals differ.
var reference = regexp.MustCompile(`Reference: [A-Z0-9]+`)

func TestPasswordRefusals(t *testing.T) {
	var asked atomic.Int64
	h := newHarness(t, withPassword(grants.Password{Authenticate: counted(&asked), MaxAttempts: -1}))

	// The host is asked for both, and answers both in the same time (see
	// grants.PasswordFunc); what the server adds is the same.
	h.sub("CC-07", func(t *testing.T) {
		unknown := h.unharmed(func() *answer { return h.byPassword("nobody", password) })
		wrong := h.unharmed(func() *answer { return h.byPassword("alice", "wrong") })
		unknown.refused(http.StatusBadRequest, oauth.InvalidGrant)
		require.Equal(t, reference.ReplaceAllString(unknown.Body, ""), reference.ReplaceAllString(wrong.Body, ""))
		require.Equal(t, unknown.Header, wrong.Header)
		require.EqualValues(t, 2, asked.Load())
		require.Equal(t, http.StatusOK, h.byPassword("alice", password).Status)
	})

	// The host says the same of an account that needs more than a password.
	h.sub("CC-09", func(t *testing.T) {
		careful := newHarness(t, withPassword(grants.Password{
			Authenticate: func(context.Context, string, string) (grants.Authenticated, error) {
				return grants.Authenticated{}, grants.ErrBadCredentials
			},
		}))
		a := careful.unharmed(func() *answer { return careful.byPassword("alice", password) })
		a.refused(http.StatusBadRequest, oauth.InvalidGrant)
		wrong := h.byPassword("alice", "wrong")
		require.Equal(t, reference.ReplaceAllString(wrong.Body, ""), reference.ReplaceAllString(a.Body, ""))
	})

	h.sub("CC-10", func(t *testing.T) {
		asked.Store(0)
		for _, c := range []struct {
			name, username, password string
			status                   int
			code                     oauth.Code
		}{
			{"1 MiB", "alice", strings.Repeat("hunter2-", 1<<17), http.StatusRequestEntityTooLarge, oauth.InvalidRequest},
			{"1025 bytes", "alice", strings.Repeat("p", 1025), http.StatusBadRequest, oauth.InvalidGrant},
			{"60 KiB", "alice", strings.Repeat("p", 60<<10), http.StatusBadRequest, oauth.InvalidGrant},
			{"NUL", "alice", "hunter2-\x00" + password, http.StatusBadRequest, oauth.InvalidRequest},
			{"not UTF-8", "alice", "hunter2-\xff", http.StatusBadRequest, oauth.InvalidRequest},
			{"long name", strings.Repeat("a", 256), password, http.StatusBadRequest, oauth.InvalidGrant},
			{"no password", "alice", "", http.StatusBadRequest, oauth.InvalidRequest},
		} {
			t.Log(c.name)
			began := time.Now()
			h.unharmed(func() *answer { return h.byPassword(c.username, c.password) }).refused(c.status, c.code)
			require.Less(t, time.Since(began), time.Second)
		}
		require.Zero(t, asked.Load(), "nobody hashes those")
		h.silent("hunter2", strings.Repeat("p", 100), password)
	})
}

func TestPasswordGuesses(t *testing.T) {
	t.Run("CC-08", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int64
			h := newHarness(t, withPassword(grants.Password{Authenticate: counted(&asked)}))
			var statuses sync.Map
			var guesses sync.WaitGroup
			for i := range 100 {
				guesses.Go(func() { statuses.Store(i, h.byPassword("alice", "guess "+strconv.Itoa(i)).Status) })
			}
			guesses.Wait()
			seen := map[int]int{}
			statuses.Range(func(_, status any) bool { seen[status.(int)]++; return true })
			require.Equal(t, map[int]int{http.StatusBadRequest: 10, http.StatusTooManyRequests: 90}, seen)
			require.EqualValues(t, 10, asked.Load())

			for _, name := range []string{"alice", "ALICE", " alice "} {
				a := h.unharmed(func() *answer { return h.byPassword(name, password) })
				a.refused(http.StatusTooManyRequests, oauth.InvalidGrant)
				require.Equal(t, "900", a.Header.Get("Retry-After"))
			}
			require.EqualValues(t, 10, asked.Load(), "not even the right one is tried")
			time.Sleep(15 * time.Minute)
			require.Equal(t, http.StatusOK, h.byPassword("alice", password).Status)
		})
	})
}

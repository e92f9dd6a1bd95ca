package authserver_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// applications are those of a subject, by client_id.
func (h *harness) applications(subject string) map[string]authserver.Application {
	h.t.Helper()
	list, err := h.srv.Applications(h.t.Context(), subject)
	require.NoError(h.t, err)
	found := map[string]authserver.Application{}
	for _, a := range list {
		found[a.Client.ID] = a
	}
	require.Len(h.t, found, len(list), "each client once")
	return found
}

// revokes wants an application revoked, and no longer among a subject's.
func (h *harness) revokes(subject, clientID string) {
	h.t.Helper()
	require.NoError(h.t, h.srv.RevokeApplication(h.t.Context(), subject, clientID))
	require.NotContains(h.t, h.applications(subject), clientID)
}

// approvesFor makes the host approve for a subject, and remember it if told so.
func (h *harness) approvesFor(subject string, remember bool) {
	h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
		h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: subject, AuthTime: time.Now(), Remember: remember})
	}
}

// otherTokens are a set of the other client.
func (h *harness) otherTokens(pairs ...string) *answer {
	h.t.Helper()
	pairs = append([]string{"client_id", other, "redirect_uri", "https://other.example/cb"}, pairs...)
	a := h.post("/token", redeem(h.code(pairs...), "redirect_uri", "https://other.example/cb"), as(other))
	require.Equal(h.t, http.StatusOK, a.Status, a.Body)
	return a
}

// alive reports whether the other client's access token is live.
func (h *harness) alive(a *answer) bool {
	h.t.Helper()
	_, err := h.srv.Introspect(h.t.Context(), a.str("access_token"))
	return err == nil
}

func scopeNames(scopes []authserver.Scope) (names []string) {
	for _, s := range scopes {
		names = append(names, s.Name)
	}
	return names
}

func TestApplications(t *testing.T) {
	described := authserver.Scope{Name: "read", Description: map[string]string{"": "read everything"}}
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store), func(c *authserver.Config) { c.Scopes = []authserver.Scope{described, {Name: "write"}} })
		h.clients.with(confidential, func(c *oauth.Client) { c.Verified = true })
		h.sub("nobody and nothing", func(t *testing.T) {
			require.Empty(t, h.applications(""))
			require.Empty(t, h.applications(alice))
		})
		h.sub("what clients do for themselves, or have not been given", func(t *testing.T) {
			h.token(change(url.Values{}, "grant_type", "client_credentials", "scope", "read"))
			h.device()
			p, start := h.person(), h.startsDevice(t, "read")
			req, err := p.types(start.str("user_code"))
			require.NoError(t, err)
			p.denies(req.ID)
			require.Empty(t, h.applications(alice))
			require.Empty(t, h.applications(""))
		})
		h.sub("one for each client, of this end user", func(t *testing.T) {
			h.tokens("scope", "openid read")
			h.tokens("scope", "openid write offline_access")
			h.otherTokens("scope", "write")
			h.approvesFor("bob-subject", false)
			h.tokens("scope", "openid email")
			h.interact = nil

			found := h.applications(alice)
			require.Len(t, found, 2)
			a := found[confidential]
			require.Equal(t, *h.clients[confidential], a.Client)
			require.Equal(t, []string{"offline_access", "openid", "read", "write"}, scopeNames(a.Scopes))
			require.Contains(t, a.Scopes, described)
			require.Len(t, a.Grants, 2)
			require.False(t, a.Gone || a.Remembered)
			require.Equal(t, []string{"write"}, scopeNames(found[other].Scopes))
			require.Equal(t, []string{"email", "openid"}, scopeNames(h.applications("bob-subject")[confidential].Scopes))
		})
		h.sub("not what was revoked", func(t *testing.T) {
			for _, id := range h.applications(alice)[confidential].Grants {
				require.NoError(t, h.srv.RevokeGrant(t.Context(), id))
			}
			require.NotContains(t, h.applications(alice), confidential)
		})
		h.sub("a device", func(t *testing.T) {
			code := h.approved(t, "read")
			a := h.applications(alice)[confidential]
			require.Len(t, a.Grants, 1)
			require.Zero(t, a.LastUsed, "it has not come for its tokens")
			tokens := h.poll(code)
			require.NotZero(t, h.applications(alice)[confidential].LastUsed)
			h.revokes(alice, confidential)
			require.False(t, h.alive(tokens))
		})
		h.sub("a consent alone", func(t *testing.T) {
			h.approvesFor(alice, true)
			h.tokens("scope", "openid read")
			h.interact = nil
			a := h.applications(alice)[confidential]
			require.True(t, a.Remembered)
			require.NoError(t, h.srv.RevokeGrant(t.Context(), a.Grants[0]))
			a = h.applications(alice)[confidential]
			require.Empty(t, a.Grants)
			require.Zero(t, a.LastUsed)
			require.NotZero(t, a.Since)
			require.Equal(t, []string{"openid", "read"}, scopeNames(a.Scopes))
			h.revokes(alice, confidential)
			require.Empty(t, h.records(storage.KindConsent))
		})
	})
}

func TestApplicationTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		began := time.Now()
		code := h.code()
		require.Equal(t, []time.Time{began.UTC(), {}}, since(h.applications(alice)[confidential]), "a code that waits")
		time.Sleep(30 * time.Second)
		tokens := h.token(redeem(code))
		require.Equal(t, []time.Time{began.UTC(), began.Add(30 * time.Second).UTC()}, since(h.applications(alice)[confidential]))

		time.Sleep(24 * time.Hour)
		refreshed := h.refresh(tokens.str("refresh_token"))
		again := time.Now().UTC()
		require.Equal(t, again, h.applications(alice)[confidential].LastUsed)
		h.post("/revoke", change(url.Values{}, "token", refreshed.str("access_token")), as(confidential))
		require.Equal(t, again, h.applications(alice)[confidential].LastUsed, "though that token is gone")

		time.Sleep(time.Hour)
		h.otherTokens()
		newer := h.tokens()
		list, err := h.srv.Applications(t.Context(), alice)
		require.NoError(t, err)
		require.Len(t, list, 2)
		a := h.applications(alice)[confidential]
		require.Equal(t, began.UTC(), a.Since)
		token, err := h.srv.Introspect(t.Context(), newer.str("access_token"))
		require.NoError(t, err)
		require.Equal(t, token.GrantID, a.Grants[1], "oldest first")

		time.Sleep(time.Minute)
		h.tokens()
		list, err = h.srv.Applications(t.Context(), alice)
		require.NoError(t, err)
		require.Equal(t, confidential, list[0].Client.ID, "used last first")

		time.Sleep(31 * 24 * time.Hour)
		require.Empty(t, h.applications(alice), "expired")
	})
}

func since(a authserver.Application) []time.Time { return []time.Time{a.Since, a.LastUsed} }

func TestRevokeApplication(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))
		h.sub("everything of one, nothing of another", func(t *testing.T) {
			h.approvesFor("bob-subject", false)
			bobs := h.tokens()
			h.interact = nil
			one, two, theirs, code := h.tokens(), h.tokens(), h.otherTokens(), h.code()
			h.forgetEvents()
			h.revokes(alice, confidential)
			events := h.seen()
			last := events[len(events)-1]
			require.Equal(t, authserver.EventApplicationRevoked, last.Type)
			require.Equal(t, []string{alice, confidential}, []string{last.Subject, last.ClientID})
			h.allDead(one, two)
			h.token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			require.True(t, h.alive(theirs))
			require.True(t, h.active(bobs.str("access_token")))
			h.revokes("bob-subject", confidential)
			h.revokes(alice, other)
			require.False(t, h.alive(theirs))
		})
		h.sub("what is not there", func(t *testing.T) {
			tokens := h.tokens()
			before := versions(t, store)
			for _, none := range [][2]string{{"", ""}, {"", confidential}, {alice, ""}, {alice, "nobody"}, {"nobody", confidential}} {
				require.NoError(t, h.srv.RevokeApplication(t.Context(), none[0], none[1]))
			}
			require.Equal(t, before, versions(t, store))
			require.True(t, h.active(tokens.str("access_token")))
			h.revokes(alice, confidential)
		})
		h.sub("pairwise", func(t *testing.T) {
			h.edited(confidential, func(c *oauth.Client) { c.SubjectType = oauth.SubjectPairwise }, func() {
				tokens := h.tokens()
				pseudonym, _ := claims(t, tokens.str("id_token"))["sub"].(string)
				require.NotEqual(t, alice, pseudonym)
				require.Empty(t, h.applications(pseudonym), "the subject, not what a client is told")
				require.NoError(t, h.srv.RevokeApplication(t.Context(), pseudonym, confidential))
				require.True(t, h.active(tokens.str("access_token")))
				h.revokes(alice, confidential)
				h.allDead(tokens)
			})
		})
		h.sub("JWT access tokens", func(t *testing.T) {
			h.edited(confidential, func(c *oauth.Client) { c.AccessTokenFormat = oauth.AccessTokenJWT }, func() {
				tokens := h.tokens()
				h.revokes(alice, confidential)
				h.allDead(tokens)
			})
		})
		h.sub("a client that is gone", func(t *testing.T) {
			tokens := h.otherTokens()
			registered := h.clients[other]
			delete(h.clients, other)
			a := h.applications(alice)[other]
			require.True(t, a.Gone)
			require.Equal(t, oauth.Client{ID: other}, a.Client)
			require.Len(t, a.Grants, 1)
			h.revokes(alice, other)
			h.clients[other] = registered
			require.False(t, h.alive(tokens), "not even when it is back")
		})
		h.sub("a client that is disabled", func(t *testing.T) {
			h.otherTokens()
			h.edited(other, func(c *oauth.Client) { c.Disabled = true }, func() {
				require.True(t, h.applications(alice)[other].Client.Disabled)
				h.revokes(alice, other)
			})
		})
		h.sub("an end user who is gone", func(t *testing.T) {
			h.tokens()
			h.gone[alice] = true
			defer delete(h.gone, alice)
			h.revokes(alice, confidential)
		})
	})
}

func TestManyAuthorizations(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store), hushed)
		for range 250 {
			h.code("scope", "read")
		}
		h.otherTokens()
		require.Len(t, h.applications(alice)[confidential].Grants, 250)
		h.revokes(alice, confidential)
		require.Contains(t, h.applications(alice), other)
	})
}

// What is read is bounded, whatever there is.
func TestApplicationsAreBounded(t *testing.T) {
	const most = 10_000
	h := newHarness(t, hushed)
	for i := range most + 1 {
		_, err := h.store.Create(t.Context(), storage.Record{
			Kind: storage.KindConsent, Key: strconv.Itoa(i), ClientID: "gone-" + strconv.Itoa(i), Subject: alice,
			Data: []byte(`{"v":1,"sc":["read"],"at":1}`),
		})
		require.NoError(t, err)
	}
	require.Len(t, h.applications(alice), most)
}

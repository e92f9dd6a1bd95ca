package authserver_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// decides approves a request that waits in this browser.
func (p *person) decides(id string, a authserver.Approval) *answer {
	p.h.t.Helper()
	return p.visit(func(w http.ResponseWriter, r *http.Request) { p.h.srv.Approve(w, r, id, a) })
}

// alices is what alice agrees to just now.
func alices() authserver.Approval { return authserver.Approval{Subject: alice, AuthTime: time.Now()} }

// grants are how many authorizations are stored.
func (h *harness) grants() int { return len(h.records(storage.KindGrant)) }

func TestDecisions(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))
		// refused wants a decision to be shown as too late, and nothing stored.
		refused := func(t *testing.T, decide func() *answer) {
			t.Helper()
			before := versions(t, store)
			decide().page(http.StatusBadRequest)
			require.Equal(t, before, versions(t, store))
		}
		h.sub("LC-09", func(t *testing.T) { // begun in one browser, answered in another
			victim, attacker, fresh := h.person(), h.person(), h.person()
			id, own := attacker.asks(request()), victim.asks(request())
			refused(t, func() *answer { return victim.decides(id, alices()) })
			refused(t, func() *answer { return fresh.decides(id, alices()) })
			refused(t, func() *answer { _, a := victim.denies(id); return a })
			fresh.visit(func(_ http.ResponseWriter, r *http.Request) {
				_, err := h.srv.AuthorizationRequest(r, id)
				require.ErrorIs(t, err, authserver.ErrNoRequest)
			})
			require.NotEmpty(t, victim.decides(own, alices()).location().Get("code"))
		})
		h.sub("LC-10", func(t *testing.T) { // twice
			p := h.person()
			approved, denied := p.asks(request()), p.asks(request())
			code := p.decides(approved, alices()).location().Get("code")
			refused(t, func() *answer { return p.decides(approved, alices()) })
			refused(t, func() *answer { _, a := p.denies(approved); return a })
			_, a := p.denies(denied)
			a.redirectedError(oauth.AccessDenied)
			refused(t, func() *answer { return p.decides(denied, alices()) })
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status)
			refused(t, func() *answer { return p.decides(approved, alices()) })
		})
		h.sub("LC-11", func(t *testing.T) { // what counts is what the server stored
			p := h.person()
			id := p.asks(request("scope", "openid read"))
			tampered := url.Values{
				"client_id": {other}, "redirect_uri": {"https://evil.example"}, "scope": {"openid read write"}, "state": {"evil"},
				"subject": {"bob-subject"}, "code_challenge": {challenge("evil")}, "resource": {"https://files.example/"},
			}
			a := p.visit(func(w http.ResponseWriter, r *http.Request) {
				r.Form, r.PostForm, r.URL.RawQuery = tampered, tampered, tampered.Encode()
				h.srv.Approve(w, r, id, alices())
			})
			require.Contains(t, a.Header.Get("Location"), redirect+"?")
			require.Equal(t, "the-state", a.location().Get("state"))
			issued := h.token(redeem(a.location().Get("code")))
			require.Equal(t, "openid read", issued.str("scope"))
			require.Equal(t, alice, claims(t, issued.str("id_token"))["sub"])

			more := alices()
			more.Scopes = []string{"openid", "write"}
			before := h.grants()
			p.decides(p.asks(request("scope", "openid read")), more).redirectedError(oauth.ServerError)
			require.Equal(t, before, h.grants(), "a scope nobody asked for")
			less := alices()
			less.Scopes = []string{"openid"}
			code := p.decides(p.asks(request("scope", "openid read")), less).location().Get("code")
			require.Equal(t, "openid", h.token(redeem(code)).str("scope"))
		})
		h.sub("LC-14", func(t *testing.T) { // two tabs
			p := h.person()
			one := p.asks(request("state", "one"))
			two := p.asks(request("client_id", other, "redirect_uri", "https://other.example/cb", "state", "two", "scope", "write"))
			second := p.decides(two, alices())
			first := p.decides(one, alices())
			require.Contains(t, first.Header.Get("Location"), redirect+"?")
			require.Contains(t, second.Header.Get("Location"), "https://other.example/cb?")
			require.Equal(t, []string{"one", "two"}, []string{first.location().Get("state"), second.location().Get("state")})
			h.token(redeem(second.location().Get("code"), "redirect_uri", "https://other.example/cb")).refused(http.StatusBadRequest, oauth.InvalidGrant)
			require.Equal(t, "openid read offline_access", h.token(redeem(first.location().Get("code"))).str("scope"))
			a := h.post("/token", redeem(second.location().Get("code"), "redirect_uri", "https://other.example/cb"), as(other))
			require.Equal(t, "write", a.str("scope"))
		})
		h.sub("LC-26", func(t *testing.T) { oneCode(t, h) })
	})
	t.Run("LC-26", func(t *testing.T) { // all of them read before one writes
		synctest.Test(t, func(t *testing.T) { oneCode(t, newHarness(t, withStore(slowReads{memory.New()}))) })
	})
	t.Run("LC-10", func(t *testing.T) { // too late
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			p := h.person()
			early, late := p.asks(request()), p.asks(request())
			time.Sleep(10*time.Minute - time.Second)
			require.NotEmpty(t, p.decides(early, alices()).location().Get("code"))
			time.Sleep(time.Second)
			p.decides(late, alices()).page(http.StatusBadRequest)
			p.decides(early, alices()).page(http.StatusBadRequest)
			require.Equal(t, 1, h.grants())
		})
	})
}

// oneCode submits a consent many times at once.
func oneCode(t *testing.T, h *harness) {
	t.Helper()
	p := h.person()
	id := p.asks(request())
	before := h.grants()
	cookies := []*http.Cookie{p.cookies[browserCookie]}
	var mu sync.Mutex
	var codes []string
	statuses := together(32, func() *answer {
		a := h.approveLater(cookies, id, alice)
		if a.Status == http.StatusSeeOther {
			mu.Lock()
			defer mu.Unlock()
			codes = append(codes, a.location().Get("code"))
		}
		return a
	})
	require.Equal(t, map[int]int{http.StatusSeeOther: 1, http.StatusBadRequest: 31}, statuses)
	require.Len(t, codes, 1)
	require.Equal(t, before+1, h.grants())
	require.Equal(t, http.StatusOK, h.token(redeem(codes[0])).Status)
}

func TestRememberedConsent(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))
		h.clients.with(confidential, func(c *oauth.Client) { c.Verified = true })
		h.clients.with(spa, func(c *oauth.Client) { c.Verified = true })
		h.clients.with(public, func(c *oauth.Client) { c.Verified = true })
		consented := func(t *testing.T, subject string, query url.Values) bool {
			t.Helper()
			p := h.person()
			id := p.asks(query)
			var ok bool
			p.visit(func(_ http.ResponseWriter, r *http.Request) {
				req, err := h.srv.AuthorizationRequest(r, id)
				require.NoError(t, err)
				ok, err = h.srv.Consented(r.Context(), req, subject)
				require.NoError(t, err)
			})
			return ok
		}
		agrees := func(query url.Values, scopes ...string) {
			p := h.person()
			a := alices()
			a.Remember, a.Scopes = true, scopes
			require.NotEmpty(t, p.decides(p.asks(query), a).location().Get("code"))
		}
		h.sub("LC-12", func(t *testing.T) {
			mine := func(scope string, pairs ...string) url.Values {
				return request(append([]string{"scope", scope}, pairs...)...)
			}
			require.False(t, consented(t, alice, mine("openid read")))
			agrees(mine("openid read write"), "openid", "read")
			require.True(t, consented(t, alice, mine("openid read")))
			require.True(t, consented(t, alice, mine("read")))
			require.False(t, consented(t, alice, mine("openid read write")), "wider")
			require.False(t, consented(t, alice, mine("openid read", "prompt", "consent")))
			require.False(t, consented(t, "bob-subject", mine("openid read")))
			require.False(t, consented(t, alice, mine("openid read", "client_id", other, "redirect_uri", "https://other.example/cb")))
			agrees(mine("openid write"))
			require.True(t, consented(t, alice, mine("openid read write")), "the one beside the other")

			for id, uri := range map[string]string{
				public: "http://127.0.0.1:5123/cb", spa: "https://spa.example/cb", other: "https://other.example/cb",
			} { // what is public, and who is not verified, is asked for each time
				query := mine("openid read", "client_id", id, "redirect_uri", uri)
				agrees(query)
				require.False(t, consented(t, alice, query), id)
			}
			h.clients.with(confidential, func(c *oauth.Client) { c.Verified = false })
			require.False(t, consented(t, alice, mine("openid read")), "no longer")
			h.clients.with(confidential, func(c *oauth.Client) { c.Verified = true })
			require.NoError(t, h.srv.RevokeSubject(t.Context(), alice))
			require.False(t, consented(t, alice, mine("openid read")), "withdrawn")
		})
	})
}

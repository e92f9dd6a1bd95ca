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
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

const (
	sessionCookie = "__Host-authserver-session"
	browserCookie = "__Host-authserver-browser"
)

// signsIn begins a login session in this browser.
func (p *person) signsIn(subject string) (s *authserver.Session) {
	p.h.t.Helper()
	p.visit(func(w http.ResponseWriter, r *http.Request) {
		var err error
		s, err = p.h.srv.SignIn(w, r, authserver.Approval{Subject: subject, ACR: "mfa", AMR: []string{"pwd", "otp"}})
		require.NoError(p.h.t, err)
	})
	return s
}

// session is that of this browser.
func (p *person) session() (s *authserver.Session) {
	p.h.t.Helper()
	p.visit(func(_ http.ResponseWriter, r *http.Request) {
		var err error
		s, err = p.h.srv.Session(r)
		require.NoError(p.h.t, err)
	})
	return s
}

// plants puts a cookie into this browser.
func (p *person) plants(name, value string) { p.cookies[name] = &http.Cookie{Name: name, Value: value} }

// asks sends an authorization request to a host that shows a page.
func (p *person) asks(query url.Values) (id string) {
	p.h.t.Helper()
	p.h.interact = func(w http.ResponseWriter, _ *http.Request, req *authserver.AuthorizationRequest) {
		id = req.ID
		_, _ = w.Write([]byte("a page"))
	}
	defer func() { p.h.interact = nil }()
	p.visit(func(w http.ResponseWriter, r *http.Request) {
		r.Method, r.URL.Path, r.URL.RawQuery = http.MethodGet, "/authentication/authorize", query.Encode()
		p.h.srv.ServeHTTP(w, r)
	})
	require.NotEmpty(p.h.t, id)
	return id
}

// sessions are how many are stored.
func (h *harness) sessions() int { return len(h.records(storage.KindSession)) }

func TestSessions(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))
		h.sub("LC-01", func(t *testing.T) { // a session that was planted
			planted := strings.Repeat("A", 43)
			p, attacker := h.person(), h.person()
			p.plants(sessionCookie, planted)
			attacker.plants(sessionCookie, planted)
			first := p.signsIn(alice)
			cookie := p.cookies[sessionCookie].Value
			require.NotEqual(t, planted, cookie)
			require.Nil(t, attacker.session())
			require.Equal(t, alice, p.session().Subject)

			attacker.plants(sessionCookie, cookie) // one that the browser had before is no better
			second := p.signsIn("bob-subject")
			require.NotEqual(t, first.ID, second.ID)
			require.Nil(t, attacker.session(), "the session before has ended")
			require.Equal(t, "bob-subject", p.session().Subject)
			require.Equal(t, 1, h.sessions())

			attacker.plants(sessionCookie, second.ID)
			require.Nil(t, attacker.session(), "sid is no way in")
		})
		h.sub("LC-21", func(t *testing.T) { // cookies that are none of ours
			p := h.person()
			p.signsIn(alice)
			good := p.cookies[sessionCookie].Value
			for name, header := range map[string]string{
				"garbage": sessionCookie + "=%%%", "oversized": sessionCookie + "=" + strings.Repeat("x", 30<<10),
				"truncated": sessionCookie + "=" + good[:42], "extended": sessionCookie + "=" + good + "A", "empty": sessionCookie + "=",
				"twice":       sessionCookie + "=" + good + "; " + sessionCookie + "=" + good,
				"and planted": sessionCookie + "=" + good + "; " + sessionCookie + "=" + strings.Repeat("B", 43),
				"other name":  "authserver-session=" + good, "other case": strings.ToLower(sessionCookie) + "=" + good,
				"browser's": browserCookie + "=" + good, "not UTF-8": sessionCookie + "=\xff\xfe", "quoted": sessionCookie + `="` + good[:41] + `"`,
			} {
				stranger := h.person()
				a := stranger.visit(func(w http.ResponseWriter, r *http.Request) {
					r.Header.Set("Cookie", header)
					s, err := h.srv.Session(r)
					require.NoError(t, err, name)
					require.Nil(t, s, name)
					require.NoError(t, h.srv.SignOut(w, r), name)
					h.srv.Approve(w, r, strings.Repeat("i", 43), authserver.Approval{Subject: alice})
				})
				a.page(http.StatusBadRequest)
			}
			require.Equal(t, alice, p.session().Subject)
			p.visit(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, h.srv.SignOut(w, r)) })
			require.Nil(t, p.session())
		})
		h.sub("LC-22", func(t *testing.T) { // the password was changed, the account closed
			p, elsewhere, bob := h.person(), h.person(), h.person()
			p.signsIn(alice)
			elsewhere.signsIn(alice)
			bob.signsIn("bob-subject")
			issued := h.tokens()
			h.interact = approves(h, "bob-subject")
			bobs := h.tokens()
			h.interact = nil
			waiting := p.asks(request())

			require.NoError(t, h.srv.RevokeSubject(t.Context(), alice))
			require.Nil(t, p.session())
			require.Nil(t, elsewhere.session())
			require.False(t, h.active(issued.str("access_token")))
			h.refresh(issued.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
			require.Equal(t, "bob-subject", bob.session().Subject)
			require.True(t, h.active(bobs.str("access_token")))

			h.gone["bob-subject"] = true
			defer delete(h.gone, "bob-subject")
			require.Nil(t, bob.session())
			require.False(t, h.active(bobs.str("access_token")))
			h.refresh(bobs.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
			p.visit(func(w http.ResponseWriter, r *http.Request) {
				h.srv.Approve(w, r, waiting, authserver.Approval{Subject: "bob-subject"})
			}).redirectedError(oauth.AccessDenied)
		})
	})
}

func TestSessionEnds(t *testing.T) {
	t.Run("LC-20", func(t *testing.T) { // by the server's clock, whatever the cookie says
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			p := h.person()
			s := p.signsIn(alice)
			require.Equal(t, 12*time.Hour, s.ExpiresAt.Sub(s.CreatedAt))
			time.Sleep(time.Hour - time.Second)
			require.NotNil(t, p.session(), "in use")
			time.Sleep(time.Hour - time.Second)
			require.NotNil(t, p.session(), "still in use")
			time.Sleep(time.Hour)
			require.Nil(t, p.session(), "idle for an hour")

			began := time.Now()
			p.signsIn(alice)
			for time.Since(began) < 12*time.Hour-time.Minute {
				require.NotNil(t, p.session(), "%v", time.Since(began))
				time.Sleep(10 * time.Minute)
			}
			time.Sleep(12*time.Hour - time.Since(began))
			require.Nil(t, p.session(), "however much it was used")
		})
	})
}

func TestCookies(t *testing.T) {
	set := func(t *testing.T, h *harness) (all []*http.Cookie) {
		p := h.person()
		a := p.visit(func(w http.ResponseWriter, r *http.Request) {
			_, err := h.srv.SignIn(w, r, authserver.Approval{Subject: alice})
			require.NoError(t, err)
		})
		out := p.visit(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, h.srv.SignOut(w, r)) })
		_, waiting := h.wait(request())
		all = append(append(a.Cookie, out.Cookie...), waiting...)
		require.Len(t, all, 3)
		require.Negative(t, out.Cookie[0].MaxAge)
		for _, c := range all {
			require.True(t, c.HttpOnly, c.Name)
			require.Equal(t, http.SameSiteLaxMode, c.SameSite, c.Name)
			require.Equal(t, "/", c.Path, c.Name)
			require.Empty(t, c.Domain, c.Name)
		}
		return all
	}
	t.Run("LC-02", func(t *testing.T) {
		for _, c := range set(t, newHarness(t)) {
			require.True(t, c.Secure, c.Name)
			require.True(t, strings.HasPrefix(c.Name, "__Host-"), c.Name)
		}
		// Browsers refuse such names over plain http, which is for loopback.
		h := newHarness(t)
		plain := newHarness(t, withStore(h.store), func(c *authserver.Config) { c.Issuer = "http://localhost/authentication" })
		for _, c := range set(t, plain) {
			require.False(t, c.Secure, c.Name)
			require.False(t, strings.HasPrefix(c.Name, "__"), c.Name)
		}
	})
	t.Run("LC-27", func(t *testing.T) { // https is kept to
		h := newHarness(t)
		plain := newHarness(t, func(c *authserver.Config) { c.Issuer = "http://localhost/authentication" })
		for name, send := range map[string]func(h *harness) *answer{
			"redirect":    func(h *harness) *answer { return h.get("/authorize", request()) },
			"error":       func(h *harness) *answer { return h.get("/authorize", request("scope", "unknown")) },
			"error page":  func(h *harness) *answer { return h.get("/authorize", nil) },
			"form_post":   func(h *harness) *answer { return h.get("/authorize", request("response_mode", "form_post")) },
			"second time": func(h *harness) *answer { return h.approveLater(nil, strings.Repeat("x", 43), alice) },
		} {
			a := send(h)
			require.Regexp(t, `^max-age=[1-9][0-9]{6,}`, a.Header.Get("Strict-Transport-Security"), name)
			require.NotContains(t, a.Body, "http://", name)
			require.Empty(t, send(plain).Header.Get("Strict-Transport-Security"), name)
		}
	})
}

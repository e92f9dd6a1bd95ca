package authserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// visitor is an end user's browser, before a host that works as the ready-made
// pages do: a login session that is good enough approves, and anything else
// needs a page.
type visitor struct {
	h       *harness
	cookies map[string]string
	session *authserver.Session
	// unasked says that the end user has not consented yet.
	unasked bool
	// asked is the request that the page on show is of.
	asked *authserver.AuthorizationRequest
}

func (h *harness) visitor() *visitor {
	v := &visitor{h: h, cookies: map[string]string{}}
	h.interact = v.host
	return v
}

func (v *visitor) host(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
	session, err := v.h.srv.Session(r)
	require.NoError(v.h.t, err)
	ok, err := v.h.srv.Accepts(r.Context(), req, session)
	require.NoError(v.h.t, err)
	switch {
	case ok && !v.unasked:
		v.h.srv.Approve(w, r, req.ID, authserver.Approval{Session: session})
	case req.NoPages && ok:
		v.h.srv.Deny(w, r, req.ID, oauth.E(oauth.ConsentRequired, "the end user must consent"))
	case req.NoPages && session != nil && req.EssentialACR:
		v.h.srv.Deny(w, r, req.ID, oauth.E(oauth.InteractionRequired, "the end user must do more"))
	case req.NoPages:
		v.h.srv.Deny(w, r, req.ID, oauth.E(oauth.LoginRequired, "the end user must log in"))
	default:
		v.asked = req
		_, _ = w.Write([]byte("a page"))
	}
}

// send carries the browser's cookies along and keeps those it is given.
func (v *visitor) send(method, path string, do http.HandlerFunc) *answer {
	v.h.t.Helper()
	r := httptest.NewRequestWithContext(v.h.t.Context(), method, testIssuer+path, nil)
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	do(w, r)
	for _, c := range w.Result().Cookies() {
		v.cookies[c.Name] = c.Value
	}
	return &answer{t: v.h.t, Status: w.Code, Header: w.Header(), Body: w.Body.String(), Cookie: w.Result().Cookies()}
}

// authorize sends an authorization request.
func (v *visitor) authorize(pairs ...string) *answer {
	v.h.t.Helper()
	v.asked = nil
	return v.send(http.MethodGet, "/authorize?"+request(pairs...).Encode(), v.h.srv.ServeHTTP)
}

// signIn starts a login session for alice, who proved who she is at that time.
func (v *visitor) signIn(at time.Time, acr string) {
	v.h.t.Helper()
	v.send(http.MethodPost, "/login", func(w http.ResponseWriter, r *http.Request) {
		var err error
		v.session, err = v.h.srv.SignIn(w, r, authserver.Approval{Subject: alice, AuthTime: at, ACR: acr})
		require.NoError(v.h.t, err)
	})
}

// approve approves the request that waits, with the session there is.
func (v *visitor) approve() *answer {
	v.h.t.Helper()
	return v.send(http.MethodPost, "/consent", func(w http.ResponseWriter, r *http.Request) {
		v.h.srv.Approve(w, r, v.asked.ID, authserver.Approval{Session: v.session})
	})
}

func (v *visitor) deny() *answer {
	v.h.t.Helper()
	return v.send(http.MethodPost, "/consent", func(w http.ResponseWriter, r *http.Request) {
		v.h.srv.Deny(w, r, v.asked.ID, nil)
	})
}

// shows wants a page, and nothing for the client.
func (v *visitor) shows(a *answer) {
	v.h.t.Helper()
	require.Equal(v.h.t, http.StatusOK, a.Status, a.Header)
	require.Equal(v.h.t, "a page", a.Body)
	require.NotNil(v.h.t, v.asked)
}

// idToken are the claims of the ID token for the code in an answer.
func (v *visitor) idToken(a *answer) map[string]any {
	v.h.t.Helper()
	tokens := v.h.token(redeem(a.location().Get("code")))
	require.Equal(v.h.t, http.StatusOK, tokens.Status, tokens.Body)
	return claims(v.h.t, tokens.str("id_token"))
}

func TestAuthorizePromptNone(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		t.Run("AZ-26", func(t *testing.T) {
			h := newHarness(t, withStore(store))
			v := h.visitor()
			a := h.rejects(func() *answer { return v.authorize("prompt", "none") })
			a.redirectedError(oauth.LoginRequired)
			require.Empty(t, a.Body)

			// A host that shows a page all the same, or sends the browser to one.
			for _, status := range []int{http.StatusOK, http.StatusFound} {
				h.interact = func(w http.ResponseWriter, _ *http.Request, _ *authserver.AuthorizationRequest) {
					http.SetCookie(w, &http.Cookie{Name: "of-the-host", Value: "x"})
					w.Header().Set("Location", "/login")
					w.WriteHeader(status)
					_, _ = w.Write([]byte("a page"))
				}
				a = h.rejects(func() *answer { return h.get("/authorize", request("prompt", "none")) })
				a.redirectedError(oauth.InteractionRequired)
				require.Empty(t, a.Body)
			}
			// One that does nothing at all.
			h.interact = func(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) {}
			h.rejects(func() *answer { return h.get("/authorize", request("prompt", "none")) }).redirectedError(oauth.InteractionRequired)

			v = h.visitor()
			v.signIn(time.Now(), "")
			require.NotEmpty(t, v.authorize("prompt", "none").location().Get("code"), "with a session it works")
		})
		t.Run("AZ-27", func(t *testing.T) {
			h := newHarness(t, withStore(store))
			v := h.visitor()
			v.signIn(time.Now(), "pwd")
			stepUp := `{"id_token":{"acr":{"essential":true,"value":"mfa"}}}`
			h.rejects(func() *answer { return v.authorize("prompt", "none", "claims", stepUp) }).redirectedError(oauth.InteractionRequired)
			v.unasked = true
			h.rejects(func() *answer { return v.authorize("prompt", "none") }).redirectedError(oauth.ConsentRequired)
			h.rejects(func() *answer { return v.authorize("prompt", "none", "claims", stepUp) }).redirectedError(oauth.InteractionRequired)
		})
	})
}

// A login that was good enough before the request is not good enough for it.
func TestAuthorizeAuthenticatesAgain(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		t.Run("AZ-29", func(t *testing.T) {
			h := newHarness(t, withStore(store))
			v := h.visitor()
			before := time.Now().Add(-time.Hour)
			v.signIn(before, "")
			require.EqualValues(t, before.Unix(), v.idToken(v.authorize())["auth_time"], "without prompt the session will do")

			asked := time.Now()
			v.shows(v.authorize("prompt", "login"))
			require.True(t, v.asked.MustAuthenticate)
			h.rejects(v.approve).redirectedError(oauth.LoginRequired)
			v.signIn(time.Now(), "")
			id := v.idToken(v.approve())
			require.GreaterOrEqual(t, id["auth_time"], float64(asked.Unix()))
		})
		t.Run("AZ-30", func(t *testing.T) {
			h := newHarness(t, withStore(store))
			v := h.visitor()
			v.signIn(time.Now().Add(-time.Hour), "")
			v.shows(v.authorize("prompt", "login"))
			a := v.deny()
			a.redirectedError(oauth.AccessDenied)
			require.Equal(t, "the-state", a.location().Get("state"))
			h.untouched(t, v.approve).page(http.StatusBadRequest) // it was answered
			require.NotEmpty(t, v.authorize().location().Get("code"), "the session is as it was")
		})
		t.Run("AZ-33", func(t *testing.T) {
			h := newHarness(t, withStore(store))
			v := h.visitor()
			at := time.Now().Add(-2 * time.Minute)
			v.signIn(at, "")
			v.shows(v.authorize("max_age", "60"))
			h.rejects(v.approve).redirectedError(oauth.LoginRequired)
			h.rejects(func() *answer { return v.authorize("max_age", "60", "prompt", "none") }).redirectedError(oauth.LoginRequired)
			require.EqualValues(t, at.Unix(), v.idToken(v.authorize("max_age", "600"))["auth_time"])

			age := 60
			h.clients.with(confidential, func(c *oauth.Client) { c.DefaultMaxAge = &age })
			v.shows(v.authorize())
			require.NotEmpty(t, v.authorize("max_age", "600").location().Get("code"), "the request's own counts")

			// An approval that does not know its time is none.
			h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
				h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice})
			}
			h.sendsBack(oauth.LoginRequired, request("max_age", "600"))
		})
	})
}

// To the millisecond, where that is known of the login.
func TestAuthorizeMaxAgeZero(t *testing.T) {
	t.Run("AZ-31", func(t *testing.T) {
		for _, pairs := range [][]string{{"max_age", "0"}, {"prompt", "login"}, {"prompt", "login", "max_age", "3600"}} {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				v := h.visitor()
				// All in one second, and still before the request.
				time.Sleep(1500 * time.Millisecond)
				v.signIn(time.Now(), "")
				time.Sleep(200 * time.Millisecond)
				v.shows(v.authorize(pairs...))
				h.rejects(v.approve).redirectedError(oauth.LoginRequired)
				h.rejects(func() *answer { return v.authorize("max_age", "0", "prompt", "none") }).redirectedError(oauth.LoginRequired)

				time.Sleep(10 * time.Second)
				v.shows(v.authorize(pairs...))
				v.signIn(time.Now(), "")
				require.EqualValues(t, time.Now().Unix(), v.idToken(v.approve())["auth_time"])
			})
		}
	})
	t.Run("AZ-31 whole seconds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			v := h.visitor()
			time.Sleep(700 * time.Millisecond)
			v.shows(v.authorize("max_age", "0"))
			time.Sleep(100 * time.Millisecond)
			v.signIn(time.Now().Truncate(time.Second), "") // a host that knows no more
			require.NotEmpty(t, v.approve().location().Get("code"))
		})
	})
}

func TestAuthorizeACR(t *testing.T) {
	t.Run("AZ-34", func(t *testing.T) {
		h := newHarness(t)
		achieved := ""
		h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice, AuthTime: time.Now(), ACR: achieved})
		}
		essential := []string{"claims", `{"id_token":{"acr":{"essential":true,"values":["mfa","hardware"]}}}`}
		for _, acr := range []string{"", "pwd", "MFA"} {
			achieved = acr
			h.sendsBack(oauth.UnmetAuthenticationRequirements, request(essential...))
			// Wanted, and not demanded: what is said of it is true.
			for _, wanted := range [][]string{{"acr_values", "mfa"}, {"claims", `{"id_token":{"acr":{"value":"mfa"}}}`}} {
				got, found := claims(t, h.tokens(wanted...).str("id_token"))["acr"]
				require.Equal(t, acr != "", found)
				require.True(t, !found || got == acr)
			}
		}
		achieved = "hardware"
		require.Equal(t, "hardware", claims(t, h.tokens(essential...).str("id_token"))["acr"])
	})
}

// What a client would like shown is carried to the pages as data, in bounds.
func TestAuthorizeHints(t *testing.T) {
	t.Run("AZ-37", func(t *testing.T) {
		h := newHarness(t)
		v := h.visitor()
		const markup = `"><script>alert(1)</script>`
		v.shows(v.authorize("login_hint", markup, "ui_locales", "de "+markup))
		require.Equal(t, markup, v.asked.LoginHint)
		require.Equal(t, []string{"de", markup}, v.asked.UILocales)

		long := strings.Repeat("x", 10<<10)
		for _, name := range []string{"login_hint", "ui_locales"} {
			a := v.authorize(name, long)
			v.shows(a)
			require.Empty(t, v.asked.LoginHint)
			require.Empty(t, v.asked.UILocales)
			for name, value := range v.cookies {
				require.Less(t, len(name)+len(value), 256)
			}
			h.rejects(func() *answer { return h.get("/authorize", request(name, strings.Repeat(long, 10))) }).page(http.StatusRequestURITooLong)
			h.rejects(func() *answer { return h.post("/authorize", request(name, strings.Repeat(long, 10))) }).page(http.StatusRequestEntityTooLarge)
		}
		h.sendsBack(oauth.InvalidRequest, request("acr_values", strings.Repeat("x ", 1<<10)))
	})
}

func TestAuthorizeClaims(t *testing.T) {
	t.Run("AZ-39", func(t *testing.T) {
		h := newHarness(t)
		for _, broken := range []string{
			"{", "[]", `"x"`, "null", "{}{}", `{"id_token":1}`, `{"id_token":[]}`, `{"userinfo":{"email":"x"}}`,
			`{"userinfo":{"email":{"essential":"yes"}}}`, `{"userinfo":{"email":{"values":1}}}`, "\ufeff{}",
			strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20),
			`{"a":"}}}}}}}}}}}}","b":` + strings.Repeat("[", 12) + strings.Repeat("]", 12) + "}",
		} {
			h.sendsBack(oauth.InvalidRequest, request("claims", broken))
		}
		for _, deep := range []string{
			strings.Repeat("[", 10_000),
			strings.Repeat(`{"a":`, 4_000),
			`{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		} {
			h.within(10*time.Millisecond, http.MethodPost, request("claims", deep), refusal(oauth.InvalidRequest))
		}
		large := request("claims", `{"a":"`+strings.Repeat("x", 1<<20)+`"}`)
		h.within(10*time.Millisecond, http.MethodPost, large, errorPage(http.StatusRequestEntityTooLarge))
	})
	t.Run("AZ-39 accepted", func(t *testing.T) {
		h := newHarness(t)
		for _, asked := range []string{
			"{}", " {}", `{"unknown":{"a":[1]}}`, `{"id_token":{"email":null}}`, `{"id_token":{"email":{}}}`,
			`{"id_token":{"email":{"essential":true}},"userinfo":null}`,
			`{"id_token":{"email":{"value":"[[[[[[[[[[{{{{\"\\"}}}`,
		} {
			id := claims(t, h.tokens("claims", asked, "scope", "openid").str("id_token"))
			require.Equal(t, strings.Contains(asked, "email"), id["email"] == "alice@example.com", asked)
		}
		// What the protocol says is the server's, whatever is asked.
		id := claims(t, h.tokens("claims", `{"id_token":{"sub":null,"iss":{"value":"https://evil.example"},"aud":{"value":"x"},"exp":{"value":1}}}`).str("id_token"))
		require.Equal(t, []any{alice, testIssuer, confidential}, []any{id["sub"], id["iss"], id["aud"]})
	})
	t.Run("AZ-36 sub by claims", func(t *testing.T) {
		h := newHarness(t)
		h.sendsBack(oauth.LoginRequired, request("claims", fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, "bob")))
		require.NotEmpty(t, h.code("claims", fmt.Sprintf(`{"id_token":{"sub":{"value":%q}}}`, alice)))
	})
}

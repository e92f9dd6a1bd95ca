package authserver_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
)

// called is a call of the host's as an answer: 503 for trouble.
func (h *harness) called(f func(w http.ResponseWriter, r *http.Request) error, cookies ...*http.Cookie) *answer {
	h.t.Helper()
	return h.decide(func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		require.ErrorIs(h.t, err, oauth.TemporarilyUnavailable)
		http.Error(w, "", http.StatusServiceUnavailable)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("X-Frame-Options", "DENY")
	}, cookies)
}

// signedIn is a browser with a login session.
func (h *harness) signedIn() []*http.Cookie {
	h.t.Helper()
	return h.called(func(w http.ResponseWriter, r *http.Request) error {
		_, err := h.srv.SignIn(w, r, authserver.Approval{Subject: alice})
		return err
	}).Cookie
}

// session is that of a browser, or nil.
func (h *harness) session(browser []*http.Cookie) *authserver.Session {
	h.t.Helper()
	session, err := h.srv.Session(h.later(browser))
	require.NoError(h.t, err)
	return session
}

// usable wants live tokens, and a chain that goes on.
func usable(h *harness, a *answer) {
	h.t.Helper()
	require.True(h.t, h.active(a.str("access_token")))
	if token := a.str("refresh_token"); token != "" {
		h.refreshed(token)
	}
}

// redeemable wants a code that can be redeemed.
func redeemable(h *harness, a *answer) {
	h.t.Helper()
	require.Equal(h.t, http.StatusOK, h.token(redeem(a.location().Get("code"))).Status)
}

func answered(*harness, *answer) {}

var codeExchange = flow{
	name: "code exchange", done: usable, again: oauth.InvalidGrant, whole: true,
	begin: func(h *harness) func() *answer {
		code := h.code()
		return func() *answer { return h.token(redeem(code)) }
	},
}

var refreshFlow = flow{
	name: "refresh", done: usable, whole: true,
	begin: func(h *harness) func() *answer {
		token := h.tokens().str("refresh_token")
		return func() *answer { return h.refresh(token) }
	},
}

// tokenFlows are the others at the token endpoint and for devices.
var tokenFlows = []flow{
	{
		name: "client credentials", done: usable, whole: true,
		begin: func(h *harness) func() *answer {
			return func() *answer { return h.token(url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}) }
		},
	},
	{
		name: "password", done: usable, whole: true,
		begin: func(h *harness) func() *answer { return func() *answer { return h.byPassword("alice", password) } },
	},
	{
		name: "device start", whole: true,
		begin: func(h *harness) func() *answer {
			return func() *answer {
				return h.post("/device_authorization", url.Values{"scope": {"read"}}, basic(confidential, secret))
			}
		},
		done: func(h *harness, a *answer) {
			h.approveDevice(a.str("user_code"))
			poll := url.Values{"grant_type": {oauth.GrantTypeDeviceCode}, "device_code": {a.str("device_code")}}
			usable(h, h.token(poll))
		},
	},
	{
		name: "device look-up", whole: true, done: answered,
		begin: func(h *harness) func() *answer {
			_, userCode := h.device()
			return func() *answer {
				return h.called(func(w http.ResponseWriter, r *http.Request) error {
					_, err := h.srv.DeviceRequest(w, r, userCode)
					return err
				})
			}
		},
	},
	deviceDecision("device approval", "", func(h *harness, w http.ResponseWriter, r *http.Request, id string) {
		h.srv.Approve(w, r, id, authserver.Approval{Subject: alice, AuthTime: time.Now()})
	}),
	deviceDecision("device denial", oauth.AccessDenied, func(h *harness, w http.ResponseWriter, r *http.Request, id string) {
		h.srv.Deny(w, r, id, nil)
	}),
	{
		name: "device redemption", done: usable, again: oauth.InvalidGrant, whole: true,
		begin: func(h *harness) func() *answer {
			poll, userCode := h.device()
			h.approveDevice(userCode)
			return func() *answer { return h.token(poll) }
		},
	},
}

// deviceDecision is an end user's, after which a poll comes to outcome.
func deviceDecision(name string, outcome oauth.Code, decide func(h *harness, w http.ResponseWriter, r *http.Request, id string)) flow {
	var poll url.Values
	return flow{
		name: name, again: oauth.InvalidRequest,
		begin: func(h *harness) func() *answer {
			var userCode string
			poll, userCode = h.device()
			id, browser := h.confirm(userCode)
			return func() *answer {
				return h.decide(func(w http.ResponseWriter, r *http.Request) { decide(h, w, r, id) }, browser)
			}
		},
		done: func(h *harness, _ *answer) {
			if a := h.token(poll); outcome != "" {
				a.refused(http.StatusBadRequest, outcome)
			} else {
				usable(h, a)
			}
		},
	}
}

// pageFlows are those of a browser.
var pageFlows = []flow{
	{
		name: "authorize, answered at once", done: redeemable,
		begin: func(h *harness) func() *answer { return func() *answer { return h.get("/authorize", request()) } },
	},
	{
		name: "authorize with tokens in the URL", whole: true,
		begin: func(h *harness) func() *answer {
			return func() *answer { return h.get("/authorize", request("response_type", "code id_token token")) }
		},
		done: func(h *harness, a *answer) {
			require.True(h.t, h.active(a.location().Get("access_token")))
			redeemable(h, a)
		},
	},
	{
		name: "authorize with a page", whole: true,
		begin: func(h *harness) func() *answer {
			return func() *answer {
				defer func() { h.interact = nil }()
				h.interact = func(w http.ResponseWriter, _ *http.Request, req *authserver.AuthorizationRequest) {
					_, _ = w.Write([]byte(req.ID))
				}
				return h.get("/authorize", request())
			}
		},
		done: func(h *harness, a *answer) { redeemable(h, h.approveLater(a.Cookie, a.Body, alice)) },
	},
	{
		name: "approval on a page", done: redeemable, again: oauth.InvalidRequest,
		begin: func(h *harness) func() *answer {
			id, browser := h.wait(request())
			return func() *answer {
				return h.decide(func(w http.ResponseWriter, r *http.Request) {
					h.srv.Approve(w, r, id, authserver.Approval{Subject: alice, AuthTime: time.Now(), Remember: true})
				}, browser)
			}
		},
	},
	{
		name: "sign-in", whole: true,
		begin: func(h *harness) func() *answer {
			return func() *answer {
				return h.called(func(w http.ResponseWriter, r *http.Request) error {
					_, err := h.srv.SignIn(w, r, authserver.Approval{Subject: alice})
					return err
				})
			}
		},
		done: func(h *harness, a *answer) { require.NotNil(h.t, h.session(a.Cookie)) },
	},
	again(),
	signOut(),
	{
		name: "session", whole: true, done: answered,
		begin: func(h *harness) func() *answer {
			browser := h.signedIn()
			return func() *answer {
				return h.called(func(_ http.ResponseWriter, r *http.Request) error {
					session, err := h.srv.Session(r)
					require.Equal(h.t, err == nil, session != nil)
					return err
				}, browser...)
			}
		},
	},
}

// again is a sign-in in a browser that has a session.
func again() flow {
	var old []*http.Cookie
	return flow{
		name: "sign-in again", whole: true,
		begin: func(h *harness) func() *answer {
			old = h.signedIn()
			return func() *answer {
				return h.called(func(w http.ResponseWriter, r *http.Request) error {
					_, err := h.srv.SignIn(w, r, authserver.Approval{Subject: alice})
					return err
				}, old...)
			}
		},
		done: func(h *harness, a *answer) {
			require.NotNil(h.t, h.session(a.Cookie))
			require.Nil(h.t, h.session(old), "the session before has ended")
		},
	}
}

func signOut() flow {
	var browser []*http.Cookie
	return flow{
		name: "sign-out", whole: true,
		begin: func(h *harness) func() *answer {
			browser = h.signedIn()
			return func() *answer { return h.called(h.srv.SignOut, browser...) }
		},
		done: func(h *harness, _ *answer) { require.Nil(h.t, h.session(browser)) },
	}
}

// knowing are the flows that say what is known of tokens, or end them: they
// must never say more than is so.
var knowing = []flow{
	revocation("revocation of a refresh token", func(h *harness) string { return h.tokens().str("refresh_token") }),
	revocation("revocation of an access token", func(h *harness) string { return h.tokens().str("access_token") }),
	revocation("revocation of a JWT", func(h *harness) string {
		return h.credentials(service, "scope", "read").str("access_token")
	}),
	revocationOfSubject(),
	{
		name: "introspection", whole: true,
		begin: func(h *harness) func() *answer {
			token := h.tokens().str("access_token")
			return func() *answer {
				return h.post("/introspect", url.Values{"token": {token}}, basic(confidential, secret))
			}
		},
		done: func(h *harness, a *answer) { require.Equal(h.t, true, a.json("active")) },
	},
	{
		name: "userinfo", whole: true,
		begin: func(h *harness) func() *answer {
			token := h.tokens().str("access_token")
			return func() *answer { return h.get("/userinfo", nil, bearer(token)) }
		},
		done: func(h *harness, a *answer) { require.Equal(h.t, alice, a.str("sub")) },
	},
}

func revocation(name string, token func(h *harness) string) flow {
	var ended, id string
	return flow{
		name: name, whole: true,
		begin: func(h *harness) func() *answer {
			ended, id = token(h), confidential
			if strings.Count(ended, ".") == 2 {
				id = service
			}
			return func() *answer { return h.post("/revoke", url.Values{"token": {ended}}, basic(id, secret)) }
		},
		done: func(h *harness, _ *answer) {
			a := h.post("/introspect", url.Values{"token": {ended}}, basic(id, secret))
			require.Equal(h.t, `{"active":false}`, a.Body)
		},
	}
}

func revocationOfSubject() flow {
	var tokens []*answer
	return flow{
		name: "revocation of a subject", whole: true, partly: true,
		begin: func(h *harness) func() *answer {
			subject := rand.Text()
			h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
				h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: subject})
			}
			tokens = []*answer{h.tokens(), h.tokens()}
			h.interact = nil
			return func() *answer {
				return h.called(func(_ http.ResponseWriter, r *http.Request) error {
					return h.srv.RevokeSubject(r.Context(), subject)
				})
			}
		},
		done: func(h *harness, _ *answer) { h.allDead(tokens...) },
	}
}

package authserver_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
)

// wait sends an authorization request to a host that shows a page, and returns
// the request's id and the browser's cookies.
func (h *harness) wait(query url.Values) (id string, cookies []*http.Cookie) {
	h.t.Helper()
	before := h.interact
	h.interact = func(w http.ResponseWriter, _ *http.Request, req *authserver.AuthorizationRequest) {
		id = req.ID
		_, _ = w.Write([]byte("a page"))
	}
	defer func() { h.interact = before }()
	a := h.get("/authorize", query)
	require.Equal(h.t, http.StatusOK, a.Status, a.Body)
	return id, a.Cookie
}

// later is a request of the same browser, to a page of the host.
func (h *harness) later(cookies []*http.Cookie) *http.Request {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, testIssuer+"/consent", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

// approveLater approves from a page.
func (h *harness) approveLater(cookies []*http.Cookie, id, subject string) *answer {
	h.t.Helper()
	return h.decide(func(w http.ResponseWriter, r *http.Request) {
		h.srv.Approve(w, r, id, authserver.Approval{Subject: subject, AuthTime: time.Now()})
	}, cookies)
}

// denyLater denies from a page.
func (h *harness) denyLater(cookies []*http.Cookie, id string, reason *oauth.Error) *answer {
	h.t.Helper()
	return h.decide(func(w http.ResponseWriter, r *http.Request) { h.srv.Deny(w, r, id, reason) }, cookies)
}

func (h *harness) decide(decision http.HandlerFunc, cookies []*http.Cookie) *answer {
	h.t.Helper()
	w := httptest.NewRecorder()
	decision(w, h.later(cookies))
	return &answer{t: h.t, Status: w.Code, Header: w.Header(), Body: w.Body.String(), Cookie: w.Result().Cookies()}
}

func mustSigners(t testing.TB) []crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return []crypto.Signer{key}
}

func TestARequestIsAnsweredOnceInItsOwnBrowser(t *testing.T) {
	h := newHarness(t)
	id, cookies := h.wait(request())
	_, strangers := h.wait(request())

	h.approveLater(strangers, id, alice).page(http.StatusBadRequest)
	h.approveLater(nil, id, alice).page(http.StatusBadRequest)
	require.NotEmpty(t, h.approveLater(cookies, id, alice).location().Get("code"))
	h.approveLater(cookies, id, alice).page(http.StatusBadRequest)
	h.denyLater(cookies, id, nil).page(http.StatusBadRequest)
}

func TestDenial(t *testing.T) {
	h := newHarness(t)
	id, cookies := h.wait(request())
	h.denyLater(cookies, id, nil).redirectedError(oauth.AccessDenied)
}

func TestNoPageIsShownWhenNoneIsWanted(t *testing.T) {
	h := newHarness(t)
	h.interact = func(w http.ResponseWriter, _ *http.Request, _ *authserver.AuthorizationRequest) {
		_, _ = w.Write([]byte("please log in"))
	}
	a := h.get("/authorize", request("prompt", "none"))
	a.redirectedError(oauth.InteractionRequired)
	require.NotContains(t, a.Body, "please log in")
}

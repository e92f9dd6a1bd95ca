package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	callback = "http://127.0.0.1:9999/callback"
	password = "some password"
)

// alice is the one user of all tests: her password is slow to hash.
var alice = newUsers(map[string]string{"alice": password})

// visitor is a browser at the example, with an authorization request to begin
// with.
type visitor struct {
	t       *testing.T
	srv     *httptest.Server
	client  http.Client
	request string
}

func newVisitor(t *testing.T) *visitor {
	srv := httptest.NewUnstartedServer(nil)
	h, err := newHost("http://"+srv.Listener.Addr().String()+"/authentication", alice)
	require.NoError(t, err)
	srv.Config.Handler = h.routes()
	srv.Start()
	t.Cleanup(srv.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	query := url.Values{
		"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"some state"}, "code_challenge_method": {"S256"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
	}
	return &visitor{
		t: t, srv: srv, request: srv.URL + "/authentication/authorize?" + query.Encode(),
		client: http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

func (v *visitor) read(resp *http.Response, err error) (*http.Response, string) {
	v.t.Helper()
	require.NoError(v.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	return resp, string(body)
}

var requestID = regexp.MustCompile(`name="request" value="([^"]+)"`)

// begin opens the login page and returns the request's id.
func (v *visitor) begin() string {
	v.t.Helper()
	resp, body := v.read(v.client.Get(v.request))
	require.Equal(v.t, http.StatusOK, resp.StatusCode, body)
	require.Contains(v.t, body, "127.0.0.1:9999")
	found := requestID.FindStringSubmatch(body)
	require.NotNil(v.t, found, body)
	return html.UnescapeString(found[1])
}

func (v *visitor) send(id, name, password, decision string) (*http.Response, string) {
	v.t.Helper()
	return v.read(v.client.PostForm(v.srv.URL+"/login", url.Values{
		"request": {id}, "username": {name}, "password": {password}, "decision": {decision},
	}))
}

// answer is what the client is told.
func (v *visitor) answer(resp *http.Response) url.Values {
	v.t.Helper()
	location, err := resp.Location()
	require.NoError(v.t, err)
	require.Equal(v.t, "127.0.0.1:9999", location.Host)
	return location.Query()
}

func TestAllow(t *testing.T) {
	v := newVisitor(t)
	resp, _ := v.send(v.begin(), "alice", password, "allow")
	require.NotEmpty(t, v.answer(resp).Get("code"))
}

func TestDeny(t *testing.T) {
	v := newVisitor(t)
	id := v.begin()
	resp, _ := v.send(id, "", "", "deny")
	require.Equal(t, "access_denied", v.answer(resp).Get("error"))

	resp, _ = v.send(id, "alice", password, "allow") // answered once
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

func TestWrongPassword(t *testing.T) {
	v := newVisitor(t)
	id := v.begin()
	for _, name := range []string{"alice", "nobody"} {
		resp, body := v.send(id, name, "wrong", "allow")
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		require.Contains(t, body, "Name or password is wrong.")
	}
	resp, _ := v.send(id, "alice", password, "allow") // the request still waits
	require.NotEmpty(t, v.answer(resp).Get("code"))
}

func TestAnotherBrowser(t *testing.T) {
	v := newVisitor(t)
	id := v.begin()
	v.client.Jar = nil
	resp, _ := v.send(id, "alice", password, "allow")
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

func TestNoPages(t *testing.T) {
	v := newVisitor(t)
	resp, _ := v.read(v.client.Get(v.request + "&prompt=none"))
	require.Equal(t, "login_required", v.answer(resp).Get("error"))
}

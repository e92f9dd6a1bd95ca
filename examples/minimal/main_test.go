package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func start(t *testing.T, secret string) *httptest.Server {
	srv := httptest.NewUnstartedServer(nil)
	handler, err := newHandler("http://"+srv.Listener.Addr().String(), secret)
	require.NoError(t, err)
	srv.Config.Handler = handler
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

func token(t *testing.T, srv *httptest.Server, id, secret string, form url.Values) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	resp, err := srv.Client().Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var answer map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(t, http.StatusOK, resp.StatusCode, answer)
	return answer
}

func TestClientCredentials(t *testing.T) {
	srv := start(t, "some secret")
	answer := token(t, srv, "service", "some+secret", url.Values{"grant_type": {"client_credentials"}})
	require.NotEmpty(t, answer["access_token"])
}

func TestCode(t *testing.T) {
	const verifier, callback = "a-verifier-that-is-long-enough-for-RFC-7636", "http://127.0.0.1:9999/callback"
	srv := start(t, "some secret")
	challenge := sha256.Sum256([]byte(verifier))
	answer := authorize(t, srv, url.Values{
		"client_id": {"service"}, "redirect_uri": {callback}, "response_type": {"code"},
		"scope": {"openid offline_access"}, "state": {"some state"}, "prompt": {"consent"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	})
	require.Equal(t, "some state", answer.Get("state"))

	tokens := token(t, srv, "service", "some+secret", url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier},
	})
	require.NotEmpty(t, tokens["id_token"])
	refresh, _ := tokens["refresh_token"].(string)
	fresh := token(t, srv, "service", "some+secret", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	require.NotEmpty(t, fresh["access_token"])
}

// authorize returns what the client is told.
func authorize(t *testing.T, srv *httptest.Server, query url.Values) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/authorize?"+query.Encode(), http.NoBody)
	require.NoError(t, err)
	resp, err := browser.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	location, err := resp.Location()
	require.NoError(t, err)
	return location.Query()
}

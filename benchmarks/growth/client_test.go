package growth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

const (
	issuer   = "https://login.example"
	callback = "https://app.example/callback"
	verifier = "a-code-verifier-of-at-least-forty-three-characters"
	secret   = "cs_0123456789abcdef0123456789abcdef0123456789a"
)

// A client calls a server without a network between them.
type client struct {
	srv     *authserver.Server
	subject int
}

// tokens are those of one authorization.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func newClient(t *testing.T, st storage.Storage) *client {
	hushed := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	ring, err := keys.Managed(st, []byte("thirty-two bytes, all of them known"), keys.ManagedOptions{Algorithms: []string{keys.ES256}, Logger: hushed})
	require.NoError(t, err)
	c := &client{}
	c.srv, err = authserver.New(authserver.Config{
		Issuer: issuer, Storage: st, Keys: ring, Clients: app{}, Logger: hushed,
		Interact: func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			c.subject++
			req.Server.Approve(w, r, req.ID, authserver.Approval{Subject: fmt.Sprint("sample ", c.subject), AuthTime: time.Now()})
		},
	})
	require.NoError(t, err)
	return c
}

// app is the one client there is.
type app struct{}

// Client implements authserver.ClientSource.
func (app) Client(_ context.Context, id string) (*oauth.Client, error) {
	digest := sha256.Sum256([]byte(secret))
	return &oauth.Client{
		ID: id, RedirectURIs: []string{callback}, Scopes: []string{oauth.ScopeOpenID, oauth.ScopeOfflineAccess},
		GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken},
		Secrets:    []oauth.Secret{{Digest: "sha256:" + base64.RawURLEncoding.EncodeToString(digest[:])}},
	}, nil
}

func (c *client) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.srv.ServeHTTP(w, r)
	return w
}

func (c *client) post(t *testing.T, path string, form url.Values) []byte {
	r := httptest.NewRequest(http.MethodPost, issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("app", secret)
	w := c.do(r)
	if w.Code != http.StatusOK {
		t.Fatal(path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func (c *client) authorize(t *testing.T) *tokens {
	challenge := sha256.Sum256([]byte(verifier))
	w := c.do(httptest.NewRequest(http.MethodGet, issuer+"/authorize?"+url.Values{
		"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"state"},
		"scope": {"openid offline_access"}, "prompt": {"consent"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode(), http.NoBody))
	location, err := w.Result().Location()
	require.NoError(t, err, w.Body)
	x := new(tokens)
	require.NoError(t, json.Unmarshal(c.post(t, "/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}), x))
	return x
}

func (c *client) refresh(t *testing.T, x *tokens) {
	if err := json.Unmarshal(c.post(t, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {x.Refresh}}), x); err != nil {
		t.Fatal(err)
	}
}

func (c *client) introspect(t *testing.T, x *tokens) {
	if answer := c.post(t, "/introspect", url.Values{"token": {x.Access}}); !strings.HasPrefix(string(answer), `{"active":true`) {
		t.Fatal(string(answer))
	}
}

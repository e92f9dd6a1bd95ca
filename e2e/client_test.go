package e2e

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"golang.org/x/oauth2"
)

// A relyingParty is a client's own origin: it takes any answer and shows a
// page that loads nothing.
type relyingParty struct{ *httptest.Server }

func startClient(t *testing.T) relyingParty {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Client</title><link rel="icon" href="data:,"><p id="answered">Answered.`)
	}))
	t.Cleanup(srv.Close)
	return relyingParty{srv}
}

func (c relyingParty) redirectURI() string { return c.URL + "/callback" }

// request is an authorization request of a client that only looks at pages.
func request(p provider, redirectURI string, more url.Values) string {
	q := url.Values{
		"client_id": {p.ClientID}, "redirect_uri": {redirectURI}, "response_type": {"code"},
		"scope": {"openid profile email"}, "state": {"some state"}, "code_challenge_method": {"S256"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())},
	}
	maps.Copy(q, more)
	return p.Issuer + "/authorize?" + q.Encode()
}

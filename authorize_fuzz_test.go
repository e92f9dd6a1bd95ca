package authserver_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// forgetful stores nothing of what is created, so that a long run stays small.
type forgetful struct{ storage.Storage }

func (forgetful) Create(_ context.Context, r storage.Record) (storage.Record, error) { return r, nil }

// Whatever the query, the server lives on, and neither redirect nor form leads
// anywhere but to a registered address of the client that is named.
func FuzzAuthorize(f *testing.F) {
	for _, seed := range authorizeSeeds() {
		f.Add(seed)
	}
	h := newHarness(f, withStore(forgetful{memory.New()}), func(c *authserver.Config) {
		c.Events, c.Logger = nil, slog.New(slog.DiscardHandler)
	})
	h.clients[visitorClient] = nativeClient("javascript:alert(1)", "http://localhost:8080/cb?a=1", "https://good.example/")
	f.Fuzz(func(t *testing.T, query string) {
		h.t = t
		a := h.raw(query)
		require.Less(t, a.Status, http.StatusInternalServerError)
		target := a.Header.Get("Location")
		if a.Status == http.StatusOK {
			target, _ = a.form()
		}
		if target == "" {
			require.GreaterOrEqual(t, a.Status, http.StatusBadRequest)
			return
		}
		asked, err := url.ParseQuery(query)
		require.NoError(t, err)
		require.Len(t, asked["client_id"], 1)
		requireRegistered(t, h.clients[asked.Get("client_id")], target)
	})
}

// requireRegistered wants an address that begins with a registered one, read
// as a browser would, the port of loopback aside.
func requireRegistered(t *testing.T, c *oauth.Client, target string) {
	t.Helper()
	require.NotNil(t, c)
	at, err := url.Parse(target)
	require.NoError(t, err)
	require.Nil(t, at.User)
	require.NotContains(t, target, `\`)
	require.NotContains(t, []string{"javascript", "data", "vbscript", "blob", "file", "about"}, at.Scheme)
	require.True(t, slices.ContainsFunc(c.RedirectURIs, func(uri string) bool {
		known, err := url.Parse(uri)
		require.NoError(t, err)
		port := at.Port() == known.Port() || c.ApplicationType == oauth.ApplicationNative && known.Scheme == "http"
		return port && at.Scheme == known.Scheme && at.Hostname() == known.Hostname() && at.EscapedPath() == known.EscapedPath() &&
			strings.HasPrefix(at.RawQuery, known.RawQuery)
	}), target)
}

// authorizeSeeds are requests of every kind: good ones in each mode, and what
// the cases of redirect URIs send.
func authorizeSeeds() []string {
	seeds := []string{"", "client_id=", "client_id=confidential&client_id=other", "%zz", "a;b", "client_id=confidential&redirect_uri", "&=&"}
	for _, pairs := range [][]string{
		{},
		{"response_mode", "form_post"},
		{"response_type", "code id_token token", "response_mode", "fragment"},
		{"response_type", "id_token", "response_mode", "query"},
		{"prompt", "none", "max_age", "0", "acr_values", "mfa"},
		{"claims", `{"id_token":{"acr":{"essential":true,"value":"mfa"}}}`},
		{"id_token_hint", "e30.e30.e30"},
		{"state", "\r\n&#%\"<>"},
		{"client_id", public, "redirect_uri", "http://127.0.0.1:53123/cb"},
		{"client_id", public, "redirect_uri", "com.app:/cb", "response_mode", "form_post"},
		{"client_id", visitorClient, "redirect_uri", "javascript:alert(1)"},
		{"client_id", visitorClient, "redirect_uri", "http://localhost:1/cb?a=1", "scope", "openid"},
		{"request", "x"},
		{"resource", "https://api.example/"},
	} {
		seeds = append(seeds, request(pairs...).Encode())
	}
	for _, c := range refusedRedirects {
		for _, asked := range c.asked {
			seeds = append(seeds, request("redirect_uri", asked).Encode())
		}
	}
	return seeds
}

package ui

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/discovery"
	"github.com/seed36673005/authserver/oauth"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Contoso":                   "Contoso",
		" a\r\n b\tc ":              "a b c",
		"Bank\u202Egpj.exe":         "Bankgpj.exe",
		"a\u200Bb\x00c\x1b[31m":     "abc[31m",
		"\xff\xfe":                  "",
		strings.Repeat("ä", 500):    strings.Repeat("ä", maxText-1) + "…",
		"\u2066 \u2069\u00a0\u3000": "",
	} {
		require.Equal(t, want, clean(in))
	}
}

func TestInitial(t *testing.T) {
	for in, want := range map[string]string{"alice": "A", "  (ßeta)": "ß", "": "•", "!?": "•", "7up": "7", "øre": "Ø"} {
		require.Equal(t, strings.ToUpper(want), strings.ToUpper(initial(in)))
	}
}

func TestClientShown(t *testing.T) {
	show := func(c oauth.Client) *Client { return client(&c) }
	require.Equal(t, "the-id", show(oauth.Client{ID: "the-id", Name: "\u200b"}).Name)
	for _, logo := range []string{"http://cdn.example/x.png", "https://u:p@cdn.example/x.png", "https://cdn.example;script-src/x", "javascript:alert(1)", "data:image/png,x"} {
		require.Empty(t, show(oauth.Client{Verified: true, LogoURI: logo}).Logo, logo)
	}
	hostile := show(oauth.Client{PolicyURI: "javascript:alert(1)", TermsURI: "data:text/html,x", LogoURI: "https://cdn.example/x.png"})
	require.Equal(t, Client{Initial: "•", Unverified: true}, *hostile)
}

func TestRemembering(t *testing.T) {
	confidential := []oauth.Secret{{ID: "1"}}
	for _, tc := range []struct {
		name string
		req  authserver.AuthorizationRequest
		want bool
	}{
		{"verified and confidential", authserver.AuthorizationRequest{Client: oauth.Client{Verified: true, Secrets: confidential}}, true},
		{"unverified", authserver.AuthorizationRequest{Client: oauth.Client{Secrets: confidential}}, false},
		{"public", authserver.AuthorizationRequest{Client: oauth.Client{Verified: true}}, false},
		{"device", authserver.AuthorizationRequest{Device: true, Client: oauth.Client{Verified: true, Secrets: confidential}}, false},
		{"loopback", authserver.AuthorizationRequest{RedirectHost: "[::1]:80", Client: oauth.Client{Verified: true, Secrets: confidential}}, false},
	} {
		require.Equal(t, tc.want, mayRemember(&tc.req), tc.name)
	}
}

func TestLoopbackHosts(t *testing.T) {
	for _, host := range []string{"localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:80", "127.8.8.8"} {
		require.True(t, isLoopback(host), host)
	}
	for _, host := range []string{"", "example.com", "localhost.example.com", "10.0.0.1:80", "com.example.app:"} {
		require.False(t, isLoopback(host), host)
	}
}

// TestHostilePages renders every kind of page with markup in every text.
func TestHostilePages(t *testing.T) {
	const evil = `"><script>alert(1)</script><b x='`
	s := newSite(New(Options{Users: noUsers{}, Name: evil, Links: []Link{{Text: map[string]string{"": evil}, URL: "/x"}}}), nil,
		discovery.Metadata{Issuer: "https://login.example.com"})
	req := &authserver.AuthorizationRequest{
		ID: evil, RedirectHost: evil, Resources: []string{evil}, Claims: []string{evil}, LoginHint: evil, UILocales: []string{evil},
		Client: oauth.Client{ID: evil, Name: evil, PolicyURI: "https://x/" + evil, TermsURI: "https://x/" + evil, Verified: true, LogoURI: "https://x/" + evil},
		Scopes: []authserver.Scope{{Name: evil}, {Name: "x", Description: map[string]string{"": evil}}},
	}
	for _, kind := range kinds {
		r := httptest.NewRequest("GET", "/", nil)
		w := httptest.NewRecorder()
		p := s.newPage(r, kind, req)
		describe(p, req)
		p.Problem, p.Username, p.UserCode = evil, evil, evil
		p.Account = &Account{Name: evil, Initial: evil, Detail: evil, Token: evil, SwitchURL: "/" + evil}
		p.Application = &Application{Client: Client{Name: evil, Initial: evil, Logo: "https://x/" + evil}, ID: evil, RevokeURL: "/" + evil, Permissions: p.Permissions}
		p.Applications, p.Revoked = []Application{*p.Application, {ID: evil, Gone: true}}, evil
		p.Fault = &Fault{Code: evil, Description: evil, Reference: evil}
		s.offerLanguages(w, r, p, "login", "interaction", evil)
		s.show(w, r, 200, p)
		require.Equal(t, 200, w.Code, kind)
		require.NotContains(t, w.Body.String(), "<script", kind)
		require.NotContains(t, w.Body.String(), "<b x", kind)
		require.NotContains(t, w.Header().Get("Content-Security-Policy"), "script>", kind)
	}
}

func TestAgo(t *testing.T) {
	c, err := newCatalogue(nil, nil)
	require.NoError(t, err)
	for _, tc := range []struct {
		ago    time.Duration
		en, de string
	}{
		{-time.Hour, "just now", "gerade eben"}, // another replica's clock
		{59 * time.Second, "just now", "gerade eben"},
		{time.Minute, "a minute ago", "vor einer Minute"},
		{59 * time.Minute, "59 minutes ago", "vor 59 Minuten"},
		{time.Hour, "an hour ago", "vor einer Stunde"},
		{24 * time.Hour, "a day ago", "vor einem Tag"},
		{59 * 24 * time.Hour, "59 days ago", "vor 59 Tagen"},
		{60 * 24 * time.Hour, "2 months ago", "vor 2 Monaten"},
		{800 * 24 * time.Hour, "2 years ago", "vor 2 Jahren"},
	} {
		at := time.Now().Add(-tc.ago)
		require.Equal(t, tc.en, (&Page{locale: c.locales[0]}).Ago(at))
		require.Equal(t, tc.de, (&Page{locale: c.locales[1]}).Ago(at))
	}
}

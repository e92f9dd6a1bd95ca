package ui

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/discovery"
	"github.com/seed36673005/authserver/storage/memory"
)

func TestValidate(t *testing.T) {
	users := NewUsers(memory.New())
	require.NoError(t, New(Options{Users: users}).Validate())
	require.NoError(t, New(Options{
		Users: users, Name: "Example", LogoURL: "/logo.svg", AccentColor: "#0A7B6E", BrowserKey: []byte("Zk3tq8Zt1mX0bq4hU7dE2vR9sY6wC5aL"),
		Links: []Link{{URL: "https://example.com/privacy"}, {URL: "mailto:help@example.com"}, {URL: "/imprint"}},
	}).Validate())

	err := New(Options{
		LogoURL: "https://cdn.example.com/logo.svg", AccentColor: "red", Languages: []string{"xx"}, BrowserKey: bytes.Repeat([]byte{7}, 32),
		Links:     []Link{{URL: "javascript:alert(1)"}},
		Templates: fstest.MapFS{"login.html": {Data: []byte(`{{define "content"}}{{.}`)}},
	}).Validate()
	for _, field := range []string{"Users", "LogoURL", "AccentColor", "Languages", "BrowserKey", "Links", "Templates"} {
		require.ErrorContains(t, err, "ui: Options."+field)
	}
}

func TestOwnPaths(t *testing.T) {
	for _, s := range []string{"/logo.svg", "/a/b?c"} {
		require.True(t, isOwnImage(s), s)
	}
	for _, s := range []string{"//evil.example/x", `/\evil.example`, "/\t/evil", "logo.svg", "http://x/y.png", "data:text/html,x"} {
		require.False(t, isOwnImage(s), s)
	}
}

func TestReplacedTemplates(t *testing.T) {
	u := New(Options{Users: noUsers{}, Templates: fstest.MapFS{
		"logged_out.html": {Data: []byte(`{{define "content"}}<h1 id="logged-out">Bye, {{.Name}}</h1>{{end}}`)},
		"style.css":       {Data: []byte("body { color: red }")},
	}, Name: "<Example>"})
	require.NoError(t, u.Validate())
	s := newSite(u, nil, discovery.Metadata{Issuer: "https://login.example.com"})
	w := httptest.NewRecorder()
	s.loggedOut(w, httptest.NewRequest("GET", "/logout", nil))
	require.Contains(t, w.Body.String(), `<h1 id="logged-out">Bye, &lt;Example&gt;</h1>`)
	require.Contains(t, w.Body.String(), "<!doctype html>")
	require.True(t, strings.HasSuffix(string(u.views.style.body), "body { color: red }"))
	require.NotEqual(t, New(Options{}).views.style.name, u.views.style.name)
}

func TestLogo(t *testing.T) {
	u := New(Options{Users: noUsers{}, LogoURL: "data:image/png;base64,AAAA"})
	s := newSite(u, nil, discovery.Metadata{Issuer: "https://login.example.com"})
	w := httptest.NewRecorder()
	s.loggedOut(w, httptest.NewRequest("GET", "/logout", nil))
	require.Contains(t, w.Body.String(), `<img src="data:image/png;base64,AAAA"`)
}

func TestSites(t *testing.T) {
	u := New(Options{Users: noUsers{}})
	for _, issuer := range []string{"https://example.com/a", "https://example.com/a/b", "https://example.com/c"} {
		u.sites = append(u.sites, newSite(u, nil, discovery.Metadata{Issuer: issuer}))
	}
	for path, want := range map[string]string{"/a/x": "/a", "/a/b/x": "/a/b", "/c/authorize": "/c", "/elsewhere": "/a"} {
		require.Equal(t, want, u.siteAt(path).path, path)
	}
}

package admin_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/ui"
)

const (
	origin = "https://admin.example.com"
	base   = origin + "/clients"
	issuer = "https://login.example.com/authentication"
)

// Who asks, by bearer token or, of a browser, by cookie.
const (
	root     = "root"     // may do everything
	reader   = "reader"   // may look
	acme     = "acme"     // may do everything to clients of the tenant acme
	outsider = "outsider" // may not be here
)

// A fixture is a console beside the server whose clients it manages.
type fixture struct {
	*testing.T
	service *clientreg.Service
	server  *authserver.Server
	console *admin.Console

	mu     sync.Mutex
	events []clientreg.Event
	log    strings.Builder
}

func (fx *fixture) Write(p []byte) (int, error) {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	return fx.log.Write(p)
}

// newFixture changes the options by f, which may be nil.
func newFixture(t *testing.T, f func(*clientreg.ServiceOptions, *admin.Options)) *fixture {
	t.Helper()
	fx := &fixture{T: t}
	store, secret := memory.New(), make([]byte, 32)
	rand.Read(secret)
	logger := slog.New(slog.NewTextHandler(fx, nil))
	so := clientreg.ServiceOptions{Storage: store, Permit: permit, InitialState: oauth.StatePending, Events: fx.note}
	ao := admin.Options{Actor: actor, Origins: []string{origin}, Path: "/clients", Name: "Example", Logger: logger, Challenge: `Bearer realm="clients"`}
	if f != nil {
		f(&so, &ao)
	}
	var err error
	fx.service, err = clientreg.NewService(so)
	require.NoError(t, err)
	ring, err := keys.Managed(store, secret, keys.ManagedOptions{Algorithms: []string{keys.ES256}})
	require.NoError(t, err)
	fx.server, err = authserver.New(authserver.Config{
		Issuer: issuer, Storage: store, Keys: ring, Clients: fx.service, Logger: logger,
		Pages:  ui.New(ui.Options{Users: ui.NewUsers(store), Logger: logger}),
		Grants: []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{}, grants.ClientCredentials{}},
	})
	require.NoError(t, err)
	ao.Service = fx.service
	fx.console, err = admin.New(ao)
	require.NoError(t, err)
	return fx
}

// actor knows people by a cookie and programs by a bearer token.
func actor(r *http.Request) (clientreg.Actor, error) {
	name, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if cookie, err := r.Cookie("host-session"); err == nil && !bearer {
		name, bearer = cookie.Value, true
	}
	switch {
	case !bearer:
		return clientreg.Actor{}, nil
	case name == outsider:
		return clientreg.Actor{}, errors.New("no administrator")
	}
	return clientreg.Person(name), nil
}

func permit(_ context.Context, actor clientreg.Actor, action clientreg.Action, c *oauth.Client) error {
	switch {
	case actor.ID == root,
		actor.ID == acme && c.Tenant == "acme",
		actor.ID == reader && (action == clientreg.ActionGet || action == clientreg.ActionList || action == clientreg.ActionAuthorizations):
		return nil
	}
	return oauth.AccessDenied
}

func (fx *fixture) note(_ context.Context, ev clientreg.Event) {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	fx.events = append(fx.events, ev)
}

// told are the events since it was asked last.
func (fx *fixture) told() []clientreg.Event {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	told := fx.events
	fx.events = nil
	return told
}

// add registers a client without going through the console.
func (fx *fixture) add(c oauth.Client) clientreg.Issued {
	fx.Helper()
	if c.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = oauth.AuthMethodBasic
	}
	if len(c.GrantTypes) == 0 && c.Type != oauth.TypeOAuth1 {
		c.GrantTypes = []string{oauth.GrantTypeClientCredentials, oauth.GrantTypeAuthorizationCode}
	}
	if len(c.RedirectURIs) == 0 {
		c.RedirectURIs = []string{"https://app.example.com/cb"}
	}
	made, err := fx.service.Create(fx.Context(), clientreg.System, c)
	if errors.Is(err, oauth.AccessDenied) {
		made, err = fx.service.Create(fx.Context(), clientreg.Person(root), c)
	}
	require.NoError(fx, err)
	fx.told()
	return made
}

// token is an access token that a client has for itself.
func (fx *fixture) token(id, secret string) (status int, accessToken string) {
	fx.Helper()
	r := httptest.NewRequest(http.MethodPost, issuer+"/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	w := httptest.NewRecorder()
	fx.server.ServeHTTP(w, r)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(fx, json.Unmarshal(w.Body.Bytes(), &answer))
	return w.Code, answer.AccessToken
}

// lives reports whether a token is accepted.
func (fx *fixture) lives(accessToken string) bool {
	_, err := fx.server.Introspect(fx.Context(), accessToken)
	return err == nil
}

// A call is one request of a program.
type call struct {
	method, path string // below api/
	as           string
	body         string
	header       map[string]string
}

func (fx *fixture) do(c call) *httptest.ResponseRecorder {
	fx.Helper()
	r := httptest.NewRequest(c.method, base+"/api/"+c.path, strings.NewReader(c.body))
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.as != "" {
		r.Header.Set("Authorization", "Bearer "+c.as)
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	fx.console.ServeHTTP(w, r)
	return w
}

// A browser is one of somebody who is signed in to the host, without scripts.
type browser struct {
	fx  *fixture
	jar http.CookieJar
	as  string
	// lang is its Accept-Language.
	lang string
}

func (fx *fixture) browser(as string) *browser {
	fx.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(fx, err)
	return &browser{fx: fx, jar: jar, as: as}
}

// A page is what a browser shows.
type page struct {
	*httptest.ResponseRecorder
	b    *browser
	url  *url.URL
	root *html.Node
	text string
}

func (b *browser) send(method, target string, form url.Values, header map[string]string) *page {
	b.fx.Helper()
	u, err := url.Parse(base + "/")
	require.NoError(b.fx, err)
	u, err = u.Parse(target)
	require.NoError(b.fx, err)
	r := httptest.NewRequest(method, u.String(), strings.NewReader(form.Encode()))
	r.Header.Set("Accept-Language", b.lang)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range header {
		if value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, value)
	}
	if b.as != "" {
		r.AddCookie(&http.Cookie{Name: "host-session", Value: b.as})
	}
	for _, c := range b.jar.Cookies(u) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.fx.console.ServeHTTP(w, r)
	b.jar.SetCookies(u, w.Result().Cookies())
	p := &page{ResponseRecorder: w, b: b, url: u, text: w.Body.String()}
	p.root, err = html.Parse(strings.NewReader(p.text))
	require.NoError(b.fx, err)
	return p
}

func (b *browser) get(target string) *page {
	b.fx.Helper()
	return b.send(http.MethodGet, target, nil, nil)
}

// follow goes where a page leads.
func (p *page) follow() *page {
	p.b.fx.Helper()
	require.Equal(p.b.fx, http.StatusSeeOther, p.Code, p.text)
	return p.b.get(p.Header().Get("Location"))
}

// find is the element of that id, or nil.
func (p *page) find(id string) *html.Node {
	for n := range p.root.Descendants() {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// form is the one that the element of that id sends, as it would be sent.
func (p *page) form(id string) (action string, values url.Values) {
	p.b.fx.Helper()
	n := p.find(id)
	require.NotNil(p.b.fx, n, "no %s on %s: %s", id, p.url, p.text)
	for n.Data != "form" {
		n = n.Parent
		require.NotNil(p.b.fx, n)
	}
	values = url.Values{}
	for field := range n.Descendants() {
		collect(field, values)
	}
	return attr(n, "action"), values
}

// collect adds what a browser would send of an element.
func collect(n *html.Node, values url.Values) {
	name := attr(n, "name")
	switch {
	case n.Type != html.ElementNode || name == "":
	case n.Data == "input" && (attr(n, "type") == "checkbox" || attr(n, "type") == "radio"):
		if has(n, "checked") {
			values.Add(name, attr(n, "value"))
		}
	case n.Data == "input":
		values.Add(name, attr(n, "value"))
	case n.Data == "textarea":
		values.Set(name, content(n))
	case n.Data == "select":
		for option := range n.Descendants() {
			if option.Data == "option" && (has(option, "selected") || !values.Has(name)) {
				values.Set(name, attr(option, "value"))
			}
		}
	}
}

// press sends the form of a button, with some fields changed.
func (p *page) press(id string, nameValues ...string) *page {
	p.b.fx.Helper()
	action, values := p.form(id)
	for i := 0; i+1 < len(nameValues); i += 2 {
		values.Set(nameValues[i], nameValues[i+1])
	}
	return p.b.send(http.MethodPost, action, values, nil)
}

// shown is the text of the element of that id.
func (p *page) shown(id string) string {
	p.b.fx.Helper()
	n := p.find(id)
	require.NotNil(p.b.fx, n, "no %s on %s: %s", id, p.url, p.text)
	if n.Data == "input" {
		return attr(n, "value")
	}
	return strings.Join(strings.Fields(content(n)), " ")
}

func content(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

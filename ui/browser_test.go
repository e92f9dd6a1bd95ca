package ui_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/ui"
)

const (
	issuer   = "https://login.example.com/authentication"
	callback = "https://app.example.com/cb"
	password = "correct horse battery"
	verifier = "a-code-verifier-that-is-long-enough-for-rfc-7636-xx"
)

// A fixture is a real server with pages, a few users and a few clients.
type fixture struct {
	*testing.T
	store   *memory.Store
	users   *ui.StoredUsers
	srv     *authserver.Server
	alice   ui.User
	secrets map[string]string // by client_id
	log     lockedBuffer
}

// A lockedBuffer is a log that many requests write to.
type lockedBuffer struct {
	mu sync.Mutex
	strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Builder.Write(p)
}

// newFixture changes the defaults by f, which may be nil.
func newFixture(t *testing.T, f func(*authserver.Config, *ui.Options)) *fixture {
	t.Helper()
	store := memory.New()
	fx := &fixture{T: t, store: store, users: ui.NewUsers(store), secrets: map[string]string{}}
	fx.alice = fx.addUser("alice", "Alice Archer")
	fx.addUser("bob", "Bob Baker")
	fx.addClients()

	logger := slog.New(slog.NewTextHandler(&fx.log, nil))
	options := ui.Options{Name: "Example", Users: fx.users, Logger: logger}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	source, err := keys.Static([]byte("Zk3tq8Zt1mX0bq4hU7dE2vR9sY6wC5aL"), signer)
	require.NoError(t, err)
	cfg := authserver.Config{
		Issuer: issuer, Storage: store, Keys: source, Logger: logger,
		Grants: []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{}, grants.DeviceCode{}},
		Claims: fx.users.Claims, CheckSubject: fx.users.Check,
		Scopes: []authserver.Scope{{Name: "orders", Description: map[string]string{"": "read your orders", "de": "Ihre Bestellungen lesen"}}, {Name: "odd"}},
	}
	if f != nil {
		f(&cfg, &options)
	}
	cfg.Pages = ui.New(options)
	fx.srv, err = authserver.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NotContains(t, fx.log.String(), password) })
	return fx
}

func (fx *fixture) addUser(name, full string) ui.User {
	fx.Helper()
	user, err := fx.users.Create(fx.Context(), ui.User{Username: name, Claims: map[string]any{"name": full}}, password)
	require.NoError(fx, err)
	return user
}

// addClients registers a verified web client, one nobody vouches for, a
// native one and a device.
func (fx *fixture) addClients() {
	fx.Helper()
	scopes := []string{"openid", "profile", "email", "offline_access", "orders", "odd"}
	native := "http://127.0.0.1/cb"
	for _, c := range []oauth.Client{
		{
			ID: "web", Name: "Reports", Verified: true, RedirectURIs: []string{callback}, TokenEndpointAuthMethod: oauth.AuthMethodBasic,
			LogoURI: "https://cdn.example.net/logo.png", PolicyURI: "https://app.example.com/policy", TermsURI: "https://app.example.com/terms",
		},
		{ID: "other", Name: "Other", RedirectURIs: []string{callback + "2"}, TokenEndpointAuthMethod: oauth.AuthMethodBasic, LogoURI: "https://cdn.example.net/evil.png"},
		{ID: "native", Name: "Tool", Verified: true, ApplicationType: oauth.ApplicationNative, RedirectURIs: []string{native}, TokenEndpointAuthMethod: oauth.AuthMethodNone},
		{ID: "tv", Name: "Television", Verified: true, GrantTypes: []string{oauth.GrantTypeDeviceCode}, TokenEndpointAuthMethod: oauth.AuthMethodNone},
	} {
		c.Scopes = scopes
		if len(c.GrantTypes) == 0 {
			c.GrantTypes = []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}
		}
		_, secret, err := clientreg.New(fx.store).Create(fx.Context(), c)
		require.NoError(fx, err)
		fx.secrets[c.ID] = secret
	}
}

// A browser keeps cookies and follows no redirect by itself.
type browser struct {
	fx      *fixture
	jar     http.CookieJar
	headers http.Header
}

func (fx *fixture) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(fx, err)
	return &browser{fx: fx, jar: jar, headers: http.Header{}}
}

// A page is a response to a browser.
type page struct {
	*http.Response
	b    *browser
	url  *url.URL
	body string
}

func (b *browser) do(method, target string, form url.Values) *page {
	b.fx.Helper()
	base, _ := url.Parse(issuer + "/")
	u, err := base.Parse(target)
	require.NoError(b.fx, err)
	r := httptest.NewRequestWithContext(b.fx.Context(), method, u.String(), strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range b.headers {
		r.Header[name] = values
	}
	for _, c := range b.jar.Cookies(u) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.fx.srv.ServeHTTP(w, r)
	b.jar.SetCookies(u, w.Result().Cookies())
	return &page{Response: w.Result(), b: b, url: u, body: w.Body.String()}
}

func (b *browser) get(target string) *page { return b.do(http.MethodGet, target, nil) }

// authorize begins an authorization request and goes where it leads on our
// own pages.
func (b *browser) authorize(client string, extra ...string) *page {
	b.fx.Helper()
	sum := sha256.Sum256([]byte(verifier))
	redirect := map[string]string{"web": callback, "other": callback + "2", "native": "http://127.0.0.1:4711/cb"}[client]
	q := url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "scope": {"openid profile"}, "state": {"st-" + client},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
	}
	return b.get("authorize?" + q.Encode()).follow()
}

// follow follows redirects as far as they stay on our pages.
func (p *page) follow() *page {
	p.b.fx.Helper()
	for p.StatusCode == http.StatusSeeOther || p.StatusCode == http.StatusFound {
		to, err := p.url.Parse(p.Header.Get("Location"))
		require.NoError(p.b.fx, err)
		if !strings.HasPrefix(to.String(), issuer+"/") {
			return p
		}
		p = p.b.get(to.String())
	}
	return p
}

var (
	formPattern   = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)".*?</form>`)
	fieldPattern  = regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]*>`)
	valuePattern  = regexp.MustCompile(` value="([^"]*)"`)
	buttonPattern = regexp.MustCompile(`<button[^>]*?(?: name="([^"]+)" value="([^"]+)")? id="([^"]+)"`)
)

// form is what a browser would send when that button is pressed, and where.
func (p *page) form(button string) (action string, fields url.Values) {
	p.b.fx.Helper()
	for _, form := range formPattern.FindAllStringSubmatch(p.body, -1) {
		for _, b := range buttonPattern.FindAllStringSubmatch(form[0], -1) {
			if b[3] != button {
				continue
			}
			fields = url.Values{}
			for _, f := range fieldPattern.FindAllStringSubmatch(form[0], -1) {
				if strings.Contains(f[0], `type="checkbox"`) {
					continue
				}
				fields.Set(f[1], "")
				if value := valuePattern.FindStringSubmatch(f[0]); value != nil {
					fields.Set(f[1], html.UnescapeString(value[1]))
				}
			}
			if b[1] != "" {
				fields.Set(b[1], b[2])
			}
			return form[1], fields
		}
	}
	require.FailNow(p.b.fx, "no such button: "+button, p.body)
	return "", nil
}

// press presses a button after filling in fields.
func (p *page) press(button string, nameValues ...string) *page {
	p.b.fx.Helper()
	action, fields := p.form(button)
	for i := 0; i+1 < len(nameValues); i += 2 {
		fields.Set(nameValues[i], nameValues[i+1])
	}
	return p.b.do(http.MethodPost, action, fields)
}

// logIn logs in on a login page and goes where that leads.
func (p *page) logIn(name string) *page {
	p.b.fx.Helper()
	return p.press("login-submit", "username", name, "password", password).follow()
}

// answer is what the client is told.
func (p *page) answer() url.Values {
	p.b.fx.Helper()
	require.Contains(p.b.fx, []int{http.StatusSeeOther, http.StatusFound}, p.StatusCode, p.body)
	to, err := url.Parse(p.Header.Get("Location"))
	require.NoError(p.b.fx, err)
	require.False(p.b.fx, strings.HasPrefix(to.String(), issuer), to)
	return to.Query()
}

func (p *page) code() string {
	p.b.fx.Helper()
	answer := p.answer()
	require.NotEmpty(p.b.fx, answer.Get("code"), answer)
	return answer.Get("code")
}

// shows requires an element with that id.
func (p *page) shows(id string) *page {
	p.b.fx.Helper()
	require.Contains(p.b.fx, p.body, `id="`+id+`"`)
	return p
}

func (p *page) hides(id string) *page {
	p.b.fx.Helper()
	require.NotContains(p.b.fx, p.body, `id="`+id+`"`)
	return p
}

// status requires an HTTP status.
func (p *page) status(want int) *page {
	p.b.fx.Helper()
	require.Equal(p.b.fx, want, p.StatusCode, p.body)
	return p
}

// cookieNamed is a cookie of the browser.
func (b *browser) cookieNamed(name string) string {
	u, _ := url.Parse(issuer)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) plant(name, value string) {
	u, _ := url.Parse(issuer)
	b.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

// deviceCode begins a device authorization.
func (fx *fixture) deviceCode() (userCode string) {
	fx.Helper()
	form := url.Values{"client_id": {"tv"}, "scope": {"openid profile"}}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, issuer+"/device_authorization", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	fx.srv.ServeHTTP(w, r)
	require.Equal(fx, http.StatusOK, w.Code, w.Body)
	found := regexp.MustCompile(`"user_code":"([^"]+)"`).FindStringSubmatch(w.Body.String())
	require.NotNil(fx, found, w.Body)
	return found[1]
}

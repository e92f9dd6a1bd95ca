package ui_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/ui"
)

// forms are the pages with a form, and a button of each.
var forms = []struct {
	name, button string
	open         func(fx *fixture, b *browser) *page
	fill         []string
}{
	{"login", "login-submit", func(_ *fixture, b *browser) *page { return b.authorize("web") }, []string{"username", "alice", "password", password}},
	{"consent", "consent-approve", func(_ *fixture, b *browser) *page { return b.authorize("web").logIn("alice") }, nil},
	{"reject", "consent-deny", func(_ *fixture, b *browser) *page { return b.authorize("web").logIn("alice") }, nil},
	{"code", "device-submit", func(_ *fixture, b *browser) *page { return b.get("device") }, []string{"user_code", "BBBB-BBBB"}},
	{"device", "device-approve", func(fx *fixture, b *browser) *page {
		return b.get("device").press("device-submit", "user_code", fx.deviceCode()).follow().logIn("alice")
	}, nil},
	{"logout", "logout-confirm", func(_ *fixture, b *browser) *page {
		b.authorize("web").logIn("alice")
		return b.get("logout")
	}, nil},
	{"revoke", "application-revoke-confirm", func(_ *fixture, b *browser) *page {
		return b.connect("web").get("applications/revoke?client=web")
	}, nil},
}

func TestForgedForms(t *testing.T) {
	t.Run("LC-03", func(t *testing.T) {
		for _, form := range forms {
			t.Run(form.name, func(t *testing.T) {
				fx := newFixture(t, nil)
				b, other := fx.browser(), fx.browser()
				p := form.open(fx, b)
				theirs, _ := other.get("device").form("device-submit")
				require.NotEmpty(t, theirs)
				_, foreign := form.open(fx, other).form(form.button)

				for name, forge := range map[string]func(b *browser, fields url.Values){
					"no token":          func(_ *browser, f url.Values) { f.Del("csrf_token") },
					"another session's": func(_ *browser, f url.Values) { f.Set("csrf_token", foreign.Get("csrf_token")) },
					"another form's":    func(_ *browser, f url.Values) { f.Set("csrf_token", deviceToken(b, form.name)) },
					"Origin null":       func(b *browser, _ url.Values) { b.headers.Set("Origin", "null") },
					"http origin":       func(b *browser, _ url.Values) { b.headers.Set("Origin", "http://login.example.com") },
					"other origin":      func(b *browser, _ url.Values) { b.headers.Set("Origin", "https://evil.example") },
					"cross-site":        func(b *browser, _ url.Values) { b.headers.Set("Sec-Fetch-Site", "cross-site") },
					"same-site":         func(b *browser, _ url.Values) { b.headers.Set("Sec-Fetch-Site", "same-site") },
				} {
					forged := &browser{fx: fx, jar: b.jar, headers: http.Header{}}
					action, fields := p.form(form.button)
					forge(forged, fields)
					got := forged.do(http.MethodPost, action, fields)
					require.Equal(t, http.StatusForbidden, got.StatusCode, name)
					got.shows("error-page")
				}

				p.b.headers.Set("Origin", "https://login.example.com")
				p.b.headers.Set("Sec-Fetch-Site", "same-origin")
				require.Less(t, p.press(form.button, form.fill...).StatusCode, 500)
				require.NotEqual(t, http.StatusForbidden, p.press(form.button, form.fill...).StatusCode)
			})
		}
	})
	t.Run("no cookie", func(t *testing.T) {
		fx := newFixture(t, nil)
		action, fields := fx.browser().authorize("web").form("login-submit")
		fx.browser().do(http.MethodPost, action, fields).status(http.StatusForbidden)
	})
	t.Run("a field twice", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		action, fields := b.authorize("web").form("login-submit")
		fields["username"] = []string{"alice", "bob"}
		b.do(http.MethodPost, action, fields).status(http.StatusBadRequest)
	})
	t.Run("another media type", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		action, fields := b.authorize("web").form("login-submit")
		b.headers.Set("Content-Type", "text/plain")
		b.do(http.MethodPost, action, fields).status(http.StatusForbidden)
	})
}

// deviceToken is a token of this browser for the form of another page.
func deviceToken(b *browser, form string) string {
	page, button := "device", "device-submit"
	if form == "code" {
		_, fields := b.authorize("web").form("login-submit")
		return fields.Get("csrf_token")
	}
	_, fields := b.get(page).form(button)
	return fields.Get("csrf_token")
}

func TestHeaders(t *testing.T) {
	b := newFixture(t, nil).browser()
	pages := map[string]*page{
		"login": b.authorize("web"), "consent": b.authorize("web").logIn("alice"), "device": b.get("device"), "logout": b.get("logout"),
		"applications": b.connect("web").get("applications"), "revoke": b.get("applications/revoke?client=web"),
		"not found": b.get("nowhere"), "error": b.get("authorize?client_id=nobody"), "method": b.do(http.MethodPut, "login", nil),
	}
	for name, p := range pages {
		csp := p.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			require.Contains(t, csp, part, name)
		}
		require.NotContains(t, csp, "unsafe", name)
		require.NotContains(t, csp, "script-src", name)
		require.Equal(t, "DENY", p.Header.Get("X-Frame-Options"), name)
		require.Equal(t, "no-referrer", p.Header.Get("Referrer-Policy"), name)
		require.Equal(t, "nosniff", p.Header.Get("X-Content-Type-Options"), name)
		require.NotContains(t, p.body, "<script", name)
		require.NotContains(t, p.body, " style=", name)
		require.Regexp(t, `<html lang="en" dir="ltr">`, p.body, name)
		require.Equal(t, 1, strings.Count(p.body, "<h1>"), name)
	}
	t.Run("LC-27", func(t *testing.T) {
		for name, p := range pages {
			require.NotEmpty(t, p.Header.Get("Strict-Transport-Security"), name)
			require.NotContains(t, p.body, `src="http:`, name)
		}
	})
	t.Run("LC-17", func(t *testing.T) {
		loaded := regexp.MustCompile(`(?:<link[^>]*href|src)="([^"]*)"`)
		for name, p := range pages {
			for _, m := range loaded.FindAllStringSubmatch(p.body, -1) {
				own := strings.HasPrefix(m[1], "/authentication/assets/") || m[1] == "data:,"
				shown := slices.Contains([]string{"consent", "applications", "revoke"}, name)
				require.True(t, own || shown && m[1] == "https://cdn.example.net/logo.png", m[1])
			}
		}
	})
	t.Run("stylesheet", func(t *testing.T) {
		href := regexp.MustCompile(`<link rel="stylesheet" href="([^"]+)"`).FindStringSubmatch(pages["login"].body)[1]
		css := b.get(href).status(http.StatusOK)
		require.Contains(t, css.Header.Get("Cache-Control"), "immutable")
		require.Contains(t, css.Header.Get("Content-Type"), "text/css")
		require.Contains(t, css.body, "--accent")
		b.get(strings.Replace(href, "style.", "style.x", 1)).status(http.StatusNotFound)
		p := b.do(http.MethodPost, href, url.Values{}).status(http.StatusMethodNotAllowed)
		require.Equal(t, "GET, HEAD", p.Header.Get("Allow"))
	})
}

func TestHostileText(t *testing.T) {
	const payload = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`
	t.Run("LC-15", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		user, err := fx.users.Create(t.Context(), ui.User{Username: payload, Claims: map[string]any{"name": payload, "email": payload}}, password)
		require.NoError(t, err)
		require.NotEmpty(t, user.Subject)
		login := b.authorize("web", "state", payload, "login_hint", payload, "ui_locales", payload)
		wrong := login.press("login-submit", "username", payload, "password", "wrong password")
		for _, p := range []*page{
			login, wrong, login.logIn(payload), b.get("logout"), b.get("device?user_code=" + url.QueryEscape(payload) + "&lang=" + url.QueryEscape(payload)),
			b.get("login?interaction=" + url.QueryEscape(payload)), b.get("authorize?error_description=" + url.QueryEscape(payload)), b.get(url.PathEscape(payload)),
		} {
			require.NotContains(t, p.body, "<script", p.url)
			require.NotContains(t, p.body, "<img src=x", p.url)
			require.NotContains(t, p.body, `"">`, p.url)
		}
		require.Contains(t, wrong.body, "&lt;script&gt;")
	})
	t.Run("LC-16", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		for _, target := range []string{"authorize?client_id=nobody&", "login?", "consent?", "device?interaction=x&", "nowhere?"} {
			p := b.get(target + "error=oops&error_description=Call+555-0100&error_uri=https%3A%2F%2Fevil.example")
			require.NotContains(t, p.body, "555-0100")
			require.NotContains(t, p.body, "evil.example")
			p.shows("error-page")
		}
	})
}

func TestErrorPage(t *testing.T) {
	pages := ui.New(ui.Options{})
	for status, text := range map[int]string{
		http.StatusBadRequest:          "cannot be answered",
		http.StatusTooManyRequests:     "Too many attempts",
		http.StatusServiceUnavailable:  "cannot answer just now",
		http.StatusInternalServerError: "went wrong on our side",
	} {
		code := map[int]oauth.Code{503: oauth.TemporarilyUnavailable, 500: oauth.ServerError}[status]
		w := httptest.NewRecorder()
		pages.Error(w, httptest.NewRequest(http.MethodGet, "/authorize", nil),
			authserver.PageError{Status: status, Code: code, Description: "what was wrong", Reference: "ABCDEF"})
		require.Equal(t, status, w.Code)
		require.Contains(t, w.Body.String(), text)
		require.Contains(t, w.Body.String(), `id="error-page"`)
		require.Contains(t, w.Body.String(), `<code id="error-reference">ABCDEF</code>`)
	}
}

func TestPlainHTTP(t *testing.T) {
	fx := newFixture(t, func(c *authserver.Config, _ *ui.Options) { c.Issuer = "http://localhost:8080" })
	r := httptest.NewRequest(http.MethodGet, "http://localhost:8080/device", nil)
	w := httptest.NewRecorder()
	fx.srv.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Header().Get("Strict-Transport-Security"))
	for _, c := range w.Result().Cookies() {
		require.False(t, c.Secure)
		require.True(t, c.HttpOnly)
		require.Equal(t, "authserver-form", c.Name)
	}
}

package ui_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/ui"
)

// connect lets clients in as Alice, and has them redeem their codes.
func (b *browser) connect(clients ...string) *browser {
	b.fx.Helper()
	for _, client := range clients {
		b.redeem(client, b.agree(client).code())
	}
	return b
}

// agree logs in where that is asked for, and approves.
func (b *browser) agree(client string, extra ...string) *page {
	b.fx.Helper()
	p := b.authorize(client, extra...)
	if strings.Contains(p.body, `id="login-submit"`) {
		p = p.logIn("alice")
	}
	return p.press("consent-approve")
}

// redeem is the access token for a code.
func (b *browser) redeem(client, code string) string {
	b.fx.Helper()
	redirect := map[string]string{"web": callback, "other": callback + "2", "native": "http://127.0.0.1:4711/cb"}[client]
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	secret := b.fx.secrets[client]
	if secret == "" {
		form.Set("client_id", client)
	}
	r := httptest.NewRequestWithContext(b.fx.Context(), http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		r.SetBasicAuth(client, secret)
	}
	w := httptest.NewRecorder()
	b.fx.srv.ServeHTTP(w, r)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(b.fx, json.Unmarshal(w.Body.Bytes(), &answer))
	require.NotEmpty(b.fx, answer.AccessToken, w.Body)
	return answer.AccessToken
}

func (fx *fixture) live(accessToken string) bool {
	_, err := fx.srv.Introspect(fx.Context(), accessToken)
	return err == nil
}

func TestApplications(t *testing.T) {
	t.Run("log in, look, revoke", func(t *testing.T) {
		fx := newFixture(t, nil)
		token := fx.browser().redeem("web", fx.browser().agree("web", "scope", "openid email orders odd").code())

		b := fx.browser()
		login := b.get("applications").follow().shows("login-submit").hides("login-cancel")
		require.Contains(t, login.body, "to see your connected applications")
		wrong := login.press("login-submit", "username", "alice", "password", "not it").status(http.StatusUnprocessableEntity)
		list := wrong.logIn("alice").status(http.StatusOK).shows("applications").hides("applications-empty")
		require.Equal(t, issuer+"/applications", list.url.String())
		require.Equal(t, "no-store", list.Header.Get("Cache-Control"))
		for _, text := range []string{"Reports", "Alice Archer", "read your orders", "see your email address", "<code>odd</code>", "last used", "just now", "https://cdn.example.net/logo.png"} {
			require.Contains(t, list.body, text)
		}
		require.Less(t, strings.Index(list.body, "know who you are here"), strings.Index(list.body, "see your email address"))
		require.Contains(t, list.Header.Get("Content-Security-Policy"), "img-src 'self' data: https://cdn.example.net;")
		require.Contains(t, list.body, `href="/authentication/applications/revoke?client=web" id="application-revoke-web"`)

		confirm := b.get("applications/revoke?client=web").shows("application-revoke").shows("client-logo").shows("application-keep")
		require.Contains(t, confirm.body, "Revoke the access of Reports?")
		require.Contains(t, confirm.body, "read your orders")
		require.True(t, fx.live(token), "looking revokes nothing")
		done := confirm.press("application-revoke-confirm").status(http.StatusSeeOther).follow()
		require.Contains(t, done.shows("application-revoked").shows("applications-empty").body, "Reports no longer has access to your account.")
		require.False(t, fx.live(token))
		// Pressed twice, or by the Back button: it is as it was.
		confirm.press("application-revoke-confirm").follow().shows("application-revoked").shows("applications-empty")
		b.get("applications/revoke?client=web").follow().hides("application-revoked").shows("applications-empty")
	})
	t.Run("one of several", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser().connect("web")
		kept := b.redeem("native", b.agree("native").code())
		list := b.get("applications").shows("application-revoke-web").shows("application-revoke-native")
		require.Less(t, strings.Index(list.body, "Tool"), strings.Index(list.body, "Reports"), "used last first")
		b.get("applications/revoke?client=web").press("application-revoke-confirm").follow().shows("applications").hides("application-revoke-web")
		require.True(t, fx.live(kept))
	})
	t.Run("consent goes too", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		b.authorize("web").logIn("alice").press("consent-approve", "remember", "yes").code()
		b.authorize("web").code()
		require.Contains(t, b.get("applications").body, "not used yet")
		require.Contains(t, b.get("applications").body, "You are not asked again")
		b.get("applications/revoke?client=web").press("application-revoke-confirm")
		b.authorize("web").shows("consent-approve")
		require.Equal(t, "consent_required", b.authorize("web", "prompt", "none").answer().Get("error"))
	})
	t.Run("German", func(t *testing.T) {
		b := newFixture(t, nil).browser().connect("other")
		list := b.get("applications?lang=de")
		require.Contains(t, list.body, "Verbundene Anwendungen")
		require.Contains(t, list.body, "Ungeprüfte Anwendung")
		require.NotContains(t, list.body, "evil.png", "no logo of a client that nobody vouches for")
		confirm := b.get("applications/revoke?client=other")
		require.Contains(t, confirm.body, "Other den Zugriff entziehen?")
		require.Contains(t, confirm.body, `/authentication/applications/revoke?client=other&amp;lang=en`)
		require.Contains(t, confirm.press("application-revoke-confirm").follow().body, "Other hat keinen Zugriff mehr")
	})
	t.Run("a client that is gone", func(t *testing.T) {
		b := newFixture(t, nil).browser().connect("web")
		require.NoError(t, b.fx.store.Delete(t.Context(), storage.KindClient, "web"))
		require.Contains(t, b.get("applications").body, "No longer registered")
		confirm := b.get("applications/revoke?client=web")
		require.Contains(t, confirm.body, "Revoke the access of web?")
		confirm.press("application-revoke-confirm").follow().shows("application-revoked").shows("applications-empty")
	})
	t.Run("linked", func(t *testing.T) {
		b := newFixture(t, nil).browser().connect("web")
		b.get("logout").shows("applications-link")
		b.get("applications").shows("logout-link")
		b.get("device").press("device-submit", "user_code", b.fx.deviceCode()).follow().press("device-approve").shows("applications-link")
	})
}

func TestApplicationsOfOthers(t *testing.T) {
	t.Run("another account", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		token := b.redeem("web", b.agree("web").code())
		confirm := b.get("applications/revoke?client=web")
		switched := b.get("login?interaction=applications").shows("account-continue")
		switched.press("account-continue").status(http.StatusSeeOther).follow().shows("applications")
		switched.logIn("bob").shows("applications-empty")
		// The page that showed Alice decides nothing for Bob.
		confirm.press("application-revoke-confirm").follow().shows("applications-empty").hides("application-revoked")
		b.authorize("web").press("consent-approve").code()
		p := confirm.press("application-revoke-confirm").status(http.StatusConflict).shows("problem").shows("application-revoke")
		require.Contains(t, p.body, "Bob Baker")
		p.press("application-revoke-confirm").follow().shows("application-revoked")
		require.True(t, fx.live(token), "Alice's goes on")
	})
	t.Run("logged out", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		token := b.redeem("web", b.agree("web").code())
		confirm := b.get("applications/revoke?client=web")
		b.get("logout").press("logout-confirm")
		for _, target := range []string{"applications", "applications/revoke?client=web", "applications/revoke"} {
			b.get(target).follow().shows("login-submit")
		}
		confirm.press("application-revoke-confirm").follow().shows("login-submit")
		require.True(t, fx.live(token))
	})
	t.Run("nobody's notice", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser().connect("web")
		done := b.get("applications/revoke?client=web").press("application-revoke-confirm")
		to := done.Header.Get("Location")
		b.get(to).shows("application-revoked")
		b.get(strings.Replace(to, "Reports", "Your+bank", 1)).hides("application-revoked")
		b.get("applications?revoked=Reports").hides("application-revoked")
		fx.browser().connect("web").get(to).hides("application-revoked")
	})
	t.Run("where a login leads", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		for _, evil := range []string{"applications/", "//evil.example", "https://evil.example", "applications/revoke", "logout", "..", "Applications"} {
			b.get("login?interaction=" + url.QueryEscape(evil)).status(http.StatusBadRequest).shows("error-page").hides("login-submit")
		}
		login := b.get("login?interaction=applications&next=https://evil.example&return_to=//evil.example")
		p := login.press("login-submit", "username", "alice", "password", password, "next", "https://evil.example")
		require.Equal(t, "/authentication/applications", p.Header.Get("Location"))
		// A form for one errand serves no other.
		forged := login.press("login-submit", "username", "alice", "password", password, "interaction", "elsewhere")
		forged.status(http.StatusForbidden)
		login.press("login-submit", "action", "cancel").status(http.StatusBadRequest)
	})
	t.Run("guesses count", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		login := b.get("applications").follow()
		for range 10 {
			login.press("login-submit", "username", "alice", "password", "wrong password").status(http.StatusUnprocessableEntity)
		}
		login.press("login-submit", "username", "alice", "password", password).status(http.StatusTooManyRequests).shows("login-submit")
	})
}

// brokenStorage can stop answering about grants.
type brokenStorage struct {
	storage.Storage
	broken bool
}

func (b *brokenStorage) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	if b.broken && q.Kind == storage.KindGrant {
		return storage.Page{}, errors.New("storage: broken")
	}
	return b.Storage.List(ctx, q)
}

func (b *brokenStorage) Delete(ctx context.Context, kind storage.Kind, key string) error {
	if b.broken && kind == storage.KindConsent {
		return errors.New("storage: broken")
	}
	return b.Storage.Delete(ctx, kind, key)
}

func TestApplicationsWithoutStorage(t *testing.T) {
	store := &brokenStorage{}
	fx := newFixture(t, func(c *authserver.Config, _ *ui.Options) { store.Storage, c.Storage = c.Storage, store })
	b := fx.browser()
	token := b.redeem("web", b.agree("web").code())
	confirm := b.get("applications/revoke?client=web")
	store.broken = true
	b.get("applications").status(http.StatusServiceUnavailable).shows("error-page").hides("applications-empty")
	confirm.press("application-revoke-confirm").status(http.StatusServiceUnavailable).shows("error-page")
	store.broken = false
	require.True(t, fx.live(token))
	confirm.press("application-revoke-confirm").follow().shows("application-revoked")
	require.False(t, fx.live(token))
}

func TestManyApplications(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser()
	for i := range 30 {
		id := fmt.Sprintf("client-%d", i)
		_, secret, err := clientreg.New(fx.store).Create(t.Context(), oauth.Client{
			ID: id, Name: "Client", Verified: true, RedirectURIs: []string{callback}, Scopes: []string{"openid", "profile"},
			TokenEndpointAuthMethod: oauth.AuthMethodBasic, LogoURI: fmt.Sprintf("https://cdn%d.example.net/logo.png", i),
		})
		require.NoError(t, err)
		fx.secrets[id] = secret
		b.agree(id, "redirect_uri", callback).code()
	}
	list := b.get("applications")
	require.Equal(t, 30, strings.Count(list.body, `id="application-revoke-`))
	require.Equal(t, 20, strings.Count(list.body, "<img"))
	require.Equal(t, 20, strings.Count(list.Header.Get("Content-Security-Policy"), "https://cdn"))
}

package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/e2e/server"
)

// TestPages goes through every page as a visitor of the quickstart does, and
// inspects each.
func TestPages(t *testing.T) {
	p := quickstart(t)
	t.Run("login and consent", func(t *testing.T) { signInToDemo(newTab(t), p, (*tab).inspect) })
	t.Run("demo", func(t *testing.T) { useDemo(newTab(t), p) })
	t.Run("device", func(t *testing.T) { signInDevice(newTab(t), p, (*tab).inspect) })
	t.Run("refusal", func(t *testing.T) { refuse(newTab(t), p) })
	t.Run("app", func(t *testing.T) { letAppIn(newTab(t), p, startClient(t)) })
	t.Run("wrong password", func(t *testing.T) { mistype(newTab(t), p) })
	t.Run("error", func(t *testing.T) { showError(newTab(t), p) })
	t.Run("logout", func(t *testing.T) { logOut(newTab(t), p, (*tab).inspect) })
	t.Run("applications", func(t *testing.T) { revokeDemo(newTab(t), p, (*tab).inspect) })
	t.Run("applications by keyboard", func(t *testing.T) { revokeByKeyboard(newTab(t), p) })
	t.Run("applications in German", func(t *testing.T) { listInGerman(newTab(t), p) })
}

// TestPagesWithoutScripts goes through them with scripts switched off.
func TestPagesWithoutScripts(t *testing.T) {
	p := quickstart(t)
	for name, visit := range map[string]func(*tab, provider, func(*tab, string)){
		"login and consent": signInToDemo, "device": signInDevice, "logout": logOut, "applications": revokeDemo,
	} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			b.withoutScripts()
			visit(b, p, func(b *tab, _ string) { b.calm() })
		})
	}
	t.Run("form_post", func(t *testing.T) {
		c := startClient(t)
		srv := startServer(t, c.redirectURI())
		b := newTab(t)
		b.withoutScripts()
		b.open(request(as(srv, server.Web), c.redirectURI(), url.Values{"response_mode": {"form_post"}}))
		b.logIn(server.Alice, srv.Password, "#consent-approve")
		b.press("#consent-approve", "form button")
		b.screenshot("form-post")
		b.press("form button", "#answered")
	})
}

// signInToDemo logs in to the demo, from its first page to its last.
func signInToDemo(b *tab, p provider, look func(*tab, string)) {
	b.t.Helper()
	b.open(p.Origin)
	b.await("#login")
	look(b, "demo")
	b.press("#login", "#login-submit")
	look(b, "login")
	b.logIn(p.User, p.Password, "#consent-approve")
	look(b, "consent")
	b.press("#consent-approve", "#greeting")
	require.Equal(b.t, p.Origin+"/", b.location())
	look(b, "demo-signed-in")
}

// useDemo tries every button of the demo.
func useDemo(b *tab, p provider) {
	b.t.Helper()
	signInToDemo(b, p, func(*tab, string) {})
	before := b.text("#access-token")
	b.press("#refresh", "#exchanges")
	require.NotEqual(b.t, before, b.text("#access-token"))
	b.press("#userinfo", "#exchanges")
	b.press("#revoke", "#revoked")
	b.press("#userinfo", "#problem")
	require.Contains(b.t, b.text("#problem"), "invalid_token")
	b.inspect("demo-revoked")
	b.press("#forget", "#login")
}

// signInDevice signs the demo's television in.
func signInDevice(b *tab, p provider, look func(*tab, string)) {
	b.t.Helper()
	b.open(p.Origin)
	b.press("#device", "#code")
	look(b, "demo-device")
	code := b.text("#code")
	b.open(p.Issuer + "/device")
	b.await("#user-code")
	look(b, "device")
	b.enter("#user-code", "WRONG-CODE")
	b.press("#device-submit", "#problem")
	look(b, "device-wrong")
	b.enter("#user-code", code)
	b.press("#device-submit", "#login-submit")
	b.logIn(p.User, p.Password, "#device-approve")
	look(b, "device-confirm")
	b.press("#device-approve", "#device-done")
	look(b, "device-done")
	b.open(p.Origin + "/device")
	b.press("#check", "#greeting")
	look(b, "demo-device-done")
}

// refuse says no, and the demo is told.
func refuse(b *tab, p provider) {
	b.t.Helper()
	b.open(p.Origin + "/login")
	b.logIn(p.User, p.Password, "#consent-deny")
	b.press("#consent-deny", "#problem")
	require.Contains(b.t, b.text("#problem"), "access_denied")
	b.inspect("demo-refused")
}

// letAppIn logs in to a client that nothing vouches for, and then again.
func letAppIn(b *tab, p provider, c relyingParty) {
	b.t.Helper()
	p.ClientID = p.PublicClientID
	b.open(request(p, c.redirectURI(), nil))
	b.logIn(p.User, p.Password, "#consent-approve")
	b.inspect("consent-app")
	b.press("#consent-approve", "#answered")
	b.open(request(p, c.redirectURI(), url.Values{"prompt": {"select_account"}}))
	b.await("#account-continue")
	b.inspect("login-again")
	b.press("#account-continue", "#consent-approve")
}

// mistype gives a wrong password.
func mistype(b *tab, p provider) {
	b.t.Helper()
	b.open(p.Origin + "/login")
	b.logIn("somebody", "wrong", "#problem")
	b.inspect("login-wrong")
}

// showError opens what has no client to go back to.
func showError(b *tab, p provider) {
	b.t.Helper()
	b.open(p.Issuer + "/authorize?client_id=nobody")
	b.await("#error-page")
	b.inspect("error")
}

// revokeDemo lets the demo in and takes it back where everything that was let
// in stands.
func revokeDemo(b *tab, p provider, look func(*tab, string)) {
	b.t.Helper()
	signInToDemo(b, p, func(*tab, string) {})
	token := b.text("#access-token")
	require.True(b.t, isActive(b.t, p, token))
	b.press("#connected", "#applications")
	require.Equal(b.t, p.Issuer+"/applications", b.location())
	look(b, "applications")
	b.press("#application-revoke-"+p.ClientID, "#application-revoke-confirm")
	look(b, "application-revoke")
	b.press("#application-keep", "#applications")
	require.True(b.t, isActive(b.t, p, token))
	b.press("#application-revoke-"+p.ClientID, "#application-revoke-confirm")
	b.press("#application-revoke-confirm", "#application-revoked")
	look(b, "application-revoked")
	require.False(b.t, isActive(b.t, p, token))
	b.open(p.Origin)
	b.press("#userinfo", "#problem")
	require.Contains(b.t, b.text("#problem"), "invalid_token")
}

// revokeByKeyboard revokes everything without a mouse, up to the page that has
// nothing left, and comes there by logging in for nothing else.
func revokeByKeyboard(b *tab, p provider) {
	b.t.Helper()
	letAppIn(b, p, startClient(b.t))
	b.open(p.Origin + "/login")
	b.await("#consent-approve")
	b.press("#consent-approve", "#greeting")
	b.open(p.Issuer + "/logout")
	b.press("#logout-confirm", "#logged-out")
	b.open(p.Issuer + "/applications")
	b.await("#login-submit")
	b.inspect("login-applications")
	b.logIn(p.User, p.Password, "#applications")
	b.inspect("applications-several")
	for range 4 {
		b.tabTo("a.secondary")
		b.leave(chromedp.KeyEvent(kb.Enter))
		b.await("#application-revoke-confirm")
		b.tabTo("#application-revoke-confirm")
		b.leave(chromedp.KeyEvent(kb.Enter))
		b.await("#application-revoked")
		var left bool
		b.run(chromedp.Evaluate(`document.getElementById('applications') !== null`, &left))
		if !left {
			break
		}
	}
	b.await("#applications-empty")
	b.inspect("applications-empty")
}

// listInGerman looks at the pages in the other language.
func listInGerman(b *tab, p provider) {
	b.t.Helper()
	signInToDemo(b, p, func(*tab, string) {})
	b.open(p.Issuer + "/applications?lang=de")
	require.Contains(b.t, b.text("h1"), "Verbundene Anwendungen")
	b.inspect("applications-de")
	b.press("#application-revoke-"+p.ClientID, "#application-revoke-confirm")
	b.inspect("application-revoke-de")
}

// isActive asks the provider about a token, as its client.
func isActive(t *testing.T, p provider, token string) bool {
	t.Helper()
	body := strings.NewReader(url.Values{"token": {token}}.Encode())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.Issuer+"/introspect", body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(p.ClientID, p.ClientSecret)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var answer struct{ Active bool }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer.Active
}

// logOut ends the session at the provider.
func logOut(b *tab, p provider, look func(*tab, string)) {
	b.t.Helper()
	signInToDemo(b, p, func(*tab, string) {})
	b.open(p.Issuer + "/logout")
	b.await("#logout-confirm")
	look(b, "logout")
	b.press("#logout-confirm", "#logged-out")
	look(b, "logged-out")
	b.open(p.Origin + "/login")
	b.await("#login-submit")
}

package e2e

import (
	"net/url"
	"testing"

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
}

// TestPagesWithoutScripts goes through them with scripts switched off.
func TestPagesWithoutScripts(t *testing.T) {
	p := quickstart(t)
	for name, visit := range map[string]func(*tab, provider, func(*tab, string)){
		"login and consent": signInToDemo, "device": signInDevice, "logout": logOut,
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

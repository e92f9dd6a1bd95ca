package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/ui"
)

func TestDevice(t *testing.T) {
	t.Run("connect", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		code := strings.ToLower(strings.ReplaceAll(fx.deviceCode(), "-", " "))
		login := b.get("device").press("device-submit", "user_code", code).follow().shows("login-submit")
		confirm := login.logIn("alice").shows("device-approve").shows("device-warning")
		for _, text := range []string{"Television", "see your name and profile", "Alice Archer", "just now"} {
			require.Contains(t, confirm.body, text)
		}
		done := confirm.press("device-approve").status(http.StatusOK).shows("device-done")
		require.Contains(t, done.body, "Your device is connected")
		confirm.press("device-approve").status(http.StatusBadRequest).shows("error-page")
	})
	t.Run("decline", func(t *testing.T) {
		fx := newFixture(t, nil)
		confirm := fx.browser().get("device").press("device-submit", "user_code", fx.deviceCode()).follow().logIn("alice")
		require.Contains(t, confirm.press("device-deny").shows("device-done").body, "was not connected")
	})
	t.Run("cancel instead of logging in", func(t *testing.T) {
		fx := newFixture(t, nil)
		login := fx.browser().get("device").press("device-submit", "user_code", fx.deviceCode()).follow()
		require.Contains(t, login.press("login-cancel").shows("device-done").body, "was not connected")
	})
	t.Run("DV-14", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		b.authorize("web").logIn("alice")
		code := fx.deviceCode()
		p := b.get("device?user_code=" + code).shows("device-submit").hides("device-approve")
		require.Contains(t, p.body, `value="`+code+`"`)
		p.press("device-submit").follow().shows("device-approve")
	})
	t.Run("one message for every wrong code, and a limit", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		used := fx.deviceCode()
		b.get("device").press("device-submit", "user_code", used).follow().logIn("alice").press("device-deny")
		form := b.get("device")
		wrong := "That code is not valid, or no longer valid."
		for _, code := range []string{used, "BBBB-BBBB", "?", strings.Repeat("x", 10_000)} {
			require.Contains(t, form.press("device-submit", "user_code", code).status(http.StatusUnprocessableEntity).body, wrong)
		}
		form.press("device-submit", "user_code", "CCCC-CCCC")
		p := form.press("device-submit", "user_code", "CCCC-CCCC").status(http.StatusTooManyRequests)
		require.NotEmpty(t, p.Header.Get("Retry-After"))
	})
	t.Run("DV-17", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		p := b.get("device?user_code=" + url.QueryEscape("<script>alert(1)</script>\r\nX: y"))
		require.NotContains(t, p.body, "<script>alert")
		p = b.get("device?user_code=" + strings.Repeat("A", 10_000))
		require.NotContains(t, p.body, "AAAA")
	})
	t.Run("DV-15", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		confirm := b.get("device").press("device-submit", "user_code", fx.deviceCode()).follow().logIn("alice")
		confirm.press("device-approve", "csrf_token", "").status(http.StatusForbidden)
		b.headers.Set("Origin", "https://evil.example")
		confirm.press("device-approve").status(http.StatusForbidden)
		b.headers.Del("Origin")
		confirm.press("device-approve").shows("device-done")
	})
	t.Run("off", func(t *testing.T) {
		fx := newFixture(t, func(c *authserver.Config, _ *ui.Options) { c.Grants = []grants.Grant{grants.AuthorizationCode{}} })
		fx.browser().get("device").status(http.StatusNotFound)
	})
	t.Run("DV-22", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		confirm := b.get("device").press("device-submit", "user_code", fx.deviceCode()).follow().logIn("alice")
		b.get("login?interaction=" + confirm.url.Query().Get("interaction")).logIn("bob")
		again := confirm.press("device-approve").status(http.StatusConflict).shows("problem").shows("device-approve")
		require.Contains(t, again.body, "Bob Baker")
		again.press("device-approve").shows("device-done")
	})
}

func TestLogout(t *testing.T) {
	t.Run("asks first", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		b.authorize("web").logIn("alice")
		confirm := b.get("logout").shows("logout-confirm")
		require.Contains(t, confirm.body, "Alice Archer")
		old := b.cookieNamed(sessionCookie)
		require.NotEmpty(t, old)
		confirm.press("logout-confirm").status(http.StatusOK).shows("logged-out")
		confirm.press("logout-confirm").status(http.StatusOK).shows("logged-out")
		b.plant(sessionCookie, old)
		b.authorize("web").shows("login-submit")
	})
	t.Run("LC-18", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		for _, p := range []*page{b.authorize("web"), b.authorize("web").logIn("alice"), b.get("logout"), b.get("device"), b.get("nowhere")} {
			require.Equal(t, "no-store", p.Header.Get("Cache-Control"), p.url)
		}
	})
}

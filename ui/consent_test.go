package ui_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConsent(t *testing.T) {
	t.Run("decline", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		require.Equal(t, "access_denied", b.authorize("web").logIn("alice").press("consent-deny").answer().Get("error"))
	})
	t.Run("who asks", func(t *testing.T) {
		fx := newFixture(t, nil)
		p := fx.browser().authorize("web").logIn("alice")
		p.shows("client-logo").shows("client-policy-uri").shows("client-tos-uri").hides("client-unverified").hides("client-loopback")
		require.Contains(t, p.Header.Get("Content-Security-Policy"), "img-src 'self' data: https://cdn.example.net;")
		require.Contains(t, p.body, "app.example.com")

		p = fx.browser().authorize("other").logIn("alice")
		p.hides("client-logo").shows("client-unverified").shows("client-warning").hides("consent-remember")
		require.NotContains(t, p.Header.Get("Content-Security-Policy"), "cdn.example.net")

		p = fx.browser().authorize("native").logIn("alice")
		p.shows("client-loopback").hides("consent-remember")
		require.Contains(t, p.body, "127.0.0.1:4711")
	})
	t.Run("another account", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		consent := b.authorize("web").logIn("alice").shows("account-switch")
		login := b.get("login?interaction=" + consent.url.Query().Get("interaction")).shows("account-continue")
		require.Contains(t, login.press("account-continue").follow().shows("consent-approve").body, "Alice Archer")
		require.Contains(t, login.logIn("bob").body, "Bob Baker")
		// The page that showed Alice does not decide for Bob.
		p := consent.press("consent-approve").status(http.StatusConflict).shows("consent-approve").shows("problem")
		require.Contains(t, p.body, "Bob Baker")
		p.press("consent-approve").code()
	})
	t.Run("LC-11", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		consent := b.authorize("web").logIn("alice")
		p := consent.press("consent-approve", "scope", "openid orders", "client_id", "other", "redirect_uri", "https://evil.example/", "subject", "bob")
		require.Contains(t, p.Header.Get("Location"), callback+"?")
		p.code()
	})
	t.Run("LC-12", func(t *testing.T) {
		fx := newFixture(t, nil)
		for _, client := range []string{"other", "native"} {
			b := fx.browser()
			b.authorize(client).logIn("alice").press("consent-approve", "remember", "yes").code()
			b.authorize(client).shows("consent-approve")
		}
		b := fx.browser()
		b.authorize("web").logIn("alice").press("consent-approve", "remember", "yes").code()
		b.authorize("web").code()
		b.authorize("web", "scope", "openid profile orders").shows("consent-approve")
		b.authorize("web", "prompt", "consent").shows("consent-approve")
	})
	t.Run("LC-13", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		p := b.authorize("web", "scope", "openid email offline_access orders odd", "prompt", "consent").logIn("alice")
		for _, text := range []string{"know who you are here", "see your email address", "keep access while you are away", "read your orders", "<code>odd</code>"} {
			require.Contains(t, p.body, text)
		}
	})
	t.Run("LC-26", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		action, fields := b.authorize("web").logIn("alice").form("consent-approve")
		statuses := map[int]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				p := b.do(http.MethodPost, action, fields)
				mu.Lock()
				defer mu.Unlock()
				statuses[p.StatusCode]++
			})
		}
		wg.Wait()
		require.Equal(t, map[int]int{http.StatusSeeOther: 1, http.StatusBadRequest: 1}, statuses)
	})
}

package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/e2e/server"
)

// TestSecurityMatrix holds the cases of the security matrix that need a real
// browser.
func TestSecurityMatrix(t *testing.T) {
	t.Run("LC-15", noScriptRuns)
	t.Run("LC-17", nothingFromElsewhere)
	t.Run("LC-18", nothingAfterLogout)
}

// A payload in every place that somebody else can fill runs no script and
// meets no policy: it is text.
func noScriptRuns(t *testing.T) {
	c := startClient(t)
	srv := startServer(t, c.redirectURI())
	web, hostile := as(srv, server.Web), as(srv, server.Hostile)
	payload := func(name string) url.Values { return url.Values{name: {server.Payload}} }

	for _, name := range []string{"state", "login_hint", "ui_locales"} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			b.open(request(web, c.redirectURI(), payload(name)))
			b.await("#login-submit")
			b.settled()
			b.logIn(server.Alice, srv.Password, "#consent-approve")
			b.settled()
			b.press("#consent-approve", "#answered")
			b.calm()
		})
	}
	t.Run("state by form_post", func(t *testing.T) {
		b := newTab(t)
		b.open(request(web, c.redirectURI(), url.Values{"state": {server.Payload}, "response_mode": {"form_post"}}))
		b.logIn(server.Alice, srv.Password, "#consent-approve")
		b.press("#consent-approve", "#answered")
		b.calm()
	})
	for _, name := range []string{"error", "error_description", "client_id", "redirect_uri", "response_type", "scope"} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			more := payload(name)
			if !strings.HasPrefix(name, "client") && !strings.HasPrefix(name, "redirect") {
				more.Set("redirect_uri", "https://elsewhere.example/") // so that the error has a page
			}
			b.open(request(web, c.redirectURI(), more))
			b.await("#error-page")
			b.settled()
		})
	}
	t.Run("user_code", func(t *testing.T) {
		b := newTab(t)
		b.open(srv.Issuer + "/device?" + payload("user_code").Encode())
		b.settled()
		b.open(srv.Issuer + "/device")
		b.enter("#user-code", server.Payload)
		b.press("#device-submit", "#problem")
		b.settled()
	})
	t.Run("client_name, scope and user name", func(t *testing.T) {
		b := newTab(t)
		b.open(request(hostile, c.redirectURI(), url.Values{"scope": {"openid " + server.HostileScope}}))
		b.logIn(server.Mallory, srv.Password, "#consent-approve")
		require.Contains(t, b.text("main"), `pwned("inline")`, "the payload is shown as text")
		b.settled()
	})
}

// settled moves the focus over the page, so that handlers would run, and
// wants none to.
func (b *tab) settled() {
	b.t.Helper()
	b.run(chromedp.Evaluate(`for (const e of document.querySelectorAll('*')) { e.focus?.(); e.dispatchEvent(new Event('load')) }`, nil))
	b.calm()
}

// Nothing is loaded from another origin, and no Referer carries a code or a
// state away.
func nothingFromElsewhere(t *testing.T) {
	c := startClient(t)
	srv := startServer(t, c.redirectURI())
	b := newTab(t)
	b.open(request(as(srv, server.Web), c.redirectURI(), nil))
	b.logIn(server.Alice, srv.Password, "#consent-approve")
	b.press("#consent-approve", "#answered")
	require.Contains(t, b.location(), "code=")
	b.open(srv.Issuer + "/device")
	b.await("#user-code")
	b.open(srv.Issuer + "/logout")
	b.press("#logout-confirm", "#logged-out")
	b.open(srv.Issuer + "/authorize?client_id=nobody&state=some-state&code=some-code")
	b.await("#error-page")
	b.leave(chromedp.Evaluate(fmt.Sprintf(`location = %q`, c.URL+"/elsewhere"), nil)) // as a link would

	requests, _ := b.seen()
	left := 0
	for _, r := range requests {
		address := r.Request.URL
		if strings.HasPrefix(address, srv.Origin+"/") || strings.HasPrefix(address, "data:") {
			continue
		}
		left++
		require.Equal(t, network.ResourceTypeDocument, r.Type, "%s was loaded", address)
		require.True(t, strings.HasPrefix(address, c.URL+"/"), "%s was opened", address)
		require.NotContains(t, r.Request.Headers, "Referer", "with %s", address)
	}
	require.Equal(t, 2, left)
}

// The Back button brings nothing personal back.
func nothingAfterLogout(t *testing.T) {
	c := startClient(t)
	srv := startServer(t, c.redirectURI())
	b := newTab(t)
	b.open(request(as(srv, server.Web), c.redirectURI(), nil))
	b.logIn(server.Alice, srv.Password, "#consent-approve")
	require.Contains(t, b.text("body"), "Alice Example")
	b.open(srv.Issuer + "/logout")
	b.await("#logout-confirm")
	require.Contains(t, b.text("body"), "Alice Example")
	b.press("#logout-confirm", "#logged-out")
	for b.back() {
		require.NotContains(t, b.shown(), "Alice", "at %s", b.location())
	}
}

// shown is the text of a page once it is loaded, also of one that the browser
// had kept: that one has no elements that chromedp knows.
func (b *tab) shown() (text string) {
	b.t.Helper()
	const loaded = `document.readyState === 'complete' ? 'shown: ' + document.body.innerText : ''`
	require.Eventually(b.t, func() bool {
		err := chromedp.Run(b.ctx, chromedp.Evaluate(loaded, &text))
		return err == nil && text != ""
	}, 15*time.Second, 20*time.Millisecond)
	return text
}

package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/ui"
)

const sessionCookie = "__Host-authserver-session"

func TestLogin(t *testing.T) {
	t.Run("to the client and back", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		login := b.authorize("web", "login_hint", "alice").status(http.StatusOK)
		require.Contains(t, login.body, `value="alice"`)
		consent := login.logIn("alice").status(http.StatusOK).shows("consent-approve")
		require.Contains(t, consent.body, "Alice Archer")
		answer := consent.press("consent-approve").answer()
		require.NotEmpty(t, answer.Get("code"))
		require.Equal(t, "st-web", answer.Get("state"))
		require.Equal(t, issuer, answer.Get("iss"))
	})
	t.Run("cancel", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		require.Equal(t, "access_denied", b.authorize("web").press("login-cancel").answer().Get("error"))
	})
	t.Run("LC-01", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		planted := strings.Repeat("A", 43)
		b.plant(sessionCookie, planted)
		login := b.authorize("web")
		login.logIn("alice")
		first := b.cookieNamed(sessionCookie)
		require.NotEqual(t, planted, first)
		login.logIn("alice")
		require.NotEqual(t, first, b.cookieNamed(sessionCookie))

		attacker := b.fx.browser()
		attacker.plant(sessionCookie, planted)
		attacker.authorize("web").shows("login-submit")
	})
	t.Run("LC-02", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		login := b.authorize("web")
		cookies := login.Cookies()
		cookies = append(cookies, login.press("login-submit", "username", "alice", "password", password).Cookies()...)
		cookies = append(cookies, b.get("device?lang=de").Cookies()...)
		require.GreaterOrEqual(t, len(cookies), 4)
		for _, c := range cookies {
			require.True(t, strings.HasPrefix(c.Name, "__Host-"), c.Name)
			require.True(t, c.Secure && c.HttpOnly && c.SameSite == http.SameSiteLaxMode, c.Name)
			require.Equal(t, "/", c.Path)
			require.Empty(t, c.Domain)
		}
	})
}

func TestWaitingRequests(t *testing.T) {
	t.Run("LC-09", func(t *testing.T) {
		fx := newFixture(t, nil)
		login := fx.browser().authorize("web")
		fx.browser().get(login.url.String()).status(http.StatusBadRequest).shows("error-page").hides("login-submit")
	})
	t.Run("LC-10", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		login := b.authorize("web")
		consent := login.logIn("alice")
		consent.press("consent-approve").code()
		consent.press("consent-approve").status(http.StatusBadRequest).shows("error-page")
		b.get(login.url.String()).status(http.StatusBadRequest).shows("error-page")
	})
	t.Run("LC-14", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		one, two := b.authorize("web"), b.authorize("other")
		consentTwo := two.logIn("alice")
		consentOne := one.logIn("alice")
		answerOne := consentOne.press("consent-approve").answer()
		answerTwo := b.get(consentTwo.url.String()).press("consent-approve").answer()
		require.Equal(t, "st-web", answerOne.Get("state"))
		require.Equal(t, "st-other", answerTwo.Get("state"))
		require.NotEqual(t, answerOne.Get("code"), answerTwo.Get("code"))
	})
}

func TestBrokenCookies(t *testing.T) {
	t.Run("LC-21", func(t *testing.T) {
		fx := newFixture(t, nil)
		for name, value := range map[string]string{"garbage": "%%%;", "oversized": strings.Repeat("x", 4000), "truncated": "AAAA"} {
			b := fx.browser()
			b.plant(sessionCookie, value)
			b.plant("__Host-authserver-form", value)
			b.plant("__Host-authserver-known", value)
			b.plant("__Host-authserver-language", value)
			b.authorize("web").status(http.StatusOK).shows("login-submit")
			b.get("device").status(http.StatusOK)
			require.NotNil(t, b.get("logout").status(http.StatusOK).shows("logged-out"), name)
		}
		b := fx.browser()
		b.authorize("web").logIn("alice")
		good := sessionCookie + "=" + b.cookieNamed(sessionCookie)
		twice := fx.browser()
		twice.headers.Set("Cookie", good+"; "+sessionCookie+"="+strings.Repeat("B", 43))
		twice.get("logout").shows("logged-out") // anonymous: nothing to end
	})
}

func TestRequestDemands(t *testing.T) {
	t.Run("none without a session", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		require.Equal(t, "login_required", b.authorize("web", "prompt", "none").answer().Get("error"))
	})
	t.Run("none without consent", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		b.authorize("web").logIn("alice")
		require.Equal(t, "consent_required", b.authorize("web", "prompt", "none").answer().Get("error"))
	})
	t.Run("none with both", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		b.authorize("web").logIn("alice").press("consent-approve", "remember", "yes").code()
		b.authorize("web", "prompt", "none").code()
	})
	t.Run("select_account", func(t *testing.T) {
		b := newFixture(t, nil).browser()
		login := b.authorize("web", "prompt", "select_account").hides("account-continue")
		login.logIn("alice").press("consent-approve", "remember", "yes").code()
	})
	t.Run("acr that passwords cannot give", func(t *testing.T) {
		b := newFixture(t, func(c *authserver.Config, _ *ui.Options) { c.ACRValues = []string{"urn:hardware"} }).browser()
		claims := `{"id_token":{"acr":{"essential":true,"values":["urn:hardware"]}}}`
		login := b.authorize("web", "claims", claims).shows("login-submit")
		t.Run("LC-19", func(t *testing.T) {
			answer := login.logIn("alice").answer()
			require.Equal(t, "unmet_authentication_requirements", answer.Get("error"))
			require.Empty(t, answer.Get("code"))
			require.Empty(t, b.cookieNamed(sessionCookie))
		})
	})
}

func TestCredentials(t *testing.T) {
	t.Run("LC-05", func(t *testing.T) {
		fx := newFixture(t, func(_ *authserver.Config, o *ui.Options) { o.SignInLimit.PerAddress = -1 })
		disabled := fx.addUser("carol", "Carol")
		require.NoError(t, fx.users.Disable(t.Context(), disabled.Subject))
		var pages []string
		for _, attempt := range [][2]string{{"alice", "wrong password"}, {"nobody", "wrong password"}, {"carol", password}} {
			login := fx.browser().authorize("web")
			p := login.press("login-submit", "username", attempt[0], "password", attempt[1]).status(http.StatusUnprocessableEntity)
			require.Contains(t, p.body, `role="alert"`)
			pages = append(pages, anonymous(p, attempt[0]))
		}
		require.Equal(t, pages[0], pages[1])
		require.Equal(t, pages[0], pages[2])

		for _, name := range []string{"alice", "nobody"} { // the limit tells nothing either
			b := fx.browser()
			login := b.authorize("web")
			for range 9 {
				login.press("login-submit", "username", name, "password", "wrong password").status(http.StatusUnprocessableEntity)
			}
			p := login.press("login-submit", "username", name, "password", password).status(http.StatusTooManyRequests)
			require.NotEmpty(t, p.Header.Get("Retry-After"))
		}
	})
	t.Run("LC-06", func(t *testing.T) {
		fx := newFixture(t, nil)
		login := fx.browser().authorize("web")
		action, fields := login.form("login-submit")
		fields.Set("username", "alice")
		fields.Set("password", "wrong password")
		statuses := map[int]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				p := login.b.do(http.MethodPost, action, fields)
				mu.Lock()
				defer mu.Unlock()
				statuses[p.StatusCode]++
			})
		}
		wg.Wait()
		require.Equal(t, map[int]int{http.StatusUnprocessableEntity: 10, http.StatusTooManyRequests: 90}, statuses)
	})
	t.Run("LC-07", func(t *testing.T) {
		fx := newFixture(t, nil)
		owner := fx.browser()
		owner.authorize("web").logIn("alice")

		attacker := fx.browser().authorize("web")
		for range 11 {
			attacker.press("login-submit", "username", "alice", "password", "wrong password")
		}
		attacker.press("login-submit", "username", "ALICE ", "password", password).status(http.StatusTooManyRequests)
		owner.authorize("web", "prompt", "login").logIn("Alice").shows("consent-approve")
	})
}

func TestPasswords(t *testing.T) {
	t.Run("LC-08", func(t *testing.T) {
		fx := newFixture(t, nil)
		login := fx.browser().authorize("web")
		login.press("login-submit", "username", "alice", "password", strings.Repeat("x", 1<<20)).status(http.StatusRequestEntityTooLarge)
		for _, wrong := range []string{password + "\x00", strings.Repeat("x", 60_000), "\xff\xfe", ""} {
			login.press("login-submit", "username", "alice", "password", wrong).status(http.StatusUnprocessableEntity)
		}
		_, err := fx.users.Create(t.Context(), ui.User{Username: "José"}, "pässwörd")
		require.NoError(t, err)
		decomposed := "pa\u0308sswo\u0308rd"
		login.press("login-submit", "username", "JOSE\u0301", "password", decomposed).status(http.StatusSeeOther)
	})
	t.Run("LC-22", func(t *testing.T) {
		fx := newFixture(t, nil)
		b := fx.browser()
		b.authorize("web").logIn("alice").press("consent-approve", "remember", "yes").code()
		require.NoError(t, fx.users.Disable(t.Context(), fx.alice.Subject))
		b.authorize("web").shows("login-submit").press("login-submit", "username", "alice", "password", password).status(http.StatusUnprocessableEntity)
		require.NoError(t, fx.users.Enable(t.Context(), fx.alice.Subject))
		require.NoError(t, fx.users.SetPassword(t.Context(), fx.alice.Subject, "another password"))
		require.NoError(t, fx.srv.RevokeSubject(t.Context(), fx.alice.Subject))
		login := b.authorize("web").shows("login-submit")
		login.press("login-submit", "username", "alice", "password", password).status(http.StatusUnprocessableEntity)
		login.press("login-submit", "username", "alice", "password", "another password").status(http.StatusSeeOther)
	})
}

// anonymous is a page without what differs from one request to the next.
func anonymous(p *page, name string) string {
	body := strings.ReplaceAll(p.body, `value="`+name+`"`, `value="NAME"`)
	for _, field := range []string{"csrf_token", "interaction"} {
		_, fields := p.form("login-submit")
		body = strings.ReplaceAll(body, fields.Get(field), field)
	}
	return body
}

func TestReturnAddress(t *testing.T) {
	t.Run("LC-04", func(t *testing.T) {
		fx := newFixture(t, nil)
		for _, evil := range []string{"//evil.example", `/\evil.example`, "https:evil.example", "/%09/evil.example", "/..//evil.example"} {
			b := fx.browser()
			login := b.authorize("web")
			target := login.url.String()
			for _, name := range []string{"return_to", "next", "redirect_uri", "continue", "url"} {
				target += "&" + name + "=" + url.QueryEscape(evil)
			}
			action, fields := b.get(target).form("login-submit")
			fields.Set("username", "alice")
			fields.Set("password", password)
			for _, name := range []string{"return_to", "next", "redirect_uri", "continue", "url"} {
				fields.Set(name, evil)
			}
			p := b.do(http.MethodPost, action, fields).status(http.StatusSeeOther)
			require.True(t, strings.HasPrefix(p.Header.Get("Location"), "/authentication/consent?interaction="), p.Header.Get("Location"))
			require.Contains(t, p.follow().press("consent-approve").Header.Get("Location"), callback+"?")
		}
	})
}

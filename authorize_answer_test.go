package authserver_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/ui"
)

var (
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	script      = regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`)
	// A browser reads each of these in a page as a line feed (HTML §13.2.3.5).
	pageNewlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")
)

// form is what a browser would send of a form_post answer, and where to.
func (a *answer) form() (action string, sent url.Values) {
	a.t.Helper()
	require.Equal(a.t, http.StatusOK, a.Status, a.Body)
	page := pageNewlines.Replace(a.Body)
	actions := formAction.FindAllStringSubmatch(page, -1)
	require.Len(a.t, actions, 1, page)
	sent = url.Values{}
	for _, input := range hiddenInput.FindAllStringSubmatch(page, -1) {
		sent.Add(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	return html.UnescapeString(actions[0][1]), sent
}

// sent is what the client gets by whichever mode.
func (a *answer) sent(mode string) url.Values {
	a.t.Helper()
	if mode == oauth.ResponseModeFormPost {
		action, sent := a.form()
		require.Equal(a.t, redirect, action)
		return sent
	}
	separator := map[string]string{oauth.ResponseModeQuery: "?", oauth.ResponseModeFragment: "#"}[mode]
	require.True(a.t, strings.HasPrefix(a.Header.Get("Location"), redirect+separator), a.Header.Get("Location"))
	return a.location()
}

var responseModes = []string{oauth.ResponseModeQuery, oauth.ResponseModeFragment, oauth.ResponseModeFormPost}

// guarded wants what every page has: not framed, not kept, not sniffed, and
// nothing told to where it leads.
func (a *answer) guarded() {
	a.t.Helper()
	require.Contains(a.t, a.Header.Get("Content-Type"), "text/html")
	require.Contains(a.t, a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.NotContains(a.t, a.Header.Get("Content-Security-Policy"), "unsafe")
	require.Equal(a.t, "DENY", a.Header.Get("X-Frame-Options"))
	require.Equal(a.t, "no-store", a.Header.Get("Cache-Control"))
	require.Equal(a.t, "no-referrer", a.Header.Get("Referrer-Policy"))
	require.Equal(a.t, "nosniff", a.Header.Get("X-Content-Type-Options"))
	require.Contains(a.t, a.Header.Get("Strict-Transport-Security"), "max-age=")
}

func TestAuthorizeFormPost(t *testing.T) {
	t.Run("AZ-07", func(t *testing.T) {
		h := newHarness(t)
		const state = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`
		for _, pairs := range [][]string{{}, {"scope", "unknown"}, {"response_type", "code id_token token"}} {
			a := h.get("/authorize", request(append(pairs, "response_mode", "form_post", "state", state)...))
			require.Equal(t, state, a.sent(oauth.ResponseModeFormPost).Get("state"))
			a.guarded()
			require.Empty(t, a.Header.Get("Location"))
			require.NotContains(t, a.Body, "alert(1)</script>")
			require.NotContains(t, a.Body, "<img")
			require.Contains(t, a.Body, `<button type="submit">`)

			scripts := script.FindAllStringSubmatch(a.Body, -1)
			require.Len(t, scripts, 1)
			sum := sha256.Sum256([]byte(scripts[0][1]))
			require.Contains(t, a.Header.Get("Content-Security-Policy"), "script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
	})
}

func TestAuthorizeState(t *testing.T) {
	t.Run("AZ-23", func(t *testing.T) {
		h := newHarness(t)
		unit := "&code=evil#x%20%00+'\"<>\\;é漢🔑\r\n\tX-Injected: yes\r\n\r\n"
		whole := strings.Repeat(unit, 4<<10/len(unit))
		for _, state := range []string{
			whole + strings.Repeat("a", 4<<10-len(whole)), unit, "\r", "\n", "\r\n", " ", "+", "%", "%2525", "&amp;", "a=b&iss=evil&state=other",
			"#code=evil", "\u2028\u202e\u200b", "{{.}}", "]]>",
		} {
			for _, mode := range responseModes {
				for _, pairs := range [][]string{{}, {"scope", "unknown"}} {
					a := h.get("/authorize", request(append(pairs, "response_mode", mode, "state", state)...))
					sent := a.sent(mode)
					require.Equal(t, []string{state}, sent["state"], mode)
					want := []string{"code", "iss", "state"}
					if len(pairs) > 0 {
						want = []string{"error", "error_description", "iss", "state"}
					}
					require.Equal(t, want, slices.Sorted(maps.Keys(sent)))
					require.Empty(t, a.Header.Get("X-Injected"))
					require.NotContains(t, a.Header.Get("Location"), "\r")
					require.NotContains(t, a.Header.Get("Location"), "\n")
				}
			}
		}
	})
}

func TestAuthorizeIssuer(t *testing.T) {
	t.Run("AZ-59", func(t *testing.T) {
		h := newHarness(t)
		published := h.get("/.well-known/openid-configuration", nil)
		require.Equal(t, true, published.json("authorization_response_iss_parameter_supported"))
		issuer := published.str("issuer")
		require.Equal(t, testIssuer, issuer)
		other := func(r *http.Request) { r.Host = "evil.example" }

		for _, responseType := range []string{"code", "none", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"} {
			for _, mode := range responseModes {
				if mode == oauth.ResponseModeQuery && strings.Contains(responseType, "token") {
					continue
				}
				for _, pairs := range [][]string{{}, {"scope", "unknown"}, {"prompt", "none login"}, {"iss", "https://evil.example"}} {
					query := request(append(pairs, "response_type", responseType, "response_mode", mode)...)
					require.Equal(t, []string{issuer}, h.get("/authorize", query, other).sent(mode)["iss"])
				}
			}
		}
		for _, mode := range responseModes {
			v := h.visitor()
			v.shows(v.authorize("response_mode", mode))
			require.Equal(t, []string{issuer}, v.deny().sent(mode)["iss"])
		}
	})
}

// downClients is a source of clients that cannot be reached.
type downClients struct{}

func (downClients) Client(context.Context, string) (*oauth.Client, error) {
	return nil, errors.New("clients: connection refused")
}

func TestAuthorizePages(t *testing.T) {
	t.Run("AZ-61", func(t *testing.T) {
		h := newHarness(t)
		v := h.visitor()
		v.shows(v.authorize())
		require.NotEmpty(t, v.deny().location().Get("error"))
		down := newHarness(t, func(c *authserver.Config) { c.Clients = downClients{} })
		for status, answers := range map[int][]*answer{
			http.StatusBadRequest: {
				h.get("/authorize", request("client_id", "unknown")), h.get("/authorize", request("redirect_uri", "https://evil.example/")),
				h.get("/authorize", nil), v.approve(), v.deny(),
			},
			http.StatusMethodNotAllowed:      {h.get("/authorize", request(), func(r *http.Request) { r.Method = http.MethodPut })},
			http.StatusRequestEntityTooLarge: {h.post("/authorize", request("state", strings.Repeat("x", 65<<10)))},
			http.StatusRequestURITooLong:     {h.get("/authorize", request("state", strings.Repeat("x", 17<<10)))},
			http.StatusServiceUnavailable:    {down.get("/authorize", request())},
		} {
			for _, a := range answers {
				a.page(status)
				a.guarded()
				require.NotContains(t, a.Body, "connection refused")
			}
		}
		require.NotEmpty(t, down.get("/authorize", request()).Header.Get("Retry-After"))
	})
	t.Run("AZ-61 ready-made pages", func(t *testing.T) {
		h := newHarness(t, func(c *authserver.Config) { c.Pages, c.Interact = ui.New(ui.Options{Users: nobody{}}), nil })
		h.get("/authorize", request("client_id", "unknown")).guarded()
		h.get("/authorize", request("response_mode", "form_post", "scope", "unknown")).guarded()

		a := h.get("/authorize", request())
		require.Equal(t, http.StatusSeeOther, a.Status, a.Body)
		login, err := url.Parse(a.Header.Get("Location"))
		require.NoError(t, err)
		require.Empty(t, login.Host)
		shown := h.get(strings.TrimPrefix(login.Path, "/authentication"), login.Query(), func(r *http.Request) {
			for _, c := range a.Cookie {
				r.AddCookie(c)
			}
		})
		require.Equal(t, http.StatusOK, shown.Status, shown.Body)
		shown.guarded()
		h.get("/no-such-page", nil).guarded()
	})
	t.Run("AZ-62", func(t *testing.T) {
		h := newHarness(t)
		for _, decide := range []func(*visitor) *answer{(*visitor).approve, (*visitor).deny} {
			v := h.visitor()
			v.shows(v.authorize())
			v.signIn(time.Now(), "")
			require.Equal(t, http.StatusSeeOther, decide(v).Status)
		}
		require.Equal(t, http.StatusSeeOther, h.post("/authorize", request("scope", "unknown")).Status)
		h.interact = nil
		require.Equal(t, http.StatusSeeOther, h.post("/authorize", request()).Status)
	})
}

// nobody can log in.
type nobody struct{ ui.Users }

// What a request says of the server's own address changes nothing.
func TestAuthorizeForwarded(t *testing.T) {
	t.Run("AZ-64", func(t *testing.T) {
		h := newHarness(t)
		misled := func(r *http.Request) {
			r.Host, r.URL.Host = "evil.example", "evil.example"
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("X-Forwarded-Proto", "http")
			r.Header.Set("X-Forwarded-Port", "80")
			r.Header.Set("X-Forwarded-Prefix", "/evil")
			r.Header.Set("X-Original-URL", "/evil")
			r.Header.Set("Forwarded", "for=192.0.2.1;host=evil.example;proto=http")
			r.Header.Set("Origin", "https://evil.example")
		}
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			plain := h.get(path, nil)
			require.Equal(t, http.StatusOK, plain.Status)
			require.Equal(t, plain.Body, h.get(path, nil, misled).Body)
		}
		code := h.get("/authorize", request(), misled)
		require.True(t, strings.HasPrefix(code.Header.Get("Location"), redirect+"?"))
		require.Equal(t, testIssuer, code.location().Get("iss"))
		tokens := h.post("/token", redeem(code.location().Get("code")), basic(confidential, secret), misled)
		require.Equal(t, testIssuer, claims(t, tokens.str("id_token"))["iss"])

		h.interact = func(w http.ResponseWriter, _ *http.Request, _ *authserver.AuthorizationRequest) {
			_, _ = w.Write([]byte("a page"))
		}
		shown := h.get("/authorize", request(), misled)
		require.Len(t, shown.Cookie, 1)
		c := shown.Cookie[0]
		require.Equal(t, "__Host-authserver-browser", c.Name)
		require.True(t, c.Secure && c.HttpOnly)
		require.Equal(t, []string{"/", ""}, []string{c.Path, c.Domain})
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		for _, a := range []*answer{code, tokens, shown, h.get("/authorize", nil, misled)} {
			for name, values := range a.Header {
				require.NotContains(t, strings.Join(values, " "), "evil", name)
			}
			require.NotContains(t, a.Body, "evil")
		}
	})
}

package authserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
)

// visitorClient is the id of the client that a test registers by itself.
const visitorClient = "registered-here"

// webClient and nativeClient are clients with these redirect URIs and no other.
func webClient(uris ...string) *oauth.Client {
	return &oauth.Client{
		ID: visitorClient, Secrets: []oauth.Secret{{ID: "1", Digest: secretDigest}}, RedirectURIs: uris,
		Scopes: []string{"openid", "read", "offline_access"},
	}
}

func nativeClient(uris ...string) *oauth.Client {
	c := webClient(uris...)
	c.Secrets, c.ApplicationType = nil, oauth.ApplicationNative
	return c
}

// The redirect URIs that are refused. Without clients of its own a case is of
// one that registered redirect and nothing else, as a web and as a native
// client.
var refusedRedirects = []struct {
	id, text string
	clients  []*oauth.Client
	asked    []string
}{
	{"RU-03", "no redirect URI at all", []*oauth.Client{webClient(), nativeClient()}, []string{redirect, "", "http://127.0.0.1/cb"}},
	{"RU-04", "other host", nil, []string{"https://evil.example/cb"}},
	{"RU-05", "suffix of the host", nil, []string{"https://good.example.evil.com/cb"}},
	{"RU-06", "prefix of the host", nil, []string{"https://good.example-evil.com/cb", "https://evilgood.example/cb"}},
	{"RU-07", "domain below and above", nil, []string{"https://a.good.example/cb", "https://example/cb"}},
	{"RU-08", "path longer and shorter", nil, []string{redirect + "/extra", "https://good.example/c", redirect + "/"}},
	{"RU-09", "query added", nil, []string{redirect + "?x=1", redirect + "?"}},
	{"RU-09 registered", "query removed, changed", []*oauth.Client{webClient(redirect + "?a=1")}, []string{
		redirect, redirect + "?", redirect + "?a=1&b=2", redirect + "?a=%31", redirect + "?a=1&", redirect + "?A=1",
	}},
	{"RU-09 order", "query in another order", []*oauth.Client{webClient(redirect + "?a=1&b=2")}, []string{redirect + "?b=2&a=1"}},
	{"RU-10", "dot segments", nil, []string{redirect + "/../evil", "https://good.example/./cb", redirect + "/.."}},
	{
		"RU-11", "encoded dot segments", nil,
		[]string{redirect + "/%2e%2e/evil", redirect + "/..%2fevil", redirect + "/%252e%252e%252fevil"},
	},
	{"RU-12", "matrix and slashes", nil, []string{redirect + "/..;/evil", "https://good.example//cb", redirect + "//evil"}},
	{"RU-13", "userinfo", nil, []string{
		"https://good.example@evil.com/cb", "https://good.example:443@evil.com/cb", "https://u:p@good.example/cb", "https://@good.example/cb",
	}},
	{"RU-14", "backslashes", nil, []string{`https://evil.com\@good.example/cb`, `https:\\good.example\cb`, `https://good.example\.evil.com/cb`}},
	{"RU-15", "fragment", []*oauth.Client{webClient(redirect), webClient(redirect + "#"), webClient(redirect + "#x")}, []string{redirect + "#x", redirect + "#", redirect + "%23x"}},
	{"RU-16", "http", nil, []string{"http://good.example/cb"}},
	{"RU-17", "case", nil, []string{"HTTPS://good.example/cb", "https://GOOD.example/cb", "https://good.example/CB"}},
	{"RU-18", "port", nil, []string{"https://good.example:443/cb", "https://good.example:8443/cb", "https://good.example:/cb"}},
	{"RU-19", "IDN", nil, []string{"https://g\u043e\u043ed.example/cb", "https://\uff47ood.example/cb", "https://good\u3002example/cb"}},
	{"RU-20", "encoded host", nil, []string{"https://g%6fod.example/cb"}},
	{"RU-21", "control and format characters", nil, []string{
		redirect + "\x00", redirect + "\r\nX-Injected: yes", redirect + "\t", redirect + " ", " " + redirect, "\n" + redirect,
		redirect + "\u200b", redirect + "\u202e", "https://good\n.example/cb", "https://good.example\t/cb",
	}},
	{"RU-23", "relative and empty", nil, []string{"//good.example/cb", "/cb", "", "?", "#", "good.example/cb", "https:", "https://"}},
	{"RU-25", "8 KiB", nil, []string{redirect + strings.Repeat("x", 8<<10)}},
	{
		"RU-26", "a star is no pattern",
		[]*oauth.Client{webClient("https://*.good.example/*"), webClient("https://good.example/*")},
		[]string{"https://a.good.example/cb", "https://a.good.example/*", "https://good.example/cb", "https://good.example/"},
	},
	{"RU-28", "localhost is not 127.0.0.1", []*oauth.Client{nativeClient("http://127.0.0.1/cb")}, []string{"http://localhost:53123/cb"}},
	{"RU-29", "the scheme counts on loopback", []*oauth.Client{nativeClient("https://127.0.0.1:8443/cb")}, []string{
		"http://127.0.0.1:8443/cb", "https://127.0.0.1:8444/cb",
	}},
	{"RU-30", "web client on loopback, other port", []*oauth.Client{webClient("http://127.0.0.1:8080/cb")}, []string{
		"http://127.0.0.1:53123/cb", "http://127.0.0.1/cb",
	}},
	{"RU-31", "loopback, odd", []*oauth.Client{nativeClient("http://127.0.0.1/cb")}, []string{
		"http://u@127.0.0.1:80/cb", "http://127.0.0.1:80@evil.com/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:99999/cb",
		"http://127.0.0.1:/cb", "http://127.0.0.1:80/cb#", "http://127.0.0.1:80/%63b", "http://127.0.0.1:80/cb/../evil",
	}},
	{"RU-32", "almost loopback", []*oauth.Client{nativeClient("http://127.0.0.1/cb")}, []string{
		"http://127.0.0.1.evil.com:80/cb", "http://127.0.0.2/cb", "http://127.1/cb", "http://0x7f.1/cb",
		"http://2130706433/cb", "http://[::ffff:127.0.0.1]/cb", "http://0.0.0.0/cb",
	}},
	{"RU-33", "IPv4 is not IPv6", []*oauth.Client{nativeClient("http://[::1]/cb")}, []string{"http://127.0.0.1/cb", "http://127.0.0.1:80/cb"}},
	{"RU-33 reverse", "IPv6 is not IPv4", []*oauth.Client{nativeClient("http://127.0.0.1/cb")}, []string{"http://[::1]/cb", "http://[::1]:80/cb"}},
	{"RU-34", "private-use scheme", []*oauth.Client{nativeClient("com.app:/cb")}, []string{"com.app://evil/cb", "COM.APP:/cb", "com.app:/cb/x"}},
}

func TestRefusedRedirects(t *testing.T) {
	for _, c := range refusedRedirects {
		t.Run(c.id, func(t *testing.T) {
			h := newHarness(t)
			if c.clients == nil {
				c.clients = []*oauth.Client{webClient(redirect), nativeClient(redirect)}
			}
			for _, client := range c.clients {
				h.clients[visitorClient] = client
				for _, asked := range c.asked {
					h.refusesRedirect(asked)
				}
			}
		})
	}
}

// refusesRedirect wants a page and nothing else for a request with that
// redirect URI, sent either way.
func (h *harness) refusesRedirect(asked string, pairs ...string) {
	h.t.Helper()
	query := request(append([]string{"client_id", visitorClient}, pairs...)...)
	query["redirect_uri"] = []string{asked}
	for _, send := range []func(string, url.Values, ...func(*http.Request)) *answer{h.get, h.post} {
		a := h.rejects(func() *answer { return send("/authorize", query) })
		a.page(http.StatusBadRequest)
		require.Contains(h.t, a.Body, "invalid_request", "%q", asked)
		if len(asked) > len("https://") {
			require.NotContains(h.t, a.Body, asked)
			require.NotContains(h.t, h.log.String(), asked)
		}
	}
}

func TestRedirectAbsent(t *testing.T) {
	for _, c := range []struct {
		id     string
		client *oauth.Client
	}{
		{"RU-01", webClient(redirect)}, // with openid in scope, one registered
		{"RU-02", webClient(redirect, "https://good.example/second")},
	} {
		t.Run(c.id, func(t *testing.T) {
			h := newHarness(t)
			h.clients[visitorClient] = c.client
			for _, scope := range []string{"openid read", "read", ""} {
				a := h.rejects(func() *answer {
					return h.get("/authorize", request("client_id", visitorClient, "redirect_uri", "", "scope", scope))
				})
				a.page(http.StatusBadRequest)
				require.Contains(t, a.Body, "invalid_request")
			}
		})
	}
}

// What must never be redirected to is not, even where it is registered by
// other means than the server's own checks.
func TestRedirectRegisteredBehindOurBack(t *testing.T) {
	t.Run("RU-22", func(t *testing.T) {
		h := newHarness(t)
		for _, uri := range []string{
			"javascript:alert(1)", "JavaScript:alert(1)", "javascript://good.example/%0aalert(1)", "data:text/html,x", "vbscript:x",
			"blob:https://good.example/x", "file:///etc/passwd", "about:blank",
		} {
			for _, client := range []*oauth.Client{webClient(uri), nativeClient(uri)} {
				h.clients[visitorClient] = client
				for _, mode := range []string{"", oauth.ResponseModeFragment, oauth.ResponseModeFormPost} {
					h.refusesRedirect(uri, "response_mode", mode)
				}
			}
		}
	})
}

func TestRedirectTwice(t *testing.T) {
	t.Run("RU-24", func(t *testing.T) {
		h := newHarness(t)
		good, evil := url.QueryEscape(redirect), url.QueryEscape("https://evil.example/cb")
		rest := request("redirect_uri", "").Encode()
		for _, uris := range []string{
			"redirect_uri=" + good + "&redirect_uri=" + evil,
			"redirect_uri=" + evil + "&redirect_uri=" + good,
			"redirect_uri=" + good + "&redirect_uri=" + good,
			"redirect_uri=" + good + "&redirect_uri=",
			"redirect_uri=" + good + "&redirect%5Furi=" + evil,
			"redirect_uri[]=" + good,
			"redirect_uri%5B%5D=" + good + "&redirect_uri%5B%5D=" + evil,
			"REDIRECT_URI=" + good,
		} {
			for _, query := range []string{rest + "&" + uris, uris + "&" + rest} {
				a := h.rejects(func() *answer { return h.raw(query) })
				a.page(http.StatusBadRequest)
				require.Contains(t, a.Body, "invalid_request")
			}
		}
	})
}

// raw sends an authorization request with that query, byte by byte.
func (h *harness) raw(query string) *answer {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodGet, testIssuer+"/authorize", nil)
	r.URL.RawQuery = query
	return h.do(r)
}

func TestRedirectRefusedFast(t *testing.T) {
	h := newHarness(t)
	query := request("redirect_uri", redirect+strings.Repeat("/../x", 8<<10/5))
	h.within(5*time.Millisecond, http.MethodGet, query, errorPage(http.StatusBadRequest)) // RU-25
}

// The port of a native client is its own affair (RFC 8252 §7.3), and the code
// that went there is redeemed with the same URI alone.
func TestRedirectLoopback(t *testing.T) {
	t.Run("RU-27", func(t *testing.T) {
		h := newHarness(t)
		const asked = "http://127.0.0.1:53123/cb"
		a := h.get("/authorize", request("client_id", public, "redirect_uri", asked))
		require.True(t, strings.HasPrefix(a.Header.Get("Location"), asked+"?"), a.Header.Get("Location"))
		code := a.location().Get("code")
		require.NotEmpty(t, code)

		form := redeem(code, "client_id", public, "redirect_uri", "http://127.0.0.1/cb")
		h.post("/token", form).refused(http.StatusBadRequest, oauth.InvalidGrant)
		form.Set("redirect_uri", asked)
		require.Equal(t, http.StatusOK, h.post("/token", form).Status)
	})
	t.Run("RU-28 registered", func(t *testing.T) {
		h := newHarness(t)
		h.clients[visitorClient] = nativeClient("http://localhost/cb")
		a := h.get("/authorize", request("client_id", visitorClient, "redirect_uri", "http://localhost:53123/cb"))
		require.NotEmpty(t, a.location().Get("code"))
	})
	t.Run("RU-34 registered", func(t *testing.T) {
		h := newHarness(t)
		a := h.get("/authorize", request("client_id", public, "redirect_uri", "com.app:/cb"))
		require.True(t, strings.HasPrefix(a.Header.Get("Location"), "com.app:/cb?"), a.Header.Get("Location"))
		require.NotEmpty(t, a.location().Get("code"))
	})
}

// Nothing of a refused redirect URI stands on the page that refuses it.
func TestRedirectOnThePage(t *testing.T) {
	t.Run("RU-35", func(t *testing.T) {
		h := newHarness(t)
		h.clients[visitorClient] = webClient(redirect)
		for _, asked := range []string{
			"https://evil.example/", `https://evil.example/"><script>alert(1)</script>`, "javascript:alert(document.domain)",
			`https://evil.example/'onmouseover='alert(1)`, "https://evil.example/{{.}}", "0;url=https://evil.example/",
		} {
			h.refusesRedirect(asked)
			page := h.get("/authorize", request("client_id", visitorClient, "redirect_uri", asked)).Body
			for _, forbidden := range []string{"evil", "alert", "<script", "<a ", "href", "http-equiv", "<form"} {
				require.NotContains(t, strings.ToLower(page), forbidden, "%q", asked)
			}
		}
	})
}

// Whatever else is wrong, a redirect URI that is wrong decides.
func TestRedirectBeforeAllElse(t *testing.T) {
	t.Run("RU-36", func(t *testing.T) {
		h := newHarness(t)
		h.clients[visitorClient] = webClient(redirect)
		for _, pairs := range [][]string{
			{"scope", "no-such-scope"},
			{"response_type", "no-such-type"},
			{"response_type", ""},
			{"code_challenge", ""},
			{"prompt", "none login"},
			{"max_age", "-1"},
			{"request", "x"},
			{"response_mode", "no-such-mode"},
		} {
			h.refusesRedirect("https://evil.example/cb", pairs...)
		}
	})
}

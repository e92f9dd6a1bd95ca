package authserver_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
)

// hostile are texts that would do harm in a log.
var hostile = map[string]string{
	"CR LF": "x\r\ntime=now level=INFO msg=forged", "ANSI": "\x1b[2J\x1b[31mx", "quote": `"} {"msg":"forged`, "NUL": "x\x00y",
	"64 KiB": strings.Repeat("x", 64<<10), "bidi": "x\u202ey", "not UTF-8": "\xff\xfe",
}

func TestHostileTexts(t *testing.T) {
	h := newHarness(t)
	h.sub("HG-03", func(t *testing.T) {
		for name, text := range hostile {
			for _, send := range map[string]func(){
				"client_id":   func() { h.post("/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {text}}) },
				"Basic":       func() { h.post("/token", authenticated["/token"], basic(text, secret)) },
				"at the page": func() { h.get("/authorize", request("client_id", text)) },
				"state":       func() { h.get("/authorize", request("state", text, "prompt", "unknown")) },
				"username": func() {
					h.token(url.Values{"grant_type": {"password"}, "username": {text}, "password": {"wrong"}})
				},
				"headers": func() {
					h.post("/token", url.Values{"grant_type": {"unknown"}}, withHeader("User-Agent", text), withHeader("X-Request-Id", text), withHeader("X-Forwarded-For", text))
				},
				"path":    func() { h.get("/"+url.PathEscape(text), nil) },
				"subject": func() { h.interact = approves(h, text); h.get("/authorize", request()); h.interact = nil },
			} {
				before := len(h.log.String())
				send()
				h.oneRecordAtMost(t, name, h.log.String()[before:])
			}
		}
		require.Greater(t, strings.Count(h.log.String(), "\n"), 6*len(hostile))
	})
}

func approves(h *harness, subject string) authserver.InteractFunc {
	return func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
		h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: subject, AuthTime: time.Now()})
	}
}

var control = regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f]`)

// oneRecordAtMost wants what a request logged to be one line of JSON, short
// and of printable characters. A request for nothing is not logged at all.
func (h *harness) oneRecordAtMost(t *testing.T, name, logged string) {
	t.Helper()
	if logged == "" {
		return
	}
	require.Equal(t, 1, strings.Count(logged, "\n"), "%s: %.2000s", name, logged)
	require.True(t, strings.HasSuffix(logged, "\n"))
	require.Less(t, len(logged), 4<<10, name)
	require.False(t, control.MatchString(logged), name)
	var record map[string]any
	require.NoError(t, json.Unmarshal([]byte(logged), &record), logged)
	require.NotEqual(t, "forged", record["msg"])
}

// guesses sends wrong secrets of one client from an address, or what a proxy
// says is one, and returns the last answer.
func (h *harness) guesses(n int, edit func(i int, r *http.Request)) *answer {
	h.t.Helper()
	wrong, _ := clientauth.NewSecret()
	var last *answer
	for i := range n {
		last = h.post("/token", authenticated["/token"], basic(confidential, wrong), func(r *http.Request) { edit(i, r) })
	}
	return last
}

func TestLimits(t *testing.T) {
	const allowed = 20
	forwarded := func(peer, header string) func(i int, r *http.Request) {
		return func(i int, r *http.Request) {
			r.RemoteAddr = peer
			r.Header.Set(header, fmt.Sprintf("198.51.100.%d", i))
		}
	}
	t.Run("HG-04", func(t *testing.T) {
		for _, header := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip"} {
			h := newHarness(t)
			require.Equal(t, http.StatusTooManyRequests, h.guesses(allowed+1, forwarded("192.0.2.7:1", header)).Status, header)
		}
		behind := func(c *authserver.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }
		require.Equal(t, http.StatusUnauthorized, newHarness(t, behind).guesses(allowed+1, forwarded("192.0.2.7:1", "X-Forwarded-For")).Status)
		require.Equal(t, http.StatusTooManyRequests, newHarness(t, behind).guesses(allowed+1, forwarded("203.0.113.7:1", "X-Forwarded-For")).Status)
		network := func(format string) func(i int, r *http.Request) {
			return func(i int, r *http.Request) { r.RemoteAddr = fmt.Sprintf(format, i) }
		}
		require.Equal(t, http.StatusTooManyRequests, newHarness(t).guesses(allowed+1, network("[2001:db8:1:2::%x]:1")).Status, "one /64")
		require.Equal(t, http.StatusUnauthorized, newHarness(t).guesses(allowed+1, network("[2001:db8:1:%x::1]:1")).Status, "many /64")
	})
	t.Run("HG-08", func(t *testing.T) {
		h := newHarness(t, withPassword(grants.Password{Authenticate: checkPassword, MaxAttempts: 5}))
		spellings := []string{"192.0.2.7:1", "192.0.2.7:65000", "[::ffff:192.0.2.7]:1", "[::ffff:c000:207]:2"}
		mapped := func(i int, r *http.Request) { r.RemoteAddr = spellings[i%len(spellings)] }
		throttled(t, h.guesses(allowed+1, mapped))
		require.Equal(t, http.StatusUnauthorized, h.guesses(1, func(_ int, r *http.Request) { r.RemoteAddr = "192.0.2.8:1" }).Status)

		for _, name := range []string{"alice", "ALICE", "alice.", " alice ", "ａｌｉｃｅ"} { // one account
			a := h.token(url.Values{"grant_type": {"password"}, "username": {name}, "password": {"wrong"}})
			a.refused(http.StatusBadRequest, oauth.InvalidGrant)
		}
		throttled(t, h.token(url.Values{"grant_type": {"password"}, "username": {"Alice"}, "password": {password}}))
		h.token(url.Values{"grant_type": {"password"}, "username": {"bob"}, "password": {"wrong"}}).refused(http.StatusBadRequest, oauth.InvalidGrant)

		p := h.person()
		for i := range 5 {
			p.address = spellings[i%len(spellings)]
			_, err := p.types("BCDF-GHJK")
			require.ErrorIs(t, err, authserver.ErrNoRequest)
		}
		_, err := p.types(h.startsDevice(t, "read").str("user_code"))
		require.ErrorIs(t, err, authserver.ErrThrottled)
	})
}

func throttled(t *testing.T, a *answer) {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, a.Status, a.Body)
	require.Regexp(t, `^[1-9][0-9]*$`, a.Header.Get("Retry-After"))
}

func TestUnhandledPanic(t *testing.T) {
	t.Run("HG-05", func(t *testing.T) {
		f := fragileHost(t, memory.New())
		server := httptest.NewServer(f.srv)
		t.Cleanup(server.Close)
		reused := 0
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if info.Reused {
				reused++
			}
		}}
		get := func() (status int, body string) {
			ctx := httptrace.WithClientTrace(t.Context(), trace)
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/authentication/authorize?"+request().Encode(), http.NoBody)
			require.NoError(t, err)
			client := server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			response, err := client.Do(r)
			require.NoError(t, err)
			defer response.Body.Close()
			var b bytes.Buffer
			_, err = b.ReadFrom(response.Body)
			require.NoError(t, err)
			return response.StatusCode, b.String()
		}
		f.broken = "Interact"
		for range 3 {
			status, body := get()
			require.Equal(t, http.StatusInternalServerError, status)
			for _, detail := range []string{"panic", "goroutine", ".go:", cracked, "string"} {
				require.NotContains(t, body, detail)
			}
		}
		require.Len(t, f.seen(), 3, "each is counted")
		require.Contains(t, f.log.String(), "interact", "where it was is for the log")
		f.broken = ""
		status, _ := get()
		require.Equal(t, http.StatusSeeOther, status)
		require.Equal(t, 3, reused, "one connection for all")
	})
}

func TestUnsafeConfig(t *testing.T) {
	t.Run("HG-09", func(t *testing.T) {
		for name, c := range map[string]struct {
			field string
			edit  func(c *authserver.Config)
		}{
			"http off loopback":   {"Issuer", func(c *authserver.Config) { c.Issuer = "http://login.example" }},
			"http on a network":   {"Issuer", func(c *authserver.Config) { c.Issuer = "http://192.168.1.1" }},
			"http, like loopback": {"Issuer", func(c *authserver.Config) { c.Issuer = "http://127.0.0.1.evil.example" }},
			"no issuer":           {"Issuer", func(c *authserver.Config) { c.Issuer = "" }},
			"user information":    {"Issuer", func(c *authserver.Config) { c.Issuer = "https://u:p@login.example" }},
			"no storage":          {"Storage", func(c *authserver.Config) { c.Storage = nil }}, // never silently in memory
			"no keys":             {"Keys", func(c *authserver.Config) { c.Keys = nil }},
			"nobody to ask":       {"Interact", func(c *authserver.Config) { c.Interact = nil }},
			"endless session":     {"SessionIdle", func(c *authserver.Config) { c.SessionIdle = 24 * time.Hour }},
			"negative lifetime":   {"AccessTokenLifetime", func(c *authserver.Config) { c.AccessTokenLifetime = -1 }},
			"scope with a space":  {"Scopes[0]", func(c *authserver.Config) { c.Scopes = []authserver.Scope{{Name: "a b"}} }},
			"no password check":   {"Grants[0]", func(c *authserver.Config) { c.Grants = []grants.Grant{grants.Password{}} }},
		} {
			t.Run(name, func(t *testing.T) {
				cfg := authserver.Config{
					Issuer: testIssuer, Storage: memory.New(), Keys: testKeys(),
					Interact: func(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) {},
				}
				c.edit(&cfg)
				_, err := authserver.New(cfg)
				var fault *authserver.ConfigError
				require.ErrorAs(t, err, &fault)
				require.Equal(t, c.field, fault.Field)
				require.Contains(t, err.Error(), "Config."+c.field)
			})
		}
		signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		for name, weak := range map[string][]byte{
			"none": nil, "short": hostSecret()[:31], "zeros": make([]byte, 32), "a word over and over": bytes.Repeat([]byte("password"), 4),
		} {
			_, err := keys.Static(weak, signer)
			require.ErrorContains(t, err, "secret", name)
			_, err = keys.Managed(memory.New(), weak, keys.ManagedOptions{})
			require.ErrorContains(t, err, "secret", name)
		}
		weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
		require.NoError(t, err)
		_, err = keys.Static(hostSecret(), weak)
		require.Error(t, err)
		for _, wildcard := range []string{"https://*.example/cb", "https://good.example/*", "*"} {
			c := oauth.Client{ID: "w", RedirectURIs: []string{wildcard}, GrantTypes: []string{oauth.GrantTypeAuthorizationCode}}
			require.ErrorContains(t, clientreg.Validate(&c), "redirect_uris", wildcard)
		}
	})
}

func TestErrorsHaveOneShape(t *testing.T) {
	h := newHarness(t)
	h.sub("HG-11", func(t *testing.T) {
		answers := map[string]*answer{
			"token": h.post("/token", nil), "introspect": h.post("/introspect", nil), "revoke": h.post("/revoke", nil),
			"device": h.post("/device_authorization", nil), "userinfo": h.get("/userinfo", nil), "nowhere": h.get("/nowhere", nil),
			"method": h.get("/token", nil), "well-known": h.get("/.well-known/none", nil), "no client": h.post("/token", authenticated["/token"]),
			"metadata": h.post("/.well-known/openid-configuration", nil), "keys": h.post("/jwks.json", nil),
			"oversized": h.get("/jwks.json", nil, withHeader("X", strings.Repeat("x", 40<<10))),
		}
		for name, a := range answers {
			require.GreaterOrEqual(t, a.Status, 400, name)
			var members map[string]string
			require.NoError(t, json.Unmarshal([]byte(a.Body), &members), "%s: %s", name, a.Body)
			require.ElementsMatch(t, []string{"error", "error_description"}, slices.Collect(maps.Keys(members)), name)
			require.NotEmpty(t, members["error"])
			require.Equal(t, "application/json", a.Header.Get("Content-Type"), name)
			require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), name)
		}
		answers["page"] = h.get("/authorize", nil)
		for name, a := range answers {
			for _, banner := range []string{"Server", "X-Powered-By", "X-Aspnet-Version", "Via"} {
				require.Empty(t, a.Header.Get(banner), name)
			}
			require.NotRegexp(t, `(?i)authserver/|fosite|golang|go1\.|\bv[0-9]+\.[0-9]`, a.Body+fmt.Sprint(a.Header), name)
		}
	})
	// What is counted by is the event: whoever sends requests must not be able
	// to make up its members.
	h.sub("HG-12", func(t *testing.T) {
		labels := func(i int) string {
			h.forgetEvents()
			made := fmt.Sprintf("made-up-%d", i)
			h.post("/token", url.Values{"grant_type": {made}}, as(confidential))
			h.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {made}}, as(confidential))
			h.post("/token", authenticated["/token"], basic(made, secret))
			h.post("/token", redeem(made), as(confidential))
			h.post("/revoke", url.Values{"token": {made}, "token_type_hint": {made}}, as(confidential))
			h.get("/authorize", request("client_id", made))
			h.get("/authorize", request("response_type", made))
			h.get("/authorize", request("scope", made))
			h.get("/userinfo", nil, bearer(made))
			h.do(httptest.NewRequestWithContext(t.Context(), made, testIssuer+"/token", nil))
			events := h.seen()
			for i := range events {
				events[i].Time, events[i].Reference = time.Time{}, ""
			}
			return fmt.Sprintf("%+v", events)
		}
		want := labels(1)
		require.NotContains(t, want, "made-up")
		for i := range 5 {
			require.Equal(t, want, labels(i+2))
		}
	})
}

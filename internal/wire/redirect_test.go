package wire

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
)

func web(uris ...string) *oauth.Client { return &oauth.Client{RedirectURIs: uris} }

func native(uris ...string) *oauth.Client {
	return &oauth.Client{RedirectURIs: uris, ApplicationType: oauth.ApplicationNative}
}

const good = "https://good.example/cb"

func TestMatchRedirectRefuses(t *testing.T) {
	for id, uris := range map[string][]string{
		"RU-04": {"https://evil.example/cb"},
		"RU-05": {"https://good.example.evil.com/cb"},
		"RU-06": {"https://good.example-evil.com/cb", "https://evilgood.example/cb"},
		"RU-07": {"https://a.good.example/cb", "https://example/cb"},
		"RU-08": {"https://good.example/cb/extra", "https://good.example/c", "https://good.example/cb/"},
		"RU-09": {"https://good.example/cb?x=1", "https://good.example/cb?"},
		"RU-10": {"https://good.example/cb/../evil", "https://good.example/./cb", "https://good.example/cb/.."},
		"RU-11": {"https://good.example/%2e%2e/cb", "https://good.example/..%2fcb", "https://good.example/%252e%252e%252fcb"},
		"RU-12": {"https://good.example/cb/..;/evil", "https://good.example//cb", "https://good.example/cb//evil"},
		"RU-13": {"https://good.example@evil.com/cb", "https://good.example:443@evil.com/cb", "https://u:p@good.example/cb"},
		"RU-14": {`https://evil.com\@good.example/cb`, `https:\\good.example\cb`, `https://good.example\.evil.com/cb`},
		"RU-15": {good + "#x", good + "#", good + "%23x"},
		"RU-16": {"http://good.example/cb"},
		"RU-17": {"HTTPS://good.example/cb", "https://GOOD.example/cb", "https://good.example/CB"},
		"RU-18": {"https://good.example:443/cb", "https://good.example:8443/cb", "https://good.example:/cb"},
		"RU-19": {"https://gооd.example/cb", "https://ｇood.example/cb", "https://good。example/cb"},
		"RU-20": {"https://g%6fod.example/cb"},
		"RU-21": {good + "\x00", good + "\r\nX: y", good + "\t", good + " ", " " + good, good + "\u200b", good + "\u202e", "https://good\n.example/cb"},
		"RU-23": {"//good.example/cb", "/cb", "", "?", "good.example/cb"},
		"RU-25": {good + strings.Repeat("x", 8<<10)},
	} {
		t.Run(id, func(t *testing.T) {
			for _, uri := range uris {
				require.False(t, MatchRedirect(web(good), uri), "%q", uri)
				require.False(t, MatchRedirect(native(good), uri), "%q", uri)
			}
		})
	}
	require.True(t, MatchRedirect(web("https://other.example/", good), good))
	require.False(t, MatchRedirect(web(), good), "RU-03")
}

func TestMatchRedirectQuery(t *testing.T) { // RU-09
	c := web("https://good.example/cb?a=1&b=2")
	require.True(t, MatchRedirect(c, "https://good.example/cb?a=1&b=2"))
	for _, uri := range []string{good, "https://good.example/cb?b=2&a=1", "https://good.example/cb?a=1&b=2&c=3", "https://good.example/cb?a=%31&b=2"} {
		require.False(t, MatchRedirect(c, uri), uri)
	}
}

// Registered by other means than this server's checks, and still never used.
func TestMatchRedirectRefusesWhatIsRegistered(t *testing.T) {
	for _, uri := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "blob:https://good.example/x",
		"file:///etc/passwd", "about:blank", "view-source:https://good.example", // RU-22
		good + "#", good + "#x", "https://u:p@good.example/cb", "/cb", "", "https://good.example/\u00e9",
		`https://good.example\cb`, "https://good.example/a b", "https://good.example:port/", "https://%zz/",
	} {
		require.False(t, MatchRedirect(native(uri), uri), "%q", uri)
	}
}

func TestRU25LongRedirectURI(t *testing.T) {
	long := "https://good.example/" + strings.Repeat("x", 8<<10)
	start := time.Now()
	require.False(t, MatchRedirect(web(long), long))
	require.Less(t, time.Since(start), 5*time.Millisecond)
}

func TestRU26NoWildcards(t *testing.T) {
	c := web("https://*.good.example/*")
	for _, uri := range []string{"https://a.good.example/cb", "https://a.good.example/*", "https://*.good.example/cb"} {
		require.False(t, MatchRedirect(c, uri), uri)
	}
}

func TestLoopbackRedirects(t *testing.T) {
	const v4, v6, name = "http://127.0.0.1/cb", "http://[::1]/cb", "http://localhost/cb"
	for _, c := range []struct {
		id        string
		client    *oauth.Client
		requested string
		want      bool
	}{
		{"RU-27", native(v4), "http://127.0.0.1:53123/cb", true},
		{"RU-27 no port", native("http://127.0.0.1:8080/cb"), v4, true},
		{"RU-27 other port", native("http://127.0.0.1:8080/cb"), "http://127.0.0.1:8081/cb", true},
		{"RU-27 IPv6", native(v6), "http://[::1]:53123/cb", true},
		{"RU-27 query", native(v4 + "?a=1"), "http://127.0.0.1:53123/cb?a=1", true},
		{"no path", native("http://127.0.0.1"), "http://127.0.0.1:1", true},
		{"no path, with query", native("http://127.0.0.1?a"), "http://127.0.0.1:65535?a", true},
		{"RU-28", native(v4), "http://localhost:53123/cb", false},
		{"RU-28 registered", native(v4, name), "http://localhost:53123/cb", true},
		{"localhost registered alone", native(name), "http://127.0.0.1:53123/cb", false},
		{"RU-29", native("https://127.0.0.1:8443/cb"), "http://127.0.0.1:8443/cb", false},
		{"RU-29 https has no freedom", native("https://127.0.0.1:8443/cb"), "https://127.0.0.1:8444/cb", false},
		{"RU-30", web(v4), "http://127.0.0.1:53123/cb", false},
		{"RU-30 exact", web(v4), v4, true},
		{"RU-31 userinfo", native(v4), "http://u@127.0.0.1:80/cb", false},
		{"RU-31 port as password", native(v4), "http://127.0.0.1:80@evil.com/cb", false},
		{"RU-31 port 0", native(v4), "http://127.0.0.1:0/cb", false},
		{"RU-31 port 65536", native(v4), "http://127.0.0.1:65536/cb", false},
		{"RU-31 port 99999", native(v4), "http://127.0.0.1:99999/cb", false},
		{"RU-31 empty port", native(v4), "http://127.0.0.1:/cb", false},
		{"RU-31 leading zero", native(v4), "http://127.0.0.1:080/cb", false},
		{"RU-31 sign", native(v4), "http://127.0.0.1:+80/cb", false},
		{"RU-31 empty fragment", native(v4), "http://127.0.0.1:80/cb#", false},
		{"RU-31 encoded path", native(v4), "http://127.0.0.1:80/%63b", false},
		{"other path", native(v4), "http://127.0.0.1:80/cb/", false},
		{"other query", native(v4), "http://127.0.0.1:80/cb?x", false},
		{"upper-case scheme", native(v4), "HTTP://127.0.0.1:80/cb", false},
		{"upper-case host", native(name), "http://LOCALHOST:80/cb", false},
		{"RU-32 suffix", native(v4), "http://127.0.0.1.evil.com:80/cb", false},
		{"RU-32 other loopback", native(v4), "http://127.0.0.2/cb", false},
		{"RU-32 short", native(v4), "http://127.1/cb", false},
		{"RU-32 hexadecimal", native(v4), "http://0x7f.1/cb", false},
		{"RU-32 decimal", native(v4), "http://2130706433/cb", false},
		{"RU-32 mapped", native(v4), "http://[::ffff:127.0.0.1]/cb", false},
		{"RU-32 any", native(v4), "http://0.0.0.0/cb", false},
		{"RU-33", native(v6), "http://127.0.0.1/cb", false},
		{"RU-33 reverse", native(v4), "http://[::1]/cb", false},
		{"IPv6 zone", native(v6), "http://[::1%25eth0]/cb", false},
		{"IPv6 long form", native(v6), "http://[0:0:0:0:0:0:0:1]/cb", false},
		{"localhost suffix", native(name), "http://localhost.evil.com/cb", false},
		{"off loopback", native("http://good.example/cb"), "http://good.example:81/cb", false},
		{"RU-34", native("com.app:/cb"), "com.app:/cb", true},
		{"RU-34 host", native("com.app:/cb"), "com.app://evil/cb", false},
		{"RU-34 case", native("com.app:/cb"), "COM.APP:/cb", false},
		{"RU-34 path", native("com.app:/cb"), "com.app:/cb/x", false},
		{"port-less localhost", native("http://localhost/callback"), "http://localhost:8976/callback", true},
		{"loopback root", native("http://127.0.0.1/"), "http://127.0.0.1:33418/", true},
		{"private scheme with host", native("cursor://anysphere.cursor-mcp/oauth/callback"), "cursor://anysphere.cursor-mcp/oauth/callback", true},
	} {
		t.Run(c.id, func(t *testing.T) {
			require.Equal(t, c.want, MatchRedirect(c.client, c.requested), c.requested)
		})
	}
}

func TestValidRedirectURI(t *testing.T) {
	for _, uri := range []string{
		good, "https://good.example", "https://good.example:8443/cb?a=1", "https://claude.ai/api/mcp/auth_callback",
		"http://127.0.0.1/cb", "http://127.0.0.1:8080/", "http://[::1]:1/cb", "http://localhost/callback",
		"https://[2001:db8::1]/cb", "https://good.example/%C3%A9",
	} {
		require.NoError(t, ValidRedirectURI(uri, false), uri)
		require.NoError(t, ValidRedirectURI(uri, true), uri)
		require.True(t, MatchRedirect(web(uri), uri), uri)
	}
	for _, uri := range []string{"com.app:/cb", "com.app:cb", "com.app://cb", "cursor://anysphere.cursor-mcp/oauth/callback"} {
		require.NoError(t, ValidRedirectURI(uri, true), uri)
		require.ErrorContains(t, ValidRedirectURI(uri, false), "native")
		require.True(t, MatchRedirect(native(uri), uri), uri)
	}
	for uri, reason := range map[string]string{ // RG-04
		"":                                 "empty",
		"javascript:alert(1)":              "never redirected",
		"JAVASCRIPT:alert(1)":              "never redirected",
		"data:text/html,x":                 "never redirected",
		"file:///x":                        "never redirected",
		"ftp://good.example/":              "never redirected",
		"http://good.example/cb":           "plain http",
		"http://127.0.0.1.evil.com/cb":     "plain http",
		"http://127.0.0.2/cb":              "plain http",
		"http://LOCALHOST/cb":              "plain http",
		good + "#":                         "fragment",
		good + "#x":                        "fragment",
		"https://*.good.example/cb":        "wildcard",
		"https://good.example/*":           "wildcard",
		"https://u@good.example/cb":        "user information",
		"https://good.example/\x00":        "percent-encoded",
		"https://good.example/a b":         "percent-encoded",
		`https://good.example\cb`:          "percent-encoded",
		"https://gооd.example/cb":          "percent-encoded",
		"https://good.example/{x}":         "percent-encoded",
		"https://good.example/../cb":       "dot segments",
		"https://good.example/%2e%2E/cb":   "dot segments",
		"https://good.example/%zz":         "parsed",
		"/cb":                              "absolute",
		"//good.example/cb":                "absolute",
		"https:cb":                         "no host",
		"https:///cb":                      "no host",
		"https://:443/cb":                  "no host",
		"https://good.example:/cb":         "port",
		"https://good.example:0/cb":        "port",
		"https://good.example:65536/cb":    "port",
		"http://127.0.0.1:99999/cb":        "port",
		"com.app:":                         "nothing after",
		good + strings.Repeat("x", 10<<10): "2048",
	} {
		require.ErrorContains(t, ValidRedirectURI(uri, true), reason, uri)
	}
}

// Whatever matches has, read by another parser, scheme and host of a
// registered URI, and so the code goes nowhere else.
func FuzzMatchRedirect(f *testing.F) {
	registered := []string{good, "http://127.0.0.1/cb", "http://[::1]:8080/cb?a=1", "http://localhost", "com.app:/cb"}
	for _, uri := range registered {
		f.Add(uri)
	}
	for _, uri := range []string{
		"http://127.0.0.1:53123/cb", "http://127.0.0.1:80@evil.com/cb", "http://localhost:1", "http://localhost:1/",
		"http://localhost:1?x", `http://localhost:1\@evil.com`, "javascript:x", "http://localhost:00", "http://[::1]:1/cb?a=1",
	} {
		f.Add(uri)
	}
	client := native(registered...)
	f.Fuzz(func(t *testing.T, requested string) {
		if !MatchRedirect(client, requested) {
			return
		}
		u, err := url.Parse(requested)
		require.NoError(t, err)
		require.Nil(t, u.User)
		require.NotContains(t, requested, "#")
		var found bool
		for _, uri := range registered {
			have, err := url.Parse(uri)
			require.NoError(t, err)
			found = found || u.Scheme == have.Scheme && u.Hostname() == have.Hostname() &&
				u.EscapedPath() == have.EscapedPath() && u.RawQuery == have.RawQuery && u.Opaque == have.Opaque
		}
		require.True(t, found, "%q", requested)
		require.Equal(t, requested, u.String())
	})
}

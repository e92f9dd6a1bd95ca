package wire

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAuthorizationByGetAndPost(t *testing.T) {
	const params = "client_id=c&redirect_uri=https%3A%2F%2Fa%2Fcb&state=a%0D%0A%26%23%25&scope=&resource=x&resource=y&foo=bar"
	want := url.Values{
		"client_id": {"c"}, "redirect_uri": {"https://a/cb"}, "state": {"a\r\n&#%"},
		"resource": {"x", "y"}, "foo": {"bar"},
	}
	for name, r := range map[string]*http.Request{
		"GET":                           httptest.NewRequest(http.MethodGet, "/authorize?"+params, nil),
		"AZ-15 POST":                    post("/authorize", params),
		"POST with a query of the host": post("/authorize?tenant=1", params),
	} {
		t.Run(name, func(t *testing.T) {
			v, duplicated, err := Authorization(httptest.NewRecorder(), r, DefaultLimits)
			require.Nil(t, err)
			require.Empty(t, duplicated)
			require.Equal(t, want, v)
		})
	}
}

func TestRU23EmptyRedirectURIIsKept(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/authorize?redirect_uri=&state=", nil)
	v, _, err := Authorization(httptest.NewRecorder(), r, DefaultLimits)
	require.Nil(t, err)
	require.Equal(t, url.Values{"redirect_uri": {""}}, v)
}

// AZ-13, RU-24: what came twice is named and has no value.
func TestAZ13Duplicates(t *testing.T) {
	for _, name := range []string{
		"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "response_mode", "prompt", "max_age", "request", "request_uri", "unknown",
	} {
		for _, pair := range []string{name + "=good&" + name + "=evil", name + "=same&" + name + "=same", name + "=&" + name + "=x"} {
			r := httptest.NewRequest(http.MethodGet, "/authorize?z=1&"+pair+"&a=2", nil)
			v, duplicated, err := Authorization(httptest.NewRecorder(), r, DefaultLimits)
			require.Nil(t, err)
			require.Equal(t, []string{name}, duplicated)
			require.Equal(t, url.Values{"a": {"2"}, "z": {"1"}}, v)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/authorize?b=1&a=1&b=2&a=2&b=3", nil)
	_, duplicated, err := Authorization(httptest.NewRecorder(), r, DefaultLimits)
	require.Nil(t, err)
	require.Equal(t, []string{"a", "b"}, duplicated)
}

func TestAuthorizationRefuses(t *testing.T) {
	json := post("/authorize", `{"client_id":"c"}`)
	json.Header.Set("Content-Type", "application/json")
	multipart := post("/authorize", "")
	multipart.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	get := func(query string) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/authorize", nil)
		r.URL.RawQuery = query
		return r
	}
	for name, c := range map[string]struct {
		request *http.Request
		status  int
	}{
		"AZ-14 in query and body":     {post("/authorize?state=a", "state=b"), 400},
		"AZ-14 secret in the query":   {post("/authorize?client_id=a", "state=b"), 400},
		"AZ-16 JSON":                  {json, 415},
		"AZ-16 multipart":             {multipart, 415},
		"AZ-65 17 KiB URL":            {get("state=" + strings.Repeat("x", 17<<10)), 414},
		"17 KiB URL by POST":          {post("/authorize?x="+strings.Repeat("x", 17<<10), ""), 414},
		"body of 65 KiB":              {post("/authorize", strings.Repeat("x", 65<<10)), 413},
		"too many parameters":         {get(strings.Repeat("a&", 64)), 400},
		"broken encoding":             {get("a=%g"), 400},
		"semicolon":                   {get("a=b;c=d"), 400},
		"invalid UTF-8":               {get("state=%ff"), 400},
		"NUL":                         {get("state=%00"), 400},
		"NUL in a name":               {get("st%00ate=1"), 400},
		"broken encoding, by POST":    {post("/authorize", "a=%g"), 400},
		"broken encoding, POST's URL": {post("/authorize?a=%25g&b=%ff", "a=b"), 400},
	} {
		t.Run(name, func(t *testing.T) {
			v, duplicated, err := Authorization(httptest.NewRecorder(), c.request, DefaultLimits)
			requireStatus(t, c.status, err)
			require.Nil(t, v)
			require.Nil(t, duplicated)
		})
	}
}

func TestAZ60OtherMethods(t *testing.T) {
	for _, method := range []string{"HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "get"} {
		r := httptest.NewRequest(http.MethodGet, "/authorize?client_id=c", nil)
		r.Method = method
		w := httptest.NewRecorder()
		_, _, err := Authorization(w, r, DefaultLimits)
		requireStatus(t, 405, err)
		require.Equal(t, "GET, POST", w.Header().Get("Allow"))
	}
}

func TestScopeList(t *testing.T) {
	for in, want := range map[string][]string{
		"":                        nil,
		" ":                       nil,
		"openid":                  {"openid"},
		"openid profile openid":   {"openid", "profile"},
		" a  b ":                  {"a", "b"},
		"OPENID openid":           {"OPENID", "openid"}, // AZ-18
		"https://a/b!#[]~ x:y.z-": {"https://a/b!#[]~", "x:y.z-"},
	} {
		got, ok := ScopeList(in)
		require.True(t, ok, in)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{ // AZ-19, AZ-20
		"a\tb", "a\nb", "a\x00", `a"b`, `a\b`, "a\u00a0b", "a\u202eb", "é", "\xff", "a\x7f",
		strings.Repeat("x", 1025), strings.Repeat("x ", 50_000),
	} {
		got, ok := ScopeList(in)
		require.False(t, ok, "%q", in)
		require.Nil(t, got)
	}
	var many []string
	for i := range 51 {
		many = append(many, string(rune('0'+i)))
	}
	many[44] = "xx" // the backslash
	_, ok := ScopeList(strings.Join(many, " "))
	require.False(t, ok)
	got, ok := ScopeList(strings.Join(many[:50], " "))
	require.True(t, ok)
	require.Len(t, got, 50)
}

func FuzzScopeList(f *testing.F) {
	for _, s := range []string{"", "openid profile", "a  a", "a\"", "é", strings.Repeat("x ", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		scopes, ok := ScopeList(s)
		if !ok {
			return
		}
		again, ok := ScopeList(strings.Join(scopes, " "))
		require.True(t, ok)
		require.Equal(t, scopes, again)
		require.LessOrEqual(t, len(scopes), maxScopeValues)
		seen := map[string]bool{}
		for _, scope := range scopes {
			require.Regexp(t, `^[!#-\[\]-~]+$`, scope)
			require.False(t, seen[scope])
			require.Contains(t, s, scope)
			seen[scope] = true
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	f.Add("GET", "client_id=c&state=%0D%0A", "")
	f.Add("POST", "tenant=1", "client_id=c&client_id=d")
	f.Add("POST", "state=1", "state=2")
	f.Add("GET", "a=%00;%ff&=&&", "")
	f.Fuzz(func(t *testing.T, method, query, body string) {
		r := post("/authorize", body)
		r.Method, r.URL.RawQuery = method, query
		v, duplicated, err := Authorization(httptest.NewRecorder(), r, DefaultLimits)
		if err != nil {
			require.Nil(t, v)
			require.Less(t, err.HTTPStatus(), 500)
			return
		}
		for _, name := range duplicated {
			require.NotContains(t, v, name)
		}
		for name, vs := range v {
			require.True(t, len(vs) == 1 || name == "resource" || name == "audience")
			require.NotContains(t, strings.Join(vs, ""), "\x00")
		}
	})
}

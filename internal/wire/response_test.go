package wire

import (
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
)

var get = httptest.NewRequest(http.MethodGet, "/", nil)

// requireSecurityHeaders checks AZ-61.
func requireSecurityHeaders(t *testing.T, h http.Header) {
	t.Helper()
	require.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe-inline")
	require.Equal(t, "DENY", h.Get("X-Frame-Options"))
	require.Equal(t, "no-store", h.Get("Cache-Control"))
	require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
}

func respond(uri, mode string, params url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	WriteAuthorization(w, get, AuthorizationResponse{RedirectURI: uri, Mode: mode, Params: params})
	return w
}

func TestWriteAuthorizationRedirects(t *testing.T) {
	params := url.Values{"state": {"a b+&#%é\r\n\""}, "code": {"c"}, "iss": {"https://as.example"}}
	const encoded = "code=c&iss=https%3A%2F%2Fas.example&state=a%20b%2B%26%23%25%C3%A9%0D%0A%22"
	for _, c := range []struct{ uri, mode, want string }{
		{good, "", good + "?" + encoded},
		{good, oauth.ResponseModeQuery, good + "?" + encoded},
		{good + "?a=%31+b&c", "query", good + "?a=%31+b&c&" + encoded},
		{good + "?", "query", good + "?" + encoded},
		{good + "?a&", "query", good + "?a&" + encoded},
		{good + "?a=1", oauth.ResponseModeFragment, good + "?a=1#" + encoded},
		{"com.app:/cb", "query", "com.app:/cb?" + encoded},
		{"cursor://host/cb", "fragment", "cursor://host/cb#" + encoded},
		{"http://[::1]:99/cb", "query", "http://[::1]:99/cb?" + encoded},
	} {
		w := respond(c.uri, c.mode, params)
		require.Equal(t, http.StatusSeeOther, w.Code) // AZ-62
		require.Equal(t, []string{c.want}, w.Header()["Location"])
		require.Empty(t, w.Body.String())
		requireSecurityHeaders(t, w.Header())

		_, answer, _ := strings.Cut(c.want, encoded[:1]+"ode=")
		parsed, err := url.ParseQuery("code=" + answer)
		require.NoError(t, err)
		require.Equal(t, params, parsed, "AZ-23: state comes back as it was")
	}
}

func TestAZ07FormPost(t *testing.T) {
	const state = `"><script>alert(1)</script>&amp;é` + "\r\n\r"
	w := respond("https://good.example/cb?a='(1)'&b", oauth.ResponseModeFormPost, url.Values{"state": {state}, "code": {"c"}})
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	requireSecurityHeaders(t, w.Header())
	page := w.Body.String()

	scripts := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1)
	require.Len(t, scripts, 1)
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "script-src 'sha256-"+digest(scripts[0][1])+"'")
	require.Regexp(t, `(?s)</script>\s*</body>`, page)
	require.Contains(t, page, `<button type="submit">`)

	action := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(page)
	require.Equal(t, "https://good.example/cb?a='(1)'&b", html.UnescapeString(action[1]))
	inputs := regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(page, -1)
	require.Len(t, inputs, 2)
	require.Equal(t, "code", inputs[0][1])
	require.Equal(t, state, html.UnescapeString(inputs[1][2]))
	require.NotContains(t, page, "\r", "a browser would read a line feed")
}

// Finding 21: a private-use scheme is a form's action as it was registered.
func TestFormPostToPrivateScheme(t *testing.T) {
	for _, uri := range []string{"com.app:/cb", "cursor://host/cb?a=1"} {
		page := respond(uri, "form_post", url.Values{"code": {"c"}}).Body.String()
		require.Contains(t, page, `action="`+uri+`"`)
		require.NotContains(t, page, "Zgotmpl")
	}
}

// RU-22: not even what got this far is followed.
func TestWriteAuthorizationNeverFollows(t *testing.T) {
	for _, uri := range []string{"javascript:alert(1)", "data:text/html,x", "", "/cb", good + "#x", good + "\r\nX: y", "https://u@good.example/"} {
		for _, mode := range []string{"query", "fragment", "form_post"} {
			w := respond(uri, mode, url.Values{"code": {"secret"}})
			require.Equal(t, http.StatusInternalServerError, w.Code)
			require.Empty(t, w.Header()["Location"])
			require.NotContains(t, w.Body.String(), "secret")
			require.NotContains(t, w.Body.String(), "alert")
			requireSecurityHeaders(t, w.Header())
		}
	}
}

func TestResponder(t *testing.T) {
	p := Responder{Issuer: "https://as.example/auth"}
	w := httptest.NewRecorder()
	params := url.Values{"code": {"c"}, "iss": {"https://evil.example"}}
	p.Respond(w, get, AuthorizationResponse{RedirectURI: good, Params: params})
	require.Equal(t, good+"?code=c&iss=https%3A%2F%2Fas.example%2Fauth", w.Header().Get("Location")) // AZ-59
	require.Equal(t, "https://evil.example", params.Get("iss"), "not changed")
	require.NotEmpty(t, w.Header().Get("Strict-Transport-Security")) // LC-27

	w = httptest.NewRecorder()
	p.Refuse(w, get, AuthorizationResponse{RedirectURI: good, Mode: "fragment"}, "s t", oauth.E(oauth.InvalidScope, "scope is not allowed"), "ABC")
	require.Equal(t, good+"#error=invalid_scope&error_description=scope%20is%20not%20allowed.%20Reference%3A%20ABC"+
		"&iss=https%3A%2F%2Fas.example%2Fauth&state=s%20t", w.Header().Get("Location")) // AZ-08

	w = httptest.NewRecorder()
	Responder{Issuer: "http://localhost"}.Refuse(w, get, AuthorizationResponse{RedirectURI: good}, "", oauth.E(oauth.LoginRequired, ""), "")
	require.Equal(t, good+"?error=login_required&iss=http%3A%2F%2Flocalhost", w.Header().Get("Location")) // AZ-22
	require.Empty(t, w.Header().Get("Strict-Transport-Security"))
}

func TestErrorPage(t *testing.T) {
	w := httptest.NewRecorder()
	Responder{Issuer: "https://as.example"}.Page(w, get, oauth.E(oauth.InvalidClient, "client_id <script> is not registered"), "ABCDEFGHIJ")
	require.Equal(t, http.StatusBadRequest, w.Code) // AZ-01
	require.Empty(t, w.Header()["Location"])
	require.Empty(t, w.Header()["Www-Authenticate"])
	requireSecurityHeaders(t, w.Header())
	require.Contains(t, w.Body.String(), "client_id &lt;script&gt; is not registered")
	require.Contains(t, w.Body.String(), "ABCDEFGHIJ")
	require.Contains(t, w.Body.String(), `id="error-page"`)
	require.NotContains(t, w.Body.String(), "href")

	w = httptest.NewRecorder()
	Responder{ErrorPage: func(w http.ResponseWriter, _ *http.Request, page ErrorPage) {
		require.Equal(t, ErrorPage{Status: 503, Code: oauth.TemporarilyUnavailable, Description: "later", Reference: "R"}, page)
		w.WriteHeader(page.Status)
	}}.Page(w, get, oauth.E(oauth.TemporarilyUnavailable, "later"), "R")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	requireSecurityHeaders(t, w.Header())
}

func TestTK13JSON(t *testing.T) {
	for _, v := range []any{[]byte(`{"a":1}`), json.RawMessage(`{"a":1}`), map[string]int{"a": 1}} {
		w := httptest.NewRecorder()
		JSON(w, 201, v)
		require.Equal(t, 201, w.Code)
		require.Equal(t, `{"a":1}`, w.Body.String())
		require.Equal(t, http.Header{
			"Cache-Control": {"no-store"}, "Pragma": {"no-cache"}, "X-Content-Type-Options": {"nosniff"},
			"Content-Type": {"application/json"},
		}, w.Header())
	}
	w := httptest.NewRecorder()
	JSON(w, 200, func() {})
	require.Equal(t, 500, w.Code)
	require.JSONEq(t, `{"error":"server_error"}`, w.Body.String())

	w = httptest.NewRecorder()
	JSON(w, 200, []byte(`{}`))
	w.Header().Add("Cache-Control", "private")
	require.Equal(t, []string{"no-store"}, valueNoStore, "shared values are not changed")
}

type later time.Duration

func (later) Error() string               { return "later" }
func (l later) RetryAfter() time.Duration { return time.Duration(l) }

func TestTK14Errors(t *testing.T) {
	basic := BasicChallenge("as")
	bearer := BearerChallenge("as", oauth.E(oauth.InsufficientScope, "scope is too narrow"), "a b")
	for _, c := range []struct {
		name                 string
		err                  *oauth.Error
		reference, challenge string
		status               int
		body                 string
		header               http.Header
	}{
		{
			"plain", oauth.E(oauth.InvalidGrant, "code has expired"), "R2", basic, 400,
			`{"error":"invalid_grant","error_description":"code has expired. Reference: R2"}`, nil,
		},
		{"no description", oauth.E(oauth.InvalidGrant, ""), "", "", 400, `{"error":"invalid_grant"}`, nil},
		{
			"CA-02", oauth.E(oauth.InvalidClient, "x"), "", basic, 401, `{"error":"invalid_client","error_description":"x"}`,
			http.Header{"Www-Authenticate": {`Basic realm="as", charset="UTF-8"`}},
		},
		{
			"bearer", oauth.E(oauth.InsufficientScope, "x"), "", bearer, 403, `{"error":"insufficient_scope","error_description":"x"}`,
			http.Header{"Www-Authenticate": {`Bearer realm="as", error="insufficient_scope", error_description="scope is too narrow", scope="a b"`}},
		},
		{
			"503", oauth.E(oauth.TemporarilyUnavailable, "x"), "", "", 503, `{"error":"temporarily_unavailable","error_description":"x"}`,
			http.Header{"Retry-After": {"1"}},
		},
		{
			"429", oauth.E(oauth.TemporarilyUnavailable, "x").WithStatus(429).Because(later(1500 * time.Millisecond)), "", "", 429,
			`{"error":"temporarily_unavailable","error_description":"x"}`,
			http.Header{"Retry-After": {"2"}},
		},
		{
			"cause stays inside", oauth.E(oauth.ServerError, "x").Because(errors.New("pq: password")), "", "", 500,
			`{"error":"server_error","error_description":"x"}`, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			Error(w, get, c.err, c.reference, c.challenge)
			require.Equal(t, c.status, w.Code)
			require.Equal(t, c.body, w.Body.String())
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			for _, name := range []string{"Www-Authenticate", "Retry-After"} {
				require.Equal(t, c.header[name], w.Header()[name])
			}
		})
	}
	require.Equal(t, `Bearer realm="as"`, BearerChallenge("as", nil, ""))
	require.Equal(t, `Basic realm="a'b??c", charset="UTF-8"`, BasicChallenge("a\"b\\\nc"))
}

func TestDescription(t *testing.T) {
	require.Equal(t, "plain text (RFC 6749 5.2)!", Description("plain text (RFC 6749 5.2)!"))
	require.Equal(t, "a'b?c??d?", Description("a\"b\\c\x00\nd\u202e"))
	long := Description(strings.Repeat("é", 1000))
	require.LessOrEqual(t, len(long), 300)
	require.Regexp(t, `^[?]+$`, long)
}

func TestNewReference(t *testing.T) {
	require.Regexp(t, `^[A-Z2-7]{10}$`, NewReference())
	require.NotEqual(t, NewReference(), NewReference())
}

func TestCORS(t *testing.T) {
	endpoint := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	ours := CORS{Methods: []string{"POST"}, AllowOrigin: func(_ *http.Request, origin string) bool {
		return origin == "https://good.example" || origin == "null"
	}}.Handler(endpoint)
	public := CORS{Methods: []string{"GET"}}.Handler(endpoint)
	call := func(h http.Handler, method, origin, preflight string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if preflight != "" {
			r.Header.Set("Access-Control-Request-Method", preflight)
			r.Header.Set("Access-Control-Request-Headers", "authorization,content-type,dpop")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Empty(t, w.Header()["Access-Control-Allow-Credentials"])
		require.Contains(t, strings.Join(w.Header()["Vary"], ","), "Origin")
		return w
	}
	w := call(ours, "OPTIONS", "https://good.example", "POST")
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Equal(t, "https://good.example", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "POST", w.Header().Get("Access-Control-Allow-Methods"))
	require.Equal(t, "authorization,content-type,dpop", w.Header().Get("Access-Control-Allow-Headers"))

	w = call(ours, "POST", "https://good.example", "")
	require.Equal(t, http.StatusTeapot, w.Code)
	require.Equal(t, "https://good.example", w.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, strings.ToLower(w.Header().Get("Access-Control-Expose-Headers")), "www-authenticate")

	for _, origin := range []string{"https://evil.example", "null", "https://good.example.evil.com", ""} { // TK-15
		for _, method := range []string{"POST", "OPTIONS"} {
			w := call(ours, method, origin, "POST")
			require.Empty(t, w.Header()["Access-Control-Allow-Origin"], origin)
		}
	}
	require.Equal(t, "*", call(public, "GET", "https://any.example", "").Header().Get("Access-Control-Allow-Origin"))
	w = call(public, "OPTIONS", "https://any.example", "DELETE")
	require.Equal(t, http.StatusNoContent, w.Code)
	require.Empty(t, w.Header()["Access-Control-Allow-Origin"])
}

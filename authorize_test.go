package authserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/oauth"
)

// rejects sends an authorization request that must be refused, and checks what
// holds for every refusal beside what untouched does: nothing is issued, no
// cookie is set, and what is told and logged is the server's own.
func (h *harness) rejects(send func() *answer) *answer {
	h.t.Helper()
	a := h.untouched(h.t, send)
	ev := h.seen()[0]
	require.NotEmpty(h.t, ev.Outcome)
	require.NotEmpty(h.t, ev.Reference)
	require.Empty(h.t, a.Cookie)
	require.NotContains(h.t, h.log.String(), "code=")
	if location := a.Header.Get("Location"); location != "" {
		require.Less(h.t, len(location), 64<<10)
		u, err := url.Parse(location)
		require.NoError(h.t, err)
		sent := a.location()
		require.Regexp(h.t, `^[\x20\x21\x23-\x5B\x5D-\x7E]*$`, sent.Get("error_description"))
		for _, issued := range []string{"code", "access_token", "id_token"} {
			require.False(h.t, sent.Has(issued) || u.Query().Has(issued), issued)
		}
	}
	return a
}

// sendsBack wants an authorization request to go back to the client with an
// error, by GET and by POST.
func (h *harness) sendsBack(code oauth.Code, query url.Values) {
	h.t.Helper()
	for _, send := range []func(string, url.Values, ...func(*http.Request)) *answer{h.get, h.post} {
		a := h.rejects(func() *answer { return send("/authorize", query) })
		a.redirectedError(code)
		require.Equal(h.t, query["state"], a.location()["state"])
		uri, _, _ := strings.Cut(a.Header.Get("Location"), "?")
		uri, _, _ = strings.Cut(uri, "#")
		require.Equal(h.t, query.Get("redirect_uri"), uri)
	}
}

// What is refused at the client, for being what it is. Each entry of pairs is
// a change to a valid request.
func TestAuthorizeRefuses(t *testing.T) {
	long := strings.Repeat("x", 42)
	for _, c := range []struct {
		id    string
		code  oauth.Code
		pairs [][]string
	}{
		{"AZ-02", oauth.InvalidRequest, each("response_type", "")},
		{"AZ-03", oauth.UnsupportedResponseType, each(
			"response_type", "unknown", "code code", "Code", "code  id_token", "code none", "code,token", " code", "code\t",
		)},
		{"AZ-06", oauth.InvalidRequest, each("response_mode", "unknown", "Query", "jwt", "web_message", "query form_post")},
		{"AZ-09", oauth.InvalidRequest, [][]string{{
			"client_id", spa, "redirect_uri", "https://spa.example/cb", "code_challenge", "", "code_challenge_method", "",
		}}},
		{"AZ-10", oauth.InvalidRequest, [][]string{
			{"code_challenge", "", "code_challenge_method", ""},
			{"code_challenge", "", "code_challenge_method", "", "response_type", "code id_token"},
		}},
		{"AZ-11", oauth.InvalidRequest, each("code_challenge_method", "plain", "")},
		{"AZ-12", oauth.InvalidRequest, append(
			each("code_challenge", long, strings.Repeat("x", 129), long+"=", long+"x=", long+"+", long+"\u00e9", long+"\n", ""),
			each("code_challenge_method", "s256", "S512")...,
		)},
		{"AZ-17", oauth.InvalidScope, each("scope", "openid unknown", "unknown")},
		{"AZ-18", oauth.InvalidScope, each("scope", "OPENID", "openid Read", "openid READ")},
		{"AZ-19", oauth.InvalidScope, each(
			"scope", "openid \x01", `openid "read"`, `openid \read`, "openid\tread", "openid\nread", "openid\u00a0read",
			"openid \u202eread", "openid \x7f", "<script>alert(1)</script>",
		)},
		{"AZ-25", oauth.InvalidRequest, [][]string{
			{"response_type", "id_token", "nonce", ""},
			{"response_type", "id_token token", "nonce", ""},
			{"response_type", "code id_token", "nonce", ""},
			{"response_type", "code id_token token", "nonce", ""},
		}},
		{"AZ-28", oauth.InvalidRequest, each("prompt", "none login", "login none", "unknown", "None", "login unknown")},
		{"AZ-32", oauth.InvalidRequest, each(
			"max_age", "-1", "abc", "1e3", "9223372036854775808", "+5", " 5", "5.0", "0x10", "1_0", "4294967296",
		)},
		{"AZ-40", oauth.RegistrationNotSupported, each("registration", `{"redirect_uris":["https://evil.example/cb"]}`)},
		// A request object is refused whatever is in it, and never passed over.
		{"AZ-41", oauth.RequestNotSupported, [][]string{
			{"request", "e30.e30."},
			{"request", "e30.e30.", "scope", "read"},
			{"request", "x", "scope", ""},
		}},
		{"AZ-41 by reference", oauth.RequestURINotSupported, [][]string{
			{"request_uri", "https://good.example/request"},
			{"request_uri", "http://127.0.0.1/request", "scope", "read"},
			{"request_uri", "urn:ietf:params:oauth:request_uri:x"},
		}},
		{"AZ-53", oauth.InvalidRequest, [][]string{{"request", "e30.e30.", "request_uri", "https://good.example/request"}}},
		{"AZ-63", oauth.InvalidTarget, each(
			"resource", "/relative", "api.example", "https://api.example/#x", "https://api.example/#", "https://unknown.example/",
			"https://u@api.example/", "https://api.example/..", "https://api.example/?", "https://api.example.evil.com/",
		)},
	} {
		t.Run(c.id, func(t *testing.T) {
			h := newHarness(t)
			for _, pairs := range c.pairs {
				h.sendsBack(c.code, request(pairs...))
			}
		})
	}
}

// each is one change to a request for each value of a parameter.
func each(name string, values ...string) (changes [][]string) {
	for _, value := range values {
		changes = append(changes, []string{name, value})
	}
	return changes
}

func TestAuthorizeUnknownClient(t *testing.T) {
	t.Run("AZ-01", func(t *testing.T) {
		h := newHarness(t)
		disabled := *h.clients[confidential]
		disabled.ID, disabled.Disabled = "disabled", true
		h.clients["disabled"] = &disabled
		for _, id := range []string{
			"", "unknown", "disabled", "CONFIDENTIAL", "confidential ", `"><script>alert(1)</script>`, "a\nb", "../confidential",
			strings.Repeat("x", 4<<10),
		} {
			a := h.rejects(func() *answer { return h.get("/authorize", request("client_id", id)) })
			a.page(http.StatusBadRequest)
			require.Contains(t, a.Body, "invalid_client")
			require.NotContains(t, a.Body, "<script")
			require.NotContains(t, a.Body, "good.example")
		}
	})
}

// A response type that is not the client's, or that is off.
func TestAuthorizeResponseTypeNotAllowed(t *testing.T) {
	t.Run("AZ-04", func(t *testing.T) {
		h := newHarness(t)
		off := newHarness(t, func(c *authserver.Config) {
			c.Grants = []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{}}
		})
		page := []string{"client_id", spa, "redirect_uri", "https://spa.example/cb"}
		for _, responseType := range []string{
			oauth.ResponseTypeToken, oauth.ResponseTypeIDToken, oauth.ResponseTypeIDTokenToken, oauth.ResponseTypeCodeToken,
			oauth.ResponseTypeCodeIDToken, oauth.ResponseTypeCodeIDTokenToken, oauth.ResponseTypeNone,
		} {
			h.sendsBack(oauth.UnauthorizedClient, request(append(page, "response_type", responseType)...))
			if responseType != oauth.ResponseTypeNone {
				off.sendsBack(oauth.UnsupportedResponseType, request("response_type", responseType))
			}
		}
		// The response type without the grant that it is made of.
		half := *h.clients[confidential]
		half.ID, half.GrantTypes = visitorClient, []string{oauth.GrantTypeAuthorizationCode}
		h.clients[visitorClient] = &half
		for _, responseType := range []string{oauth.ResponseTypeToken, oauth.ResponseTypeIDToken, oauth.ResponseTypeCodeToken} {
			h.sendsBack(oauth.UnauthorizedClient, request("client_id", visitorClient, "response_type", responseType))
		}
	})
	t.Run("AZ-17 scope of other clients", func(t *testing.T) {
		h := newHarness(t)
		c := *h.clients[confidential]
		c.ID, c.Scopes = visitorClient, []string{"openid", "read", "unknown-to-the-server"}
		h.clients[visitorClient] = &c
		for _, scope := range []string{"write", "openid write", "unknown-to-the-server"} {
			h.sendsBack(oauth.InvalidScope, request("client_id", visitorClient, "scope", scope))
		}
	})
}

// Tokens never stand in a query, and errors go where tokens would have gone.
func TestAuthorizeFragment(t *testing.T) {
	fronted := []string{"token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"}
	inFragment := func(t *testing.T, a *answer) {
		u, err := url.Parse(a.Header.Get("Location"))
		require.NoError(t, err)
		require.Empty(t, u.RawQuery)
		require.NotEmpty(t, u.Fragment)
	}
	t.Run("AZ-05", func(t *testing.T) {
		h := newHarness(t)
		for _, responseType := range fronted {
			query := request("response_type", responseType, "response_mode", "query")
			h.sendsBack(oauth.InvalidRequest, query)
			inFragment(t, h.get("/authorize", query))
		}
	})
	t.Run("AZ-08", func(t *testing.T) {
		h := newHarness(t)
		h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			h.srv.Deny(w, r, req.ID, nil)
		}
		for _, responseType := range fronted {
			for _, pairs := range [][]string{{"scope", "unknown"}, {"prompt", "none login"}, {"response_mode", "unknown"}, {"state", "denied"}} {
				a := h.rejects(func() *answer {
					return h.get("/authorize", request(append(pairs, "response_type", responseType)...))
				})
				inFragment(t, a)
			}
		}
	})
}

// Every parameter that was sent twice, whether the values agree or not.
func TestAuthorizeTwice(t *testing.T) {
	t.Run("AZ-13", func(t *testing.T) {
		h := newHarness(t)
		for _, name := range []string{
			"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
			"response_mode", "prompt", "max_age", "request", "request_uri", "claims", "id_token_hint", "unknown",
		} {
			query := request()
			good := query.Get(name)
			query.Del(name)
			for _, values := range [][]string{{good, "evil"}, {"evil", good}, {"evil", "evil"}, {good, good}} {
				query[name] = values
				a := h.rejects(func() *answer { return h.get("/authorize", query) })
				require.NotContains(t, a.Body+a.Header.Get("Location"), "evil")
				if name == "client_id" || name == "redirect_uri" {
					a.page(http.StatusBadRequest)
					require.Contains(t, a.Body, "invalid_request")
					continue
				}
				a.redirectedError(oauth.InvalidRequest)
				require.Equal(t, name != "state", a.location().Has("state"))
			}
		}
	})
}

func TestAuthorizeByPost(t *testing.T) {
	post := func(h *harness, query, body, contentType string) *answer {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, testIssuer+"/authorize?"+query, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return h.do(r)
	}
	const form = "application/x-www-form-urlencoded"
	t.Run("AZ-14", func(t *testing.T) {
		h := newHarness(t)
		for name, values := range request("prompt", "login", "max_age", "60", "ui_locales", "de", "claims", "{}") {
			query := url.Values{name: values}.Encode()
			for _, body := range []url.Values{request(name, values[0]), request(name, "other"), request(name, "")} {
				a := h.rejects(func() *answer { return post(h, query, body.Encode(), form) })
				a.page(http.StatusBadRequest)
				require.Contains(t, a.Body, "invalid_request")
			}
		}
	})
	t.Run("AZ-15", func(t *testing.T) {
		h := newHarness(t)
		a := post(h, "", request().Encode(), form)
		require.Equal(t, http.StatusOK, h.token(redeem(a.location().Get("code"))).Status)
		require.NotEmpty(t, post(h, "tenant=of-the-host", request().Encode(), form+"; charset=UTF-8").location().Get("code"))
	})
	t.Run("AZ-16", func(t *testing.T) {
		h := newHarness(t)
		for contentType, body := range map[string]string{
			"application/json":              `{"client_id":"confidential"}`,
			"multipart/form-data":           request().Encode(),
			"multipart/form-data; boundary": request().Encode(),
			"text/plain":                    request().Encode(),
			"":                              request().Encode(),
			form + "; charset=utf-16":       request().Encode(),
		} {
			h.rejects(func() *answer { return post(h, "", body, contentType) }).page(http.StatusUnsupportedMediaType)
		}
	})
}

// within wants the server to be done with a request in less than limit. Making
// the request and judging the answer do not count; nor does what else runs on
// the machine, so it may try again.
func (h *harness) within(limit time.Duration, method string, query url.Values, judge func(*answer), edits ...func(*http.Request)) {
	h.t.Helper()
	encoded, best := query.Encode(), time.Hour
	for tries := 0; best >= limit && tries < 50; tries++ {
		r := httptest.NewRequestWithContext(h.t.Context(), method, testIssuer+"/authorize", strings.NewReader(encoded))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if method == http.MethodGet {
			r.URL.RawQuery = encoded
		}
		for _, edit := range edits {
			edit(r)
		}
		start := time.Now()
		a := h.do(r)
		best = min(best, time.Since(start))
		judge(a)
	}
	require.Less(h.t, best, limit)
}

// refusal and errorPage judge the answer to such a request.
func refusal(code oauth.Code) func(*answer) { return func(a *answer) { a.redirectedError(code) } }
func errorPage(status int) func(*answer)    { return func(a *answer) { a.page(status) } }

func TestAuthorizeLarge(t *testing.T) {
	t.Run("AZ-20", func(t *testing.T) {
		h := newHarness(t)
		many := request("scope", strings.Repeat("a ", 5000))
		h.within(20*time.Millisecond, http.MethodGet, many, refusal(oauth.InvalidScope))
		h.sendsBack(oauth.InvalidScope, many)
		long := request("scope", strings.Repeat("read ", 20<<10))
		h.within(20*time.Millisecond, http.MethodPost, long, errorPage(http.StatusRequestEntityTooLarge))
		h.rejects(func() *answer { return h.get("/authorize", long) }).page(http.StatusRequestURITooLong)
	})
	t.Run("AZ-24", func(t *testing.T) {
		h := newHarness(t)
		h.sendsBack(oauth.InvalidRequest, request("state", strings.Repeat("s", 4<<10+1)))
		h.sendsBack(oauth.InvalidRequest, request("nonce", strings.Repeat("n", 1<<10+1)))
		full := strings.Repeat("s", 4<<10)
		require.Equal(t, full, h.get("/authorize", request("state", full)).location().Get("state"))
		nonce := strings.Repeat("n", 1<<10)
		require.Equal(t, nonce, claims(t, h.tokens("nonce", nonce).str("id_token"))["nonce"])
	})
	t.Run("AZ-38", func(t *testing.T) {
		h := newHarness(t)
		accept := func(tags int) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("Accept-Language", strings.Repeat("de-AT-x-a;q=0.5,", tags)) }
		}
		for _, query := range []url.Values{nil, request()} {
			tooLarge := func(a *answer) { require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, a.Status) }
			h.within(5*time.Millisecond, http.MethodGet, query, tooLarge, accept(1<<16))
		}
		issued := func(a *answer) { require.NotEmpty(t, a.location().Get("code")) }
		h.within(5*time.Millisecond, http.MethodGet, request(), issued, accept(1<<10))
		h.within(5*time.Millisecond, http.MethodGet, nil, errorPage(http.StatusBadRequest), accept(1<<10))
	})
	t.Run("AZ-65", func(t *testing.T) {
		h := newHarness(t)
		long := request("state", strings.Repeat("s", 16<<10))
		h.rejects(func() *answer { return h.get("/authorize", long) }).page(http.StatusRequestURITooLong)
	})
}

// What must not be refused.
func TestAuthorizeAccepts(t *testing.T) {
	t.Run("AZ-21", func(t *testing.T) {
		h := newHarness(t)
		for _, name := range []string{"utm_source", "display", "audience", "id_token", "error", "code", "iss", "__proto__"} {
			v := h.get("/authorize", request(name, "page")).location()
			require.NotEqual(t, "page", v.Get("code"))
			require.Equal(t, http.StatusOK, h.token(redeem(v.Get("code"))).Status)
			require.Equal(t, []string{testIssuer}, v["iss"])
		}
	})
	t.Run("AZ-22", func(t *testing.T) {
		h := newHarness(t)
		for _, pairs := range [][]string{{}, {"nonce", ""}, {"response_mode", "fragment"}, {"response_type", "code id_token"}} {
			v := h.get("/authorize", request(append(pairs, "state", "")...)).location()
			require.NotEmpty(t, v.Get("code"), v)
			require.False(t, v.Has("state"))
		}
		v := h.get("/authorize", request("state", "", "scope", "unknown")).location()
		require.Equal(t, "invalid_scope", v.Get("error"))
		require.False(t, v.Has("state"))
	})
}

func TestAuthorizeOtherMethods(t *testing.T) {
	t.Run("AZ-60", func(t *testing.T) {
		h := newHarness(t)
		for _, method := range []string{"HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"} {
			a := h.rejects(func() *answer {
				return h.get("/authorize", request(), func(r *http.Request) {
					r.Method = method
					r.Header.Set("Origin", "https://good.example")
					r.Header.Set("Access-Control-Request-Method", "GET")
				})
			})
			a.page(http.StatusMethodNotAllowed)
			require.Equal(t, "GET, POST", a.Header.Get("Allow"))
			for name := range a.Header {
				require.False(t, strings.HasPrefix(name, "Access-Control-"), name)
			}
		}
		a := h.get("/authorize", request(), func(r *http.Request) { r.Header.Set("Origin", "https://good.example") })
		require.NotEmpty(t, a.location().Get("code"))
		require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
	})
}

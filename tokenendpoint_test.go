package authserver_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// sentAs changes the method.
func sentAs(method string) func(*http.Request) {
	return func(r *http.Request) { r.Method = method }
}

func TestFormOfTokenRequests(t *testing.T) {
	h := newHarness(t)
	code := h.code()
	// ask sends that code, changed so that it must not be used.
	ask := func(status int, code oauth.Code, form url.Values, edits ...func(*http.Request)) *answer {
		h.t.Helper()
		a := h.unharmed(func() *answer { return h.post("/token", form, append(edits, as(confidential))...) })
		a.refused(status, code)
		return a
	}
	bad := func(status int, form url.Values, edits ...func(*http.Request)) *answer {
		h.t.Helper()
		return ask(status, oauth.InvalidRequest, form, edits...)
	}
	raw := func(body string) func(*http.Request) { return withBody(strings.NewReader(body)) }

	h.sub("TK-01", func(t *testing.T) {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "post", "CONNECT", "TRACE"} {
			a := bad(http.StatusMethodNotAllowed, redeem(code), sentAs(method))
			require.Equal(t, "POST", a.Header.Get("Allow"), method)
		}
		bad(http.StatusMethodNotAllowed, nil, sentAs("GET"), inQuery(redeem(code).Encode()))
		h.atEachEndpoint(func(_ *testing.T, ask asking) {
			h.unharmed(func() *answer { return ask(nil, sentAs("GET"), as(confidential)) }).
				refused(http.StatusMethodNotAllowed, oauth.InvalidRequest)
		})
	})
	h.sub("TK-02", func(t *testing.T) {
		members, err := json.Marshal(map[string]string{"grant_type": "authorization_code", "code": code})
		require.NoError(t, err)
		for _, mediaType := range []string{
			"application/json", "text/plain", "multipart/form-data; boundary=x", "", "application/x-www-form-urlencoded; charset=utf-16",
			"application/x-www-form-urlencoded, application/json", "*/*",
		} {
			edit := withHeader("Content-Type", mediaType)
			bad(http.StatusUnsupportedMediaType, redeem(code), edit)
			bad(http.StatusUnsupportedMediaType, nil, edit, raw(string(members)))
		}
		bad(http.StatusUnsupportedMediaType, redeem(code), func(r *http.Request) { r.Header.Del("Content-Type") })
		bad(http.StatusUnsupportedMediaType, redeem(code), func(r *http.Request) { r.Header.Add("Content-Type", "application/json") })
		multipart := "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n" + code + "\r\n--x--\r\n"
		bad(http.StatusUnsupportedMediaType, nil, withHeader("Content-Type", "multipart/form-data; boundary=x"), raw(multipart))
	})
	h.sub("TK-03", func(*testing.T) {
		for _, query := range []string{"code=" + code, "refresh_token=x", "client_secret=" + secret, "grant_type=authorization_code", "c%6fde=x"} {
			bad(http.StatusBadRequest, redeem(code), inQuery(query))
		}
		bad(http.StatusBadRequest, redeem("", "grant_type", "authorization_code"), inQuery("code="+code))
	})
	h.sub("TK-04", func(*testing.T) {
		for name := range redeem(code) {
			twice := redeem(code)
			twice.Add(name, twice.Get(name))
			bad(http.StatusBadRequest, twice)
			bad(http.StatusBadRequest, redeem(code), inQuery(url.Values{name: {redeem(code).Get(name)}}.Encode()))
		}
		for _, body := range []string{"&code=other", "&code=", "&c%6fde=other", "&unknown=1&unknown=2"} {
			bad(http.StatusBadRequest, nil, raw(redeem(code).Encode()+body))
		}
	})
	h.sub("TK-05", func(*testing.T) {
		bad(http.StatusBadRequest, redeem(code, "grant_type", ""))
	})
	h.sub("TK-06", func(*testing.T) {
		for _, grantType := range []string{
			"unknown", "authorization_code refresh_token", "Authorization_Code", "authorization_code ", "implicit",
			"urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", strings.Repeat("x", 60<<10),
		} {
			ask(http.StatusBadRequest, oauth.UnsupportedGrantType, redeem(code, "grant_type", grantType))
		}
	})
	h.sub("TK-07", func(*testing.T) {
		for id, grantType := range map[string]string{
			service: "authorization_code", "a": "refresh_token", "b": "password", "c": "client_credentials", "d": oauth.GrantTypeDeviceCode,
		} {
			h.clients[id] = clientLike(h, id, func(c *oauth.Client) { c.GrantTypes = without(c.GrantTypes, grantType) })
			h.unharmed(func() *answer { return h.post("/token", redeem(code, "grant_type", grantType), as(id)) }).
				refused(http.StatusBadRequest, oauth.UnauthorizedClient)
		}
	})
	h.sub("TK-08", func(*testing.T) {
		for _, body := range []string{
			"", "&&&", "code=%zz", "code=%4", "grant_type=authorization_code;code=" + code, "code=%00", "code=\x00",
			"code=" + code + "%0d%0aX", "%00=1", "code=%1b[31m", "code=\xff", "code=%ff", "\xef\xbb\xbfcode=x\x01",
		} {
			bad(http.StatusBadRequest, nil, raw(body))
		}
	})
	h.sub("TK-09", func(t *testing.T) { // see also server_test.go
		a := bad(http.StatusRequestEntityTooLarge, nil, withBody(strings.NewReader(strings.Repeat("x", 10<<20))))
		require.Equal(t, "close", a.Header.Get("Connection"))
		bad(http.StatusRequestEntityTooLarge, nil, withBody(endless{}))
	})
	h.sub("TK-10", func(t *testing.T) {
		body := strings.Repeat("a=b&", 10_000)
		began := time.Now()
		bad(http.StatusBadRequest, nil, raw(body))
		require.Less(t, time.Since(began), time.Second, "a pass over the text; 20 ms on a machine of its own")
		bad(http.StatusBadRequest, redeem(code), inQuery(strings.Repeat("a&", 5_000)))
	})
	h.sub("TK-11", func(*testing.T) {
		for _, coding := range []string{"gzip", "deflate", "identity, gzip", "br"} {
			bad(http.StatusUnsupportedMediaType, redeem(code), withHeader("Content-Encoding", coding))
		}
	})
	require.Equal(t, http.StatusOK, h.token(redeem(code)).Status, "after all this the code is as good as new")
}

// withBody replaces the body.
func withBody(body io.Reader) func(*http.Request) {
	return func(r *http.Request) {
		replaced := httptest.NewRequestWithContext(r.Context(), http.MethodPost, "/", body)
		r.Body, r.ContentLength = replaced.Body, replaced.ContentLength
	}
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestHeadersOfTokenAnswers(t *testing.T) {
	noStore := func(t *testing.T, a *answer) {
		t.Helper()
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		require.Equal(t, "no-cache", a.Header.Get("Pragma"))
		require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"))
		require.Empty(t, a.Header.Values("Set-Cookie"))
	}
	t.Run("TK-13", func(t *testing.T) {
		h := newHarness(t)
		issued := h.tokens()
		for name, a := range map[string]*answer{
			"code": issued, "refresh": h.refresh(issued.str("refresh_token")),
			"credentials": h.token(url.Values{"grant_type": {"client_credentials"}}),
			"password":    h.token(url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {password}}),
			"device":      h.poll(h.approved(t, "openid")),
		} {
			require.Equal(t, http.StatusOK, a.Status, "%s: %s", name, a.Body)
			noStore(t, a)
			require.Equal(t, "Bearer", a.str("token_type"))
			require.NotEmpty(t, a.str("access_token"))
			require.Regexp(t, `"expires_in":[1-9][0-9]*[,}]`, a.Body)
		}
		noStore(t, h.startsDevice(t, "read"))
		noStore(t, h.post("/introspect", url.Values{"token": {issued.str("access_token")}}, as(confidential)))
		noStore(t, h.post("/revoke", url.Values{"token": {issued.str("access_token")}}, as(confidential)))
	})
	t.Run("TK-14", func(t *testing.T) {
		down := watch(memory.New())
		h := newHarness(t, withStore(down))
		spent := h.code()
		issued := h.token(redeem(spent)).str("access_token")
		answers := []*answer{
			h.token(redeem(spent)), h.token(redeem("none")), h.refresh("none"), h.token(nil),
			h.token(url.Values{"grant_type": {"x\"\\é"}}), h.token(url.Values{"grant_type": {"client_credentials"}, "scope": {"\"é\\"}}),
			h.post("/token", redeem(spent), basic(confidential, "' OR 1=1 --")), h.post("/introspect", nil), h.get("/revoke", nil),
			h.post("/device_authorization", url.Values{"scope": {"<script>"}}, as(confidential)),
		}
		down.down.Store(true)
		answers = append(answers, h.token(redeem(spent)), h.post("/revoke", url.Values{"token": {issued}}, as(confidential)))
		down.down.Store(false)
		for _, a := range answers {
			require.GreaterOrEqual(t, a.Status, 400)
			noStore(t, a)
			a.refused(a.Status, oauth.Code(a.str("error")))
			require.NotEmpty(t, a.str("error_description"))
			for _, detail := range []string{".go", "goroutine", "/work", "storage", "watched", "SELECT", "fosite", "0x", "nil"} {
				require.NotContains(t, strings.ToLower(a.str("error_description")), strings.ToLower(detail))
			}
		}
	})
	t.Run("TK-15", func(t *testing.T) {
		h := newHarness(t)
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"none"}, "client_id": {spa}}
		for _, origin := range []string{
			"https://evil.example", "null", "https://spa.example.evil.com", "http://spa.example", "https://spa.example:8443",
			"https://SPA.example", "https://spa.example/", "https://good.example", "https://a.spa.example", "",
		} {
			a := h.post("/token", form, withHeader("Origin", origin))
			require.Empty(t, a.Header.Values("Access-Control-Allow-Origin"), origin)
			require.Empty(t, a.Header.Values("Access-Control-Allow-Credentials"))
		}
		for _, path := range []string{"/token", "/revoke", "/device_authorization"} {
			h.clients.with(spa, func(c *oauth.Client) { c.GrantTypes = append(c.GrantTypes, oauth.GrantTypeDeviceCode) })
			form := url.Values{"grant_type": {"refresh_token"}, "token": {"none"}, "client_id": {spa}}
			a := h.post(path, form, withHeader("Origin", "https://spa.example"))
			require.Equal(t, []string{"https://spa.example"}, a.Header.Values("Access-Control-Allow-Origin"), path)
			require.Empty(t, a.Header.Values("Access-Control-Allow-Credentials"))
			require.Contains(t, strings.Join(a.Header.Values("Vary"), ","), "Origin")
		}
		// Introspection is for servers.
		a := h.post("/introspect", url.Values{"token": {"none"}}, as(confidential), withHeader("Origin", "https://evil.example"))
		require.Empty(t, a.Header.Values("Access-Control-Allow-Origin"))
	})
}

// A fragile host panics when it is told to.
type fragile struct {
	*harness
	broken string // the function that panics
}

// cracked is a value that no answer or log may show.
const cracked = "alice's password is swordfish"

func (f *fragile) crack(function string) {
	if f.broken == function {
		panic(cracked)
	}
}

func fragileHost(t *testing.T, store storage.Storage) *fragile {
	f := &fragile{}
	f.harness = newHarness(t, withStore(store), func(c *authserver.Config) {
		c.Claims = func(ctx context.Context, subject string, names []string) (map[string]json.RawMessage, error) {
			f.crack("Claims")
			return testClaims(ctx, subject, names)
		}
		c.CheckSubject = func(context.Context, string) error { f.crack("CheckSubject"); return nil }
		interact := c.Interact
		c.Interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			f.crack("Interact")
			interact(w, r, req)
		}
		events := c.Events
		c.Events = func(ctx context.Context, ev authserver.Event) { events(ctx, ev); f.crack("Events") }
		clients := c.Clients
		c.Clients = clientFunc(func(ctx context.Context, id string) (*oauth.Client, error) {
			f.crack("Clients")
			return clients.Client(ctx, id)
		})
		c.Grants = append(slices.DeleteFunc(c.Grants, func(g grants.Grant) bool { return g.GrantType() == oauth.GrantTypePassword }),
			grants.Password{Authenticate: func(ctx context.Context, username, given string) (grants.Authenticated, error) {
				f.crack("Authenticate")
				return checkPassword(ctx, username, given)
			}})
	})
	return f
}

type clientFunc func(ctx context.Context, id string) (*oauth.Client, error)

func (f clientFunc) Client(ctx context.Context, id string) (*oauth.Client, error) { return f(ctx, id) }

func TestHostPanics(t *testing.T) {
	t.Run("TK-17", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			f := fragileHost(t, store)
			// The claims are wanted in the ID token, so that the host is asked for them.
			code := func() string { return f.code("claims", `{"id_token":{"name":null}}`) }
			redeems := func(code string) func() *answer { return func() *answer { return f.token(redeem(code)) } }
			token := f.tokens("scope", "openid profile").str("access_token")
			for _, c := range []struct {
				broken string
				ask    func() *answer
			}{
				{"Claims", redeems(code())},
				{"Claims", func() *answer { return f.get("/userinfo", nil, bearer(token)) }},
				{"CheckSubject", redeems(code())},
				{"CheckSubject", func() *answer { return f.get("/userinfo", nil, bearer(token)) }},
				{"CheckSubject", func() *answer { return f.get("/authorize", request()) }},
				{"Interact", func() *answer { return f.get("/authorize", request()) }},
				{"Clients", redeems(code())},
				{"Clients", func() *answer { return f.get("/authorize", request()) }},
				{"Authenticate", func() *answer {
					return f.token(url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {password}})
				}},
			} {
				f.sub(c.broken, func(t *testing.T) {
					f.failsCleanly(t, c.broken, c.ask)
				})
			}
			f.sub("Events", func(t *testing.T) { // too late to take anything back
				f.broken = "Events"
				a := f.token(redeem(code()))
				require.Equal(t, http.StatusOK, a.Status, a.Body)
				f.token(redeem("none")).refused(http.StatusBadRequest, oauth.InvalidGrant)
				f.broken = ""
				require.True(t, f.active(a.str("access_token")))
			})
			require.NotContains(t, f.log.String(), cracked)
		})
	})
}

// failsCleanly sends a request while a function of the host panics, and again
// when it does not.
func (f *fragile) failsCleanly(t *testing.T, function string, ask func() *answer) {
	t.Helper()
	before := versions(t, f.store)
	f.forgetEvents()
	f.broken = function
	a := ask()
	f.broken = ""
	a.refused(http.StatusInternalServerError, oauth.ServerError)
	require.NotContains(t, a.Body, "panic")
	require.NotContains(t, a.Body, cracked)
	require.Empty(t, a.Header.Get("Location"))
	require.Equal(t, before, versions(t, f.store), "nothing is half done")
	require.Len(t, f.seen(), 1)
	require.Equal(t, authserver.EventPanic, f.seen()[0].Type)
	require.Contains(t, a.Body, f.seen()[0].Reference)

	again := ask()
	require.Less(t, again.Status, 400, again.Body)
}

func TestClientGoesAway(t *testing.T) {
	t.Run("TK-18", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, inner storage.Storage) {
			var leave func() // called before each call of storage
			store := around(inner)
			store.around = func(_ context.Context, _ storageCall, do func() error) error {
				if leave != nil {
					leave()
				}
				return do()
			}
			h := newHarness(t, withStore(store))
			leaving := func(n int, form func() url.Values) (*answer, int) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				calls := 0
				leave = func() {
					if calls++; calls == n {
						cancel()
					}
				}
				defer func() { leave = nil }()
				return h.post("/token", form(), as(confidential), func(r *http.Request) { *r = *r.WithContext(ctx) }), calls
			}
			for name, form := range map[string]func() url.Values{
				"code":    func() url.Values { return redeem(h.code()) },
				"refresh": func() url.Values { return refreshForm(h.tokens().str("refresh_token")) },
				"device":  func() url.Values { return pollFor(h.approved(t, "openid")) },
				"password": func() url.Values {
					return url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {password}}
				},
			} {
				h.sub(name, func(t *testing.T) {
					for n := 1; ; n++ {
						sent := form()
						before := versions(t, inner)
						a, calls := leaving(n, func() url.Values { return sent })
						if calls < n {
							require.Equal(t, http.StatusOK, a.Status, a.Body)
							break
						}
						a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
						require.Equal(t, before, versions(t, inner), "left before call %d", n)
						again := h.token(sent)
						require.Equal(t, http.StatusOK, again.Status, again.Body)
					}
				})
			}
		})
	})
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

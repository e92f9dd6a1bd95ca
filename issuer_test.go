package authserver_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// The issuers tests run at: without a path, with one, with more of one.
var issuers = []string{"https://login.example", testIssuer, "https://login.example/a/b"}

// site is a server as a host mounts it, asked by address.
type site struct {
	t       testing.TB
	issuer  string
	handler http.Handler
}

// mounted is a server at an issuer, on a mux as its package comment says.
func mounted(t testing.TB, issuer string, options ...func(*authserver.Config)) (*site, *harness) {
	t.Helper()
	h := newHarness(t, append(options, func(c *authserver.Config) { c.Issuer = issuer })...)
	mux := http.NewServeMux()
	below, err := url.Parse(issuer)
	require.NoError(t, err)
	mux.Handle(below.Path+"/", h.srv)
	for pattern, handler := range h.srv.WellKnown() {
		mux.Handle(pattern, handler)
	}
	return &site{t: t, issuer: issuer, handler: mux}, h
}

// ask sends a request to an address; a form makes it a POST.
func (s *site) ask(address string, form url.Values, edits ...func(*http.Request)) *answer {
	s.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, address, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return &answer{t: s.t, Status: w.Code, Header: w.Header(), Body: w.Body.String(), Cookie: w.Result().Cookies()}
}

// member is an address of the metadata.
func (s *site) member(name string) string {
	s.t.Helper()
	address := s.ask(s.issuer+"/.well-known/openid-configuration", nil).str(name)
	require.NotEmpty(s.t, address, name)
	return address
}

// walk does the main path by nothing but the metadata.
func (s *site) walk() *answer {
	s.t.Helper()
	v := s.ask(s.member("authorization_endpoint")+"?"+request().Encode(), nil).location()
	require.Equal(s.t, s.issuer, v.Get("iss"))
	tokens := s.ask(s.member("token_endpoint"), redeem(v.Get("code")), as(confidential))
	require.Equal(s.t, http.StatusOK, tokens.Status, tokens.Body)
	require.Equal(s.t, s.issuer, claims(s.t, tokens.str("id_token"))["iss"])
	info := s.ask(s.member("userinfo_endpoint"), nil, bearer(tokens.str("access_token")))
	require.Equal(s.t, alice, info.str("sub"))
	described := s.ask(s.member("introspection_endpoint"), url.Values{"token": {tokens.str("access_token")}}, as(confidential))
	require.Equal(s.t, s.issuer, described.str("iss"))
	require.Contains(s.t, s.ask(s.member("jwks_uri"), nil).Body, `"keys"`)
	gone := s.ask(s.member("revocation_endpoint"), url.Values{"token": {tokens.str("access_token")}}, as(confidential))
	require.Equal(s.t, http.StatusOK, gone.Status)
	device := s.ask(s.member("device_authorization_endpoint"), url.Values{"scope": {"openid"}}, as(confidential))
	require.True(s.t, strings.HasPrefix(device.str("verification_uri"), s.issuer+"/"))
	return tokens
}

func TestIssuers(t *testing.T) {
	for _, issuer := range issuers {
		t.Run(issuer, func(t *testing.T) {
			s, h := mounted(t, issuer)
			s.walk()
			u, err := url.Parse(issuer)
			require.NoError(t, err)
			root := strings.TrimSuffix(issuer, u.Path)

			// RFC 8414 §3.1 inserts, OpenID Connect Discovery §4 appends, and
			// the alias of existing products: one document.
			document := s.ask(issuer+"/.well-known/openid-configuration", nil)
			require.Equal(t, http.StatusOK, document.Status)
			require.Equal(t, issuer, document.str("issuer"))
			for _, address := range []string{
				issuer + "/.well-known/oauth-authorization-server", issuer + "/.well-known/oauth2.0-configuration",
				root + "/.well-known/oauth-authorization-server" + u.Path, root + "/.well-known/openid-configuration" + u.Path,
			} {
				a := s.ask(address, nil)
				require.Equal(t, http.StatusOK, a.Status, address)
				require.Equal(t, document.Body, a.Body, address)
				require.Equal(t, document.Header.Get("ETag"), a.Header.Get("ETag"))
			}
			if u.Path == "" {
				require.Empty(t, h.srv.WellKnown())
			} else {
				require.Len(t, h.srv.WellKnown(), 2)
			}

			// What is elsewhere under those names is not there, and says so in
			// JSON: clients that look on stop at HTML.
			for _, path := range []string{
				"/.well-known/openid-configuration/other", "/.well-known/oauth-protected-resource", "/.well-known/jwks.json",
				"/.well-known/", "/.well-known/webfinger", "/.well-known/openid-configuration.json", "/nothing", "",
			} {
				for _, base := range []string{issuer, root} {
					r := httptest.NewRequest(http.MethodGet, base+path, nil)
					w := httptest.NewRecorder()
					h.srv.ServeHTTP(w, r) // as when the server has the whole host
					require.Equal(t, http.StatusNotFound, w.Code, base+path)
					require.Equal(t, "application/json", w.Header().Get("Content-Type"), base+path)
				}
			}
		})
	}
}

// A path that only begins like the issuer's is none of the server's, nor of
// its pages'.
func TestIssuerPathEnds(t *testing.T) {
	pages := &pagesOf{}
	h := newHarness(t, func(c *authserver.Config) { c.Pages = pages })
	for path, reached := range map[string]bool{
		"/authentication/login": true, "/authentication": true, "/authentication/": true,
		"/authenticationx/login": false, "/authentication.": false, "/authentication%2flogin": false, "/": false,
		"/authentication/.well-known/nothing": false,
	} {
		pages.asked = nil
		w := httptest.NewRecorder()
		h.srv.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://login.example"+path, nil))
		require.Equal(t, reached, len(pages.asked) == 1, path)
		if !reached {
			require.Equal(t, http.StatusNotFound, w.Code, path)
		}
	}
}

// pagesOf are pages that only remember who asked.
type pagesOf struct{ asked []string }

func (p *pagesOf) Interact(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) {}
func (p *pagesOf) Error(http.ResponseWriter, *http.Request, authserver.PageError)                {}
func (p *pagesOf) Handler(*authserver.Server) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { p.asked = append(p.asked, r.URL.Path) })
}

// forged are headers by which a request claims to have come elsewhere.
func forged(r *http.Request) {
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("X-Forwarded-Proto", "http")
	r.Header.Set("X-Forwarded-Port", "81")
	r.Header.Set("X-Forwarded-Prefix", "/evil")
	r.Header.Set("X-Original-URL", "/evil")
	r.Header.Set("X-Rewrite-URL", "/evil")
	r.Header.Set("Forwarded", "host=evil.example;proto=http")
}

// Behind a proxy that ends TLS the server speaks plain http, under a name that
// is not its own; what it says of itself stays that of its issuer.
func TestBehindProxy(t *testing.T) {
	for _, issuer := range issuers {
		t.Run(issuer, func(t *testing.T) {
			s, h := mounted(t, issuer)
			h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
				_, err := h.srv.SignIn(w, r, authserver.Approval{Subject: alice})
				require.NoError(t, err)
				_, _ = io.WriteString(w, req.ID)
			}
			backend := httptest.NewServer(s.handler)
			t.Cleanup(backend.Close)
			target, err := url.Parse(backend.URL)
			require.NoError(t, err)
			front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target) // Host becomes that of the backend
				r.SetXForwarded()
			}})
			t.Cleanup(front.Close)
			client := front.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			require.IsType(t, &tls.Config{}, client.Transport.(*http.Transport).TLSClientConfig)

			u, err := url.Parse(issuer)
			require.NoError(t, err)
			through := func(path string) *answer {
				res, err := client.Get(front.URL + u.Path + path)
				require.NoError(t, err)
				defer res.Body.Close()
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				return &answer{t: t, Status: res.StatusCode, Header: res.Header, Body: string(body), Cookie: res.Cookies()}
			}

			document := through("/.well-known/openid-configuration")
			require.Equal(t, s.ask(issuer+"/.well-known/openid-configuration", nil).Body, document.Body)
			require.NotContains(t, document.Body, "127.0.0.1")

			page := through("/authorize?" + request().Encode())
			require.Equal(t, http.StatusOK, page.Status)
			require.Len(t, page.Cookie, 2)
			for _, c := range page.Cookie {
				require.True(t, strings.HasPrefix(c.Name, "__Host-"), c.Name)
				require.True(t, c.Secure && c.HttpOnly, c.Name)
				require.Equal(t, http.SameSiteLaxMode, c.SameSite)
				require.Equal(t, "/", c.Path)
				require.Empty(t, c.Domain)
			}
			refused := through("/authorize?" + request("scope", "unknown").Encode())
			require.True(t, strings.HasPrefix(refused.Header.Get("Location"), redirect+"?"), refused.Header.Get("Location"))
			require.Equal(t, issuer, refused.location().Get("iss"))
			unauthorized := through("/userinfo")
			require.Contains(t, unauthorized.Header.Get("WWW-Authenticate"), `realm="`+issuer+`"`)
		})
	}
}

func TestDiscoveryOrigin(t *testing.T) {
	t.Run("DJ-01", func(t *testing.T) { // from configuration, whatever the request claims
		for _, issuer := range issuers {
			s, _ := mounted(t, issuer)
			address := issuer + "/.well-known/openid-configuration"
			plain, lied := s.ask(address, nil), s.ask(address, nil, forged)
			require.Equal(t, http.StatusOK, lied.Status)
			require.Equal(t, plain.Body, lied.Body)
			require.Equal(t, plain.Header, lied.Header)
			for _, name := range []string{
				"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint",
				"introspection_endpoint", "device_authorization_endpoint",
			} {
				require.True(t, strings.HasPrefix(lied.str(name), issuer+"/"), name)
			}
			v := s.ask(s.member("authorization_endpoint")+"?"+request().Encode(), nil, forged).location()
			require.Equal(t, issuer, v.Get("iss"))
			tokens := s.ask(s.member("token_endpoint"), redeem(v.Get("code")), as(confidential), forged)
			require.Equal(t, issuer, claims(t, tokens.str("id_token"))["iss"])
			device := s.ask(s.member("device_authorization_endpoint"), url.Values{"scope": {"openid"}}, as(confidential), forged)
			require.True(t, strings.HasPrefix(device.str("verification_uri_complete"), issuer+"/"))
			require.NotContains(t, device.Body, "evil")
		}
	})
	t.Run("DJ-10", func(t *testing.T) { // a token of one issuer is none at another
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			for name, shared := range map[string]func(store storage.Storage, c *authserver.Config){
				"nothing shared": func(_ storage.Storage, c *authserver.Config) { c.Keys = foreignKeys() },
				"keys shared":    func(storage.Storage, *authserver.Config) {},
				"storage shared": func(store storage.Storage, c *authserver.Config) { c.Storage, c.Keys = store, foreignKeys() },
				"both shared":    func(store storage.Storage, c *authserver.Config) { c.Storage = store },
			} {
				t.Run(name+" "+string(format), func(t *testing.T) {
					store := memory.New()
					a := newHarness(t, withStore(store), func(c *authserver.Config) { c.AccessTokenFormat = format })
					b := newHarness(t, func(c *authserver.Config) {
						shared(store, c)
						c.Issuer, c.AccessTokenFormat = "https://tenant.example/authentication", format
					})
					tokens, code := a.tokens(), a.code()
					deviceCode := a.approved(t, "openid")
					machine := a.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")

					for _, token := range []string{tokens.str("access_token"), tokens.str("id_token"), machine} {
						b.untouched(t, func() *answer { return b.userinfo(token) })
						require.Equal(t, http.StatusUnauthorized, b.userinfo(token).Status)
						b.introspect(confidential, token).inactive()
						b.introspect(service, token).inactive()
						_, err := b.srv.Introspect(t.Context(), token)
						require.ErrorIs(t, err, oauth.InvalidToken)
					}
					b.introspect(confidential, tokens.str("refresh_token")).inactive()
					b.untouched(t, func() *answer { return b.refresh(tokens.str("refresh_token")) }).
						refused(http.StatusBadRequest, oauth.InvalidGrant)
					b.untouched(t, func() *answer { return b.token(redeem(code)) }).refused(http.StatusBadRequest, oauth.InvalidGrant)
					require.Equal(t, http.StatusBadRequest, b.poll(deviceCode).Status)
					b.untouched(t, func() *answer { return b.revoke(confidential, tokens.str("refresh_token")) }).revoked()
					b.untouched(t, func() *answer { return b.revoke(service, machine) }).revoked()
					v := b.get("/authorize", request("id_token_hint", tokens.str("id_token"))).location()
					require.NotEmpty(t, v.Get("error"))

					require.True(t, a.active(tokens.str("access_token")), "the other issuer ended it")
					require.Equal(t, true, a.introspect(service, machine).json("active"))
					require.Equal(t, http.StatusOK, a.token(redeem(code)).Status)
					require.Equal(t, http.StatusOK, a.poll(deviceCode).Status)
				})
			}
		}
	})
}

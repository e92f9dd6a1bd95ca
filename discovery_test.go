package authserver_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

const discoveryPath = "/.well-known/openid-configuration"

// promised holds a server against its own metadata.
type promised struct {
	*harness
	t   *testing.T
	doc map[string]any
}

// lists reports whether a member of the metadata is, or has, a value.
func (p promised) lists(member string, value any) bool {
	if list, ok := p.doc[member].([]any); ok {
		return slices.Contains(list, value)
	}
	return p.doc[member] == value
}

// each calls f with every value there could be of a member, and whether it is
// listed; nothing is listed that is not among them.
func (p promised) each(member string, universe []string, f func(value string, listed bool)) {
	p.t.Helper()
	if list, ok := p.doc[member].([]any); ok {
		require.NotEmpty(p.t, list, member)
		for _, value := range list {
			require.Contains(p.t, universe, value, member)
		}
	}
	for _, value := range universe {
		f(value, p.lists(member, value))
	}
}

// Every response type, grant, method and algorithm that the registries know or
// that somebody could hope for.
var (
	allResponseTypes = []string{
		"code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token", "none", "device",
	}
	allModes  = []string{"query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "web_message"}
	allGrants = []string{
		oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials, oauth.GrantTypePassword,
		oauth.GrantTypeDeviceCode, oauth.GrantTypeImplicit, voucher, "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"urn:ietf:params:oauth:grant-type:token-exchange", "urn:openid:params:grant-type:ciba",
		"urn:ietf:params:oauth:grant-type:saml2-bearer",
	}
	allAuthMethods = []string{
		"client_secret_basic", "client_secret_post", "none", "private_key_jwt", "client_secret_jwt", "tls_client_auth",
		"self_signed_tls_client_auth",
	}
	allAlgs = []string{
		"ES256", "RS256", "EdDSA", "none", "HS256", "HS512", "PS256", "RS512", "ES384", "ES512", "ES256K", "Ed25519",
	}
	allScopes = []string{"openid", "profile", "email", "address", "phone", "read", "write", "admin", "OPENID", "openid2"}
)

const voucher = "urn:example:voucher"

// endpoints are the members that are addresses, and where such an endpoint
// would be if it were there all the same.
var endpoints = map[string]string{
	"authorization_endpoint": "/authorize", "token_endpoint": "/token", "userinfo_endpoint": "/userinfo",
	"jwks_uri": "/jwks.json", "revocation_endpoint": "/revoke", "introspection_endpoint": "/introspect",
	"device_authorization_endpoint": "/device_authorization", "registration_endpoint": "/register",
	"pushed_authorization_request_endpoint": "/par", "end_session_endpoint": "/logout",
	"check_session_iframe": "/check_session", "backchannel_authentication_endpoint": "/bc-authorize",
}

// eager is a client that is registered for everything, so that a refusal is
// the server's.
func (p promised) eager(edit func(c *oauth.Client)) {
	p.clients["eager"] = &oauth.Client{
		ID: "eager", Secrets: p.clients[confidential].Secrets, RedirectURIs: []string{redirect},
		GrantTypes: allGrants, ResponseTypes: allResponseTypes, Scopes: append([]string{"offline_access"}, allScopes...),
	}
	edit(p.clients["eager"])
}

func nothingMore(*oauth.Client) {}

// asks sends an authorization request of the eager client.
func (p promised) asks(pairs ...string) *answer {
	return p.get("/authorize", request(append([]string{"client_id", "eager", "scope", "openid"}, pairs...)...))
}

// obtain uses a grant type from its beginning; a refusal before the grant_type
// is even looked at is a nil answer.
func (p promised) obtain(grantType, scope string) *answer {
	form := url.Values{"grant_type": {grantType}, "scope": {scope}}
	switch grantType {
	case oauth.GrantTypeAuthorizationCode:
		form = redeem("none")
		if p.lists("response_types_supported", "code") {
			form.Set("code", p.asks("scope", scope).location().Get("code"))
		}
	case oauth.GrantTypeRefreshToken:
		form.Set("refresh_token", "none")
		if first := p.obtain(p.anyGrant(), "openid offline_access"); first.Status == http.StatusOK {
			form.Set("refresh_token", first.str("refresh_token"))
		}
	case oauth.GrantTypePassword:
		form.Set("username", "alice")
		form.Set("password", password)
	case oauth.GrantTypeDeviceCode:
		form = pollFor("none")
		if p.doc["device_authorization_endpoint"] != nil {
			start := p.post("/device_authorization", url.Values{"scope": {scope}}, as("eager"))
			require.Equal(p.t, http.StatusOK, start.Status, start.Body)
			form = pollFor(start.str("device_code"))
			someone := p.person()
			req, err := someone.types(start.str("user_code"))
			require.NoError(p.t, err)
			someone.approves(req.ID)
		}
	case oauth.GrantTypeImplicit:
		if !p.lists("response_types_supported", "id_token token") {
			break
		}
		v := p.asks("response_type", "id_token token", "scope", scope).location()
		body, err := json.Marshal(map[string]string{"access_token": v.Get("access_token"), "id_token": v.Get("id_token")})
		require.NoError(p.t, err)
		return &answer{t: p.t, Status: http.StatusOK, Header: http.Header{}, Body: string(body)}
	}
	return p.post("/token", form, as("eager"))
}

// anyGrant is one that gives an end user's tokens, or empty.
func (p promised) anyGrant() string {
	for _, grantType := range []string{
		oauth.GrantTypeAuthorizationCode, oauth.GrantTypePassword, oauth.GrantTypeDeviceCode, voucher, oauth.GrantTypeImplicit,
	} {
		if p.lists("grant_types_supported", grantType) {
			return grantType
		}
	}
	return ""
}

func (p promised) keeps() {
	p.t.Run("endpoints", p.endpoints)
	p.t.Run("grant types", p.grantTypes)
	p.t.Run("client authentication", p.authMethods)
	p.t.Run("algorithms", p.algorithms)
	p.t.Run("scopes and claims", p.scopes)
	p.t.Run("subject types", p.subjectTypes)
	if p.doc["authorization_endpoint"] != nil {
		p.t.Run("authorization requests", p.authorization)
	}
}

func (p promised) endpoints(t *testing.T) {
	for member, path := range endpoints {
		address, listed := p.doc[member].(string)
		if listed {
			require.Equal(t, testIssuer+path, address)
		}
		a := p.post(path, url.Values{"x": {"y"}})
		require.Equal(t, !listed, a.Status == http.StatusNotFound, member)
		a = p.get(path, nil)
		require.Equal(t, !listed, a.Status == http.StatusNotFound, member)
	}
	for member := range p.doc {
		if strings.HasSuffix(member, "_endpoint") || strings.HasSuffix(member, "_uri") {
			require.Contains(t, endpoints, member)
		}
	}
}

func (p promised) grantTypes(t *testing.T) {
	p.eager(nothingMore)
	p.each("grant_types_supported", allGrants, func(grantType string, listed bool) {
		if grantType == oauth.GrantTypeRefreshToken && listed && p.anyGrant() == "" {
			return
		}
		a := p.obtain(grantType, "openid")
		if listed {
			require.Equal(t, http.StatusOK, a.Status, grantType+a.Body)
			require.NotEmpty(t, a.str("access_token"), grantType)
			return
		}
		if p.doc["token_endpoint"] == nil {
			require.Equal(t, http.StatusNotFound, a.Status)
			return
		}
		require.Equal(t, string(oauth.UnsupportedGrantType), a.str("error"), grantType)
	})
}

func (p promised) authMethods(t *testing.T) {
	for member, path := range map[string]string{
		"token_endpoint_auth_methods_supported": "/token", "revocation_endpoint_auth_methods_supported": "/revoke",
		"introspection_endpoint_auth_methods_supported": "/introspect",
	} {
		if p.doc[strings.TrimSuffix(member, "_auth_methods_supported")] == nil {
			require.Nil(t, p.doc[member])
			continue
		}
		p.each(member, allAuthMethods, func(method string, listed bool) {
			p.eager(func(c *oauth.Client) {
				c.TokenEndpointAuthMethod = method
				if method == oauth.AuthMethodNone {
					c.Secrets = nil
				}
			})
			form, edits := url.Values{"token": {"x"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}, []func(*http.Request){}
			if !p.lists("grant_types_supported", "refresh_token") {
				form.Set("grant_type", fmt.Sprint(p.doc["grant_types_supported"].([]any)[0]))
			}
			switch method {
			case oauth.AuthMethodBasic:
				edits = append(edits, as("eager"))
			case oauth.AuthMethodPost, "client_secret_jwt":
				form.Set("client_id", "eager")
				form.Set("client_secret", secret)
			case "private_key_jwt":
				form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
				form.Set("client_assertion", "a.b.c")
			default:
				form.Set("client_id", "eager")
			}
			a := p.post(path, form, edits...)
			require.Equal(t, !listed, a.Status == http.StatusUnauthorized, member+" "+method+a.Body)
		})
	}
}

func (p promised) algorithms(t *testing.T) {
	for _, member := range []string{"id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported"} {
		p.each(member, allAlgs, func(alg string, listed bool) {
			p.eager(func(c *oauth.Client) {
				if member == "id_token_signing_alg_values_supported" {
					c.IDTokenSignedResponseAlg = alg
				} else {
					c.UserinfoSignedResponseAlg = alg
				}
			})
			grantType := p.anyGrant()
			if grantType == "" {
				return
			}
			if grantType == oauth.GrantTypeImplicit && !listed {
				return // the refusal goes to the client, by redirect
			}
			signed := ""
			if a := p.obtain(grantType, "openid"); a.Status == http.StatusOK {
				signed = a.str("id_token")
				if member == "userinfo_signing_alg_values_supported" {
					signed = p.signedUserinfo(a.str("access_token"))
				}
			}
			if !listed {
				require.Empty(t, signed, alg)
				return
			}
			require.Equal(t, alg, header(t, signed)["alg"])
			require.Equal(t, alice, p.verified(t, signed)["sub"])
		})
	}
}

// signedUserinfo is empty where there is none.
func (p promised) signedUserinfo(access string) string {
	if a := p.userinfo(access); a.Status == http.StatusOK {
		return a.Body
	}
	return ""
}

func (p promised) scopes(t *testing.T) {
	p.eager(nothingMore)
	grantType := p.anyGrant()
	p.each("scopes_supported", append([]string{"offline_access"}, allScopes...), func(scope string, listed bool) {
		if grantType == "" || grantType == oauth.GrantTypeImplicit || grantType == oauth.GrantTypeAuthorizationCode {
			return // asked for below
		}
		if grantType == oauth.GrantTypeDeviceCode { // refused where the device begins
			a := p.post("/device_authorization", url.Values{"scope": {scope}}, as("eager"))
			require.Equal(t, listed, a.Status == http.StatusOK, scope+a.Body)
			return
		}
		a := p.obtain(grantType, scope)
		require.Equal(t, listed, a.Status == http.StatusOK, scope+a.Body)
	})
	if grantType == "" {
		return
	}
	info := p.userinfo(p.obtain(grantType, "openid profile email address phone").str("access_token"))
	require.Equal(t, http.StatusOK, info.Status, info.Body)
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(info.Body), &members))
	for name := range members {
		require.True(t, p.lists("claims_supported", name), name)
	}
	for _, name := range []string{"name", "email", "phone_number", "address"} {
		require.Contains(t, members, name)
	}
	id := claims(t, p.obtain(grantType, "openid").str("id_token"))
	for name := range id {
		if name != "at_hash" && name != "s_hash" && name != "c_hash" {
			require.True(t, p.lists("claims_supported", name), name)
		}
	}
}

func (p promised) subjectTypes(t *testing.T) {
	p.each("subject_types_supported", []string{"public", "pairwise"}, func(subjectType string, listed bool) {
		require.True(t, listed)
		grantType := p.anyGrant()
		if grantType == "" {
			return
		}
		p.eager(func(c *oauth.Client) { c.SubjectType = subjectType })
		sub := claims(t, p.obtain(grantType, "openid").str("id_token"))["sub"]
		require.Equal(t, subjectType == "public", sub == alice)
	})
}

func (p promised) authorization(t *testing.T) {
	p.eager(nothingMore)
	served := fmt.Sprint(p.doc["response_types_supported"].([]any)[0])
	asks := func(pairs ...string) *answer { return p.asks(append([]string{"response_type", served}, pairs...)...) }

	p.each("response_types_supported", allResponseTypes, func(responseType string, listed bool) {
		v := p.asks("response_type", responseType).location()
		if !listed {
			require.Equal(t, string(oauth.UnsupportedResponseType), v.Get("error"), responseType)
			return
		}
		require.Empty(t, v.Get("error"), responseType)
		for _, member := range strings.Fields(responseType) {
			name := map[string]string{"token": "access_token", "none": "state"}[member]
			require.NotEmpty(t, v.Get(or(name, member)), responseType)
		}
		require.Equal(t, p.lists("authorization_response_iss_parameter_supported", true), v.Get("iss") == testIssuer)
	})
	p.each("response_modes_supported", allModes, func(mode string, listed bool) {
		if !listed {
			asks("response_mode", mode).redirectedError(oauth.InvalidRequest)
			return
		}
		a := p.asks("response_type", "none", "response_mode", mode)
		switch mode {
		case "query":
			require.Contains(t, a.Header.Get("Location"), redirect+"?")
		case "fragment":
			require.Contains(t, a.Header.Get("Location"), redirect+"#")
		case "form_post":
			require.Equal(t, http.StatusOK, a.Status)
			require.Contains(t, a.Body, `action="`+redirect+`"`)
		}
	})
	p.each("code_challenge_methods_supported", []string{"S256", "plain"}, func(method string, listed bool) {
		if p.lists("response_types_supported", "code") {
			v := p.asks("code_challenge_method", method).location()
			require.Equal(t, listed, v.Get("code") != "", method)
		}
	})
	p.each("scopes_supported", append([]string{"offline_access"}, allScopes...), func(scope string, listed bool) {
		want := strings.TrimSpace("openid " + strings.TrimPrefix(scope, "openid "))
		v := asks("scope", want).location()
		// What cannot be given is ignored (OpenID Connect Core §11).
		require.Equal(t, listed || scope == "offline_access", v.Get("error") == "", scope+v.Get("error_description"))
	})
	p.each("prompt_values_supported", []string{"none", "login", "consent", "select_account", "create", "other", "NONE"}, func(prompt string, listed bool) {
		v := asks("prompt", prompt).location()
		require.Equal(t, listed, v.Get("error") == "", prompt+v.Get("error_description"))
	})
	require.Equal(t, false, p.doc["request_parameter_supported"])
	asks("request", "a.b.c").redirectedError(oauth.RequestNotSupported)
	require.Equal(t, false, p.doc["request_uri_parameter_supported"])
	asks("request_uri", "https://good.example/request").redirectedError(oauth.RequestURINotSupported)
	require.Equal(t, true, p.doc["claims_parameter_supported"])
	require.Empty(t, asks("claims", `{"userinfo":{"email":null}}`).location().Get("error"))
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

func TestDiscovery(t *testing.T) {
	withGrants := func(list ...grants.Grant) func(*authserver.Config) {
		return func(c *authserver.Config) { c.Grants = list }
	}
	extension := grants.Extension{Type: voucher, Exchange: func(context.Context, grants.ExchangeRequest) (grants.Exchanged, error) {
		return grants.Exchanged{Authenticated: grants.Authenticated{Subject: alice}, Refresh: true}, nil
	}}
	t.Run("DJ-02", func(t *testing.T) { // what is advertised works, what is not is refused
		for name, options := range map[string][]func(*authserver.Config){
			"everything":  {func(c *authserver.Config) { c.Grants = append(c.Grants, extension) }},
			"defaults":    {withGrants()},
			"code alone":  {withGrants(grants.AuthorizationCode{})},
			"hybrid":      {withGrants(grants.AuthorizationCode{Hybrid: true}, grants.RefreshToken{})},
			"implicit":    {withGrants(grants.Implicit{})},
			"credentials": {withGrants(grants.ClientCredentials{}), func(c *authserver.Config) { c.Interact = nil }},
			"device":      {withGrants(grants.DeviceCode{}, grants.RefreshToken{})},
			"password":    {withGrants(grants.Password{Authenticate: checkPassword}, grants.RefreshToken{})},
			"extension":   {withGrants(extension, grants.RefreshToken{})},
			"one key":     {func(c *authserver.Config) { c.Keys = edKeys(t) }},
			"no scopes":   {func(c *authserver.Config) { c.Scopes = nil }},
			"jwt tokens":  {jwtAccess},
		} {
			t.Run(name, func(t *testing.T) {
				h := newHarness(t, options...)
				h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
					h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice, AuthTime: time.Now()})
				}
				p := promised{harness: h, t: t}
				a := h.get(discoveryPath, nil)
				require.Equal(t, http.StatusOK, a.Status)
				require.NoError(t, json.Unmarshal([]byte(a.Body), &p.doc))
				p.keeps()
			})
		}
	})
	t.Run("DJ-03", func(t *testing.T) { // public members alone
		h := newHarness(t)
		var set struct{ Keys []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(h.get("/jwks.json", nil).Body), &set))
		require.Len(t, set.Keys, 3)
		for _, key := range set.Keys {
			require.Contains(t, []any{"EC", "RSA", "OKP"}, key["kty"])
			for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
				require.NotContains(t, key, member)
			}
			require.Equal(t, "sig", key["use"])
		}
	})
	t.Run("DJ-04", func(t *testing.T) { // published before it signs, kept after
		synctest.Test(t, func(t *testing.T) {
			store := memory.New()
			h := newHarness(t, withStore(store), func(c *authserver.Config) {
				c.Keys, c.IDTokenLifetime = managedKeys(t, store), 36*time.Hour
			})
			kids := func() (list []string) {
				var set struct{ Keys []struct{ Kid string } }
				require.NoError(t, json.Unmarshal([]byte(h.get("/jwks.json", nil).Body), &set))
				for _, key := range set.Keys {
					list = append(list, key.Kid)
				}
				return list
			}
			signs := func() (kid, token string) {
				token = h.tokens().str("id_token")
				return fmt.Sprint(header(t, token)["kid"]), token
			}
			seen := map[string]time.Time{}
			previous, previousToken := signs()
			rotations := 0
			for range 200 * 24 { // an hour at a time
				for _, kid := range kids() {
					if _, ok := seen[kid]; !ok {
						seen[kid] = time.Now()
					}
				}
				time.Sleep(time.Hour)
				h.get("/jwks.json", nil) // the ring looks when it is asked
				synctest.Wait()
				if time.Now().Hour() != 0 {
					continue
				}
				kid, token := signs()
				if kid != previous {
					rotations++
					require.GreaterOrEqual(t, time.Since(seen[kid]), time.Hour, "it signs before anybody can have it")
					require.Contains(t, kids(), previous, "what it signed yesterday must verify")
					h.verified(t, previousToken)
				}
				previous, previousToken = kid, token
			}
			require.GreaterOrEqual(t, rotations, 2)
		})
	})
	t.Run("DJ-05", func(t *testing.T) { // a token of a key that was removed
		store := memory.New()
		ring := managedKeys(t, store)
		h := newHarness(t, jwtAccess, withStore(store), func(c *authserver.Config) { c.Keys = ring })
		tokens := h.tokens()
		kid := fmt.Sprint(header(t, tokens.str("access_token"))["kid"])
		require.True(t, h.active(tokens.str("access_token")))
		require.NoError(t, ring.Remove(t.Context(), kid))
		require.NotContains(t, h.get("/jwks.json", nil).Body, kid)
		h.introspect(confidential, tokens.str("access_token")).inactive()
		h.userinfo(tokens.str("access_token")).challenged(http.StatusUnauthorized, oauth.InvalidToken)
		_, err := h.srv.Introspect(t.Context(), tokens.str("access_token"))
		require.ErrorIs(t, err, oauth.InvalidToken)
		require.NotEmpty(t, h.get("/authorize", request("id_token_hint", tokens.str("id_token"))).location().Get("error"))
		require.True(t, h.active(h.tokens().str("access_token")), "the next key signs")
	})
	t.Run("DJ-06", func(t *testing.T) { // no alg none; kid unique and plain
		h := newHarness(t)
		a := h.get(discoveryPath, nil)
		require.NotContains(t, a.Body, `"HS`)
		for _, member := range []string{"id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported"} {
			require.NotContains(t, a.json(member), "none")
		}
		var set struct{ Keys []struct{ Kid, Alg string } }
		require.NoError(t, json.Unmarshal([]byte(h.get("/jwks.json", nil).Body), &set))
		seen := map[string]bool{}
		for _, key := range set.Keys {
			require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, key.Kid)
			require.False(t, seen[key.Kid])
			seen[key.Kid] = true
			require.Contains(t, a.json("id_token_signing_alg_values_supported"), key.Alg)
		}
	})
}

func edKeys(t testing.TB) keys.Source {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	source, err := keys.Static([]byte("thirty-two bytes of static secret"), ed)
	require.NoError(t, err)
	return source
}

func managedKeys(t testing.TB, store storage.Storage) *keys.Ring {
	ring, err := keys.Managed(store, []byte("thirty-two bytes of static secret"), keys.ManagedOptions{
		Algorithms: []string{keys.ES256}, RotateEvery: 60 * 24 * time.Hour, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return ring
}

var documents = []string{
	discoveryPath, "/.well-known/oauth-authorization-server", "/.well-known/oauth2.0-configuration", "/jwks.json",
}

func TestDocuments(t *testing.T) {
	t.Run("DJ-07", func(t *testing.T) { // cacheable, and readable by every origin without cookies
		h := newHarness(t)
		for _, path := range documents {
			a := h.get(path, nil, func(r *http.Request) {
				r.Header.Set("Origin", "https://anyone.example")
				r.Header.Set("Cookie", "a=b")
			})
			require.Equal(t, http.StatusOK, a.Status)
			require.Regexp(t, `max-age=[1-9]`, a.Header.Get("Cache-Control"))
			require.Regexp(t, `^"[^"]+"$`, a.Header.Get("ETag"))
			require.Equal(t, []string{"*"}, a.Header.Values("Access-Control-Allow-Origin"))
			require.Empty(t, a.Header.Values("Access-Control-Allow-Credentials"))
			require.Equal(t, "application/json", a.Header.Get("Content-Type"))
			require.Empty(t, a.Cookie)
			again := h.get(path, nil, func(r *http.Request) { r.Header.Set("If-None-Match", a.Header.Get("ETag")) })
			require.Equal(t, http.StatusNotModified, again.Status)
			require.Empty(t, again.Body)
		}
	})
	t.Run("DJ-08", func(t *testing.T) { // other methods; other spellings of the address
		s, h := mounted(t, testIssuer)
		for _, path := range documents {
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
				a := h.get(path, nil, func(r *http.Request) { r.Method = method })
				require.Equal(t, http.StatusMethodNotAllowed, a.Status)
				require.Equal(t, "GET, HEAD, OPTIONS", a.Header.Get("Allow"))
			}
			head := h.get(path, nil, func(r *http.Request) { r.Method = http.MethodHead })
			require.Equal(t, http.StatusOK, head.Status)
			require.Empty(t, head.Body)

			for _, spelling := range []string{
				"/" + path, path + "/", path + ";x", path + "%20", path + "%00", "/." + path, "/x/.." + path,
				strings.Replace(path, ".", "%2e", 1), strings.Replace(path, "/", "/%2e/", 1), strings.ToUpper(path),
				strings.Replace(path, "/", "%2f", 1), strings.Replace(path, "o", "%6f", 1),
			} {
				for name, handler := range map[string]http.Handler{"server": h.srv, "mux": s.handler} {
					r := httptest.NewRequest(http.MethodGet, testIssuer+"/x", nil)
					u, err := url.Parse("https://login.example/authentication" + spelling)
					require.NoError(t, err)
					r.URL, r.RequestURI = u, u.RequestURI()
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, r)
					switch w.Code {
					case http.StatusNotFound:
					case http.StatusMovedPermanently, http.StatusTemporaryRedirect: // the mux, to the address itself
						require.Equal(t, "mux", name)
						require.True(t, strings.HasPrefix(w.Header().Get("Location"), "/authentication"+path), w.Header().Get("Location"))
					default:
						require.Failf(t, "answered", "%s %s: %d", name, spelling, w.Code)
					}
				}
			}
		}
	})
	t.Run("DJ-09", func(t *testing.T) { // storage down: served all the same
		for _, managed := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				store := watch(memory.New())
				h := newHarness(t, withStore(store), func(c *authserver.Config) {
					if managed {
						c.Keys = managedKeys(t, store)
					}
				})
				store.down.Store(true)
				for range 20 {
					for _, path := range documents {
						require.Equal(t, http.StatusOK, h.get(path, nil).Status, path)
					}
					time.Sleep(10 * time.Minute)
				}
				synctest.Wait()
			})
		}
	})
	t.Run("DJ-11", func(t *testing.T) { // however often asked, no storage call
		for _, managed := range []bool{false, true} {
			store := watch(memory.New())
			h := newHarness(t, withStore(store), func(c *authserver.Config) {
				if managed {
					c.Keys = managedKeys(t, store)
				}
			})
			require.Zero(t, store.during(func() {
				for range 2_000 {
					for _, path := range documents {
						h.get(path, nil)
					}
				}
			}))
		}
	})
}

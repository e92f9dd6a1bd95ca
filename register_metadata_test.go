package authserver_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/oauth"
)

// uriFaults are what no redirect URI may be.
var uriFaults = map[string]string{
	"javascript": "javascript:alert(1)", "data": "data:text/html,x", "file": "file:///etc/passwd", "blob": "blob:https://a/b",
	"vbscript": "vbscript:x", "http": "http://app.example/cb", "fragment": "https://app.example/cb#x", "wildcard": "https://*.example/cb",
	"userinfo": "https://u:p@app.example/cb", "control": "https://app.example/\u0001", "newline": "https://app.example/\ncb", "relative": "/cb",
	"no scheme": "app.example/cb", "10 KiB": "https://app.example/" + strings.Repeat("x", 10<<10), "empty": "", "upper case": "JavaScript:alert(1)",
}

func quoted(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func TestRegistrationMetadata(t *testing.T) {
	h := registering(t, anyone())
	bad := func(t *testing.T, code oauth.Code, pairs ...string) *answer {
		t.Helper()
		a := h.register(pairs...)
		a.refused(400, code)
		return a
	}
	t.Run("RG-04", func(t *testing.T) {
		for name, uri := range uriFaults {
			a := bad(t, oauth.InvalidRedirectURI, "redirect_uris", quoted([]string{"https://ok.example/", uri}))
			require.Contains(t, a.str("error_description"), "redirect_uris[1]", name)
		}
		bad(t, oauth.InvalidRedirectURI, "redirect_uris", `[]`)
		bad(t, oauth.InvalidRedirectURI, "redirect_uris", `null`)
		bad(t, oauth.InvalidRedirectURI, "redirect_uris", quoted(slices.Repeat([]string{"https://a.example/"}, 101)))
		bad(t, oauth.InvalidRedirectURI, "redirect_uris", `"https://a.example/"`)
	})
	t.Run("RG-05", func(t *testing.T) {
		for _, uri := range uriFaults {
			bad(t, oauth.InvalidClientMetadata, "post_logout_redirect_uris", quoted([]string{uri}))
		}
		require.Equal(t, []string{"https://app.example/bye"}, h.registered("post_logout_redirect_uris", `["https://app.example/bye"]`).strs("post_logout_redirect_uris"))
	})
	t.Run("RG-06", func(t *testing.T) {
		for _, member := range []string{"client_uri", "logo_uri", "tos_uri", "policy_uri", "client_uri#de", "logo_uri#de"} {
			for _, uri := range []string{"javascript:alert(1)", "data:image/png;base64,AA==", "/x", "https://u@a.example/"} {
				bad(t, oauth.InvalidClientMetadata, member, quoted(uri))
			}
		}
	})
	t.Run("RG-08", func(t *testing.T) {
		o := anyone()
		o.ReservedNames = []string{"ACME"}
		reserved := registering(t, o)
		for _, name := range []string{"a\u202eb", "a\u200bb", "a\nb", strings.Repeat("x", 10<<10), "The ACME Bank", "acme", "ＡＣＭＥ"} {
			reserved.register("client_name", quoted(name)).refused(400, oauth.InvalidClientMetadata)
			reserved.register("client_name#de", quoted(name)).refused(400, oauth.InvalidClientMetadata)
		}
		a := reserved.registered("client_name", `"<b>App</b>"`, "client_name#de", `"Anwendung"`)
		require.Equal(t, "Anwendung", a.str("client_name#de"))
		e, err := reserved.srv.Clients().Get(t.Context(), clientreg.System, a.str("client_id"))
		require.NoError(t, err)
		require.False(t, e.Client.Verified, "and shown as such")
		require.True(t, e.Client.Dynamic)
	})
	t.Run("RG-11", func(t *testing.T) {
		for name, keys := range badKeySets() {
			bad(t, oauth.InvalidClientMetadata, "jwks", keys)
			require.NotEmpty(t, name)
		}
		bad(t, oauth.InvalidClientMetadata, "jwks", quoted(goodKeySet()), "jwks_uri", `"https://app.example/jwks"`)
		require.NotNil(t, h.registered("jwks", quoted(goodKeySet())).json("jwks"))
		require.Equal(t, "https://app.example/jwks", h.registered("jwks_uri", `"https://app.example/jwks"`).str("jwks_uri"))
	})
	t.Run("RG-12", func(t *testing.T) {
		for _, grant := range []string{"implicit", "password"} {
			bad(t, oauth.InvalidClientMetadata, "grant_types", quoted([]string{"authorization_code", grant}))
		}
		bad(t, oauth.InvalidClientMetadata, "response_types", `["token"]`)
		off := registering(t, anyone(), func(c *authserver.Config) { c.Grants = []grants.Grant{grants.AuthorizationCode{}} })
		off.register("grant_types", `["implicit"]`).refused(400, oauth.InvalidClientMetadata)
		o := anyone()
		o.GrantTypes = []string{"authorization_code", "implicit"}
		on := registering(t, o)
		require.Equal(t, []string{"token"}, on.registered("grant_types", `["implicit"]`, "response_types", `["token"]`).strs("response_types"))
	})
	t.Run("RG-13", func(t *testing.T) {
		require.Equal(t, "openid", h.registered("scope", `"openid admin * read"`).str("scope"))
		require.NotContains(t, h.registered("scope", `"admin"`).Body, `"scope"`)
		bad(t, oauth.InvalidClientMetadata, "scope", quoted("a\"b"))
		require.NotContains(t, h.registered().str("scope"), "read", "the host's scopes are for those it names")
		o := anyone()
		o.Scopes = []string{"openid", "read"}
		require.Equal(t, "openid read", registering(t, o).registered().str("scope"))
	})
	t.Run("RG-14", func(t *testing.T) {
		o := anyone()
		o.GrantTypes = []string{"client_credentials", "authorization_code"}
		h := registering(t, o)
		h.register("token_endpoint_auth_method", `"none"`, "grant_types", `["client_credentials"]`).refused(400, oauth.InvalidClientMetadata)
		require.Equal(t, 201, h.register("grant_types", `["client_credentials"]`, "redirect_uris", `[]`).Status)
	})
	t.Run("RG-18", func(t *testing.T) {
		none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".e30."
		for _, statement := range []string{quoted(none), `"x"`, `""`, `1`, `{}`} {
			bad(t, oauth.InvalidSoftwareStatement, "software_statement", statement)
		}
		o := anyone()
		o.Statement = func(_ context.Context, statement string) (map[string]json.RawMessage, error) {
			if statement != "trusted" {
				return nil, errors.New("not trusted")
			}
			return map[string]json.RawMessage{"client_name": json.RawMessage(`"Vouched for"`)}, nil
		}
		h := registering(t, o)
		h.register("software_statement", quoted(none)).refused(400, oauth.InvalidSoftwareStatement)
		a := h.registered("software_statement", `"trusted"`)
		require.Equal(t, "Vouched for", a.str("client_name"))
		require.Equal(t, "trusted", a.str("software_statement"))
	})
	t.Run("RG-21", func(t *testing.T) {
		for name, body := range map[string]string{
			"two names": `{"client_name":"a","client_name":"b","redirect_uris":["https://a.example/"]}`, "array": `[]`, "text": `"x"`, "empty": ``,
			"depth": `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "1 MiB": `{"a":"` + strings.Repeat("x", 1<<20) + `"}`,
			"NaN": `{"default_max_age":NaN}`, "trailing": metadataWith() + "{}", "BOM": "\ufeff" + metadataWith(), "UTF-16": "\xff\xfe{\x00}\x00",
			"name of wrong type": metadataWith("client_name", `1`), "uris of wrong type": metadataWith("redirect_uris", `{"0":"https://a.example/"}`),
			"null in a list": metadataWith("contacts", `[null]`), "age of wrong type": metadataWith("default_max_age", `1.5`),
			"flag of wrong type": metadataWith("require_auth_time", `"yes"`), "grants of wrong type": metadataWith("grant_types", `[1]`),
		} {
			a := h.send(http.MethodPost, "/register", body)
			require.Equal(t, 400, a.Status, "%s: %s", name, a.Body)
			require.Contains(t, []string{"invalid_client_metadata", "invalid_redirect_uri"}, a.str("error"))
		}
		require.Equal(t, 415, h.send(http.MethodPost, "/register", metadataWith(), func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }).Status)
	})
	t.Run("M32 what is not served is dropped, and the answer says so", func(t *testing.T) {
		a := h.registered("grant_types", `["authorization_code","urn:ietf:params:oauth:grant-type:jwt-bearer"]`, "response_types", `["code","token"]`,
			"token_endpoint_auth_method", `"client_secret_jwt"`, "not_known", `{"a":1}`)
		require.Equal(t, []string{"authorization_code"}, a.strs("grant_types"))
		require.Equal(t, []string{"code"}, a.strs("response_types"))
		require.Equal(t, "client_secret_basic", a.str("token_endpoint_auth_method"))
		bad(t, oauth.InvalidClientMetadata, "token_endpoint_auth_method", `"private_key_jwt"`)
		bad(t, oauth.InvalidClientMetadata, "dpop_bound_access_tokens", `true`)
		bad(t, oauth.InvalidClientMetadata, "id_token_encrypted_response_alg", `"RSA-OAEP"`)
	})
	t.Run("M33 native by its redirect URIs", func(t *testing.T) {
		for name, c := range map[string]struct{ uris, typ, want, method string }{
			"web":              {`["https://a.example/"]`, `null`, "web", "client_secret_basic"},
			"loopback":         {`["http://127.0.0.1/cb"]`, `null`, "native", "client_secret_basic"},
			"loopback as web":  {`["http://localhost:3000/cb"]`, `"web"`, "native", "client_secret_basic"},
			"mixed":            {`["https://a.example/","http://localhost/cb","app://host/path"]`, `null`, "native", "none"},
			"mixed as web":     {`["https://a.example/","http://localhost/cb"]`, `"web"`, "web", "client_secret_basic"},
			"private, as web":  {`["com.app:/cb"]`, `"web"`, "native", "none"},
			"private and post": {`["com.app:/cb"]`, `null`, "native", "none"},
		} {
			a := h.registered("redirect_uris", c.uris, "application_type", c.typ)
			require.Equal(t, c.want, a.str("application_type"), name)
			require.Equal(t, c.method, a.str("token_endpoint_auth_method"), name)
		}
		o := anyone()
		o.RefusePrivateSchemes = true
		registering(t, o).register("redirect_uris", `["com.app:/cb"]`).refused(400, oauth.InvalidRedirectURI)
	})
	t.Run("all of it comes back", func(t *testing.T) {
		a := h.registered("contacts", `["a@b.example"]`, "software_id", `"s"`, "software_version", `"1"`, "default_max_age", `60`, "require_auth_time", `true`,
			"initiate_login_uri", `"https://app.example/login"`, "subject_type", `"pairwise"`, "id_token_signed_response_alg", `"RS256"`, "logo_uri#de-CH", `"https://a.example/l"`)
		require.EqualValues(t, 60, a.json("default_max_age"))
		require.Equal(t, true, a.json("require_auth_time"))
		require.Equal(t, "pairwise", a.str("subject_type"))
		require.Equal(t, "https://a.example/l", a.str("logo_uri#de-CH"))
		again := h.get(a.path(), nil, own(a))
		for _, member := range []string{"contacts", "software_id", "initiate_login_uri", "id_token_signed_response_alg", "redirect_uris"} {
			require.Equal(t, a.json(member), again.json(member), member)
		}
	})
}

// The host's own word on what software says of itself.
func TestRegistrationReview(t *testing.T) {
	o := anyone()
	o.Review = func(_ context.Context, r *clientreg.Registration) error {
		if r.Client.Name == "Bad" {
			return oauth.E(oauth.InvalidClientMetadata, "client_name: expected another")
		}
		if r.Client.Name == "Down" {
			return errors.New("database is down")
		}
		r.Client.Scopes = []string{"openid"}
		r.Client.Tenant = "t"
		return nil
	}
	h := registering(t, o)
	a := h.registered()
	require.Equal(t, "openid", a.str("scope"))
	h.register("client_name", `"Bad"`).refused(400, oauth.InvalidClientMetadata)
	h.register("client_name", `"Down"`).refused(503, oauth.TemporarilyUnavailable)
	h.send(http.MethodPut, a.path(), metadataWith("client_id", quoted(a.str("client_id")), "client_name", `"Bad"`), own(a)).refused(400, oauth.InvalidClientMetadata)
}

func goodKeySet() map[string]any { return map[string]any{"keys": []any{testECKey()}} }

// testECKey is the public key of RFC 7517 appendix A.1.
func testECKey() map[string]any {
	return map[string]any{
		"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
	}
}

func badKeySets() map[string]string {
	with := func(pairs ...string) string {
		key := testECKey()
		for pair := range slices.Chunk(pairs, 2) {
			key[pair[0]] = pair[1]
		}
		return quoted(map[string]any{"keys": []any{key}})
	}
	weak := base64.RawURLEncoding.EncodeToString(append([]byte{0x80}, make([]byte, 127)...))
	strong := base64.RawURLEncoding.EncodeToString(append([]byte{0x80}, make([]byte, 255)...))
	return map[string]string{
		"private": with("d", "AA"), "symmetric": `{"keys":[{"kty":"oct","k":"AAAA"}]}`, "none": `{"keys":[]}`, "no set": `[]`, "text": `"x"`,
		"21": quoted(map[string]any{"keys": slices.Repeat([]any{testECKey()}, 21)}), "off the curve": with("y", "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"),
		"other curve": with("crv", "P-384"), "weak RSA": `{"keys":[{"kty":"RSA","e":"AQAB","n":"` + weak + `"}]}`,
		"exponent of one": `{"keys":[{"kty":"RSA","e":"AQ","n":"` + strong + `"}]}`, "no RSA": `{"keys":[{"kty":"RSA"}]}`,
		"two names": `{"keys":[{"kty":"EC","kty":"oct","k":"AA"}]}`, "unknown": `{"keys":[{"kty":"XX"}]}`,
	}
}

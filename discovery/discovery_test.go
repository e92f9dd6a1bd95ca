package discovery_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/discovery"
)

const issuer = "https://login.example.com/authentication"

func marshal(t *testing.T, m discovery.Metadata) string {
	t.Helper()
	b, err := json.Marshal(m)
	require.NoError(t, err)
	return string(b)
}

// What is zero is left out; that request_uri is off is said.
func TestMetadataZero(t *testing.T) {
	require.Equal(t, `{"issuer":"https://login.example.com/authentication",`+
		`"claims_parameter_supported":false,"request_parameter_supported":false,"request_uri_parameter_supported":false}`,
		marshal(t, discovery.Metadata{Issuer: issuer, ScopesSupported: []string{}}))
}

func TestMetadataOrderAndExtra(t *testing.T) {
	m := discovery.Metadata{
		Issuer:                issuer,
		AuthorizationEndpoint: discovery.Endpoint(issuer, "/oauth2/authorize"),
		TokenEndpoint:         discovery.Endpoint(issuer, "oauth2/token"),
		GrantTypesSupported:   []string{"authorization_code"},
		AuthorizationResponseIssParameterSupported: true,
		ClaimsParameterSupported:                   true,
		Extra: map[string]any{
			"x_zone": "eu", "a_list": []string{"1"}, "nothing": nil, "blank": "", "empty": []string{},
		},
	}
	want := `{"issuer":"https://login.example.com/authentication",` +
		`"authorization_endpoint":"https://login.example.com/authentication/oauth2/authorize",` +
		`"token_endpoint":"https://login.example.com/authentication/oauth2/token",` +
		`"grant_types_supported":["authorization_code"],` +
		`"authorization_response_iss_parameter_supported":true,` +
		`"claims_parameter_supported":true,"request_parameter_supported":false,"request_uri_parameter_supported":false,` +
		`"a_list":["1"],"x_zone":"eu"}`
	for range 20 {
		require.Equal(t, want, marshal(t, m))
	}
	m.Extra = map[string]any{"nothing": nil}
	require.NotContains(t, marshal(t, m), "nothing")
}

func TestMetadataExtraCannotReplace(t *testing.T) {
	for _, name := range []string{"issuer", "jwks_uri", "request_uri_parameter_supported"} {
		_, err := discovery.NewDocument(discovery.Metadata{Issuer: issuer, Extra: map[string]any{name: "x"}})
		require.ErrorContains(t, err, name)
	}
	_, err := discovery.NewDocument(discovery.Metadata{Extra: map[string]any{"f": func() {}}})
	require.ErrorContains(t, err, "Extra: f")
}

// Every member has a name of its own in the form of the registry, and only
// those that must be are written when zero.
func TestMetadataTags(t *testing.T) {
	seen := map[string]bool{}
	for field := range reflect.TypeFor[discovery.Metadata]().Fields() {
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		require.False(t, seen[name], name)
		seen[name] = true
		if field.Name == "Extra" {
			continue
		}
		require.Regexp(t, `^[a-z_]+$`, name)
		if name != "issuer" && option != "omitempty" {
			require.Contains(t, []string{"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"}, name)
		}
	}
}

func TestWellKnown(t *testing.T) {
	p, err := discovery.WellKnown(issuer)
	require.NoError(t, err)
	require.Equal(t, discovery.Paths{
		OpenIDAppended: "/authentication/.well-known/openid-configuration",
		OAuthInserted:  "/.well-known/oauth-authorization-server/authentication",
		OpenIDInserted: "/.well-known/openid-configuration/authentication",
		OAuthAppended:  "/authentication/.well-known/oauth-authorization-server",
		Alias:          "/authentication/.well-known/oauth2.0-configuration",
	}, p)
	require.Len(t, p.All(), 5)
	require.Equal(t, []string{p.OAuthInserted, p.OpenIDInserted}, p.Outside())

	for _, root := range []string{"https://login.example.com", "https://login.example.com/"} {
		p, err = discovery.WellKnown(root)
		require.NoError(t, err)
		require.Equal(t, "/.well-known/openid-configuration", p.OpenIDInserted)
		require.Equal(t, p.OpenIDAppended, p.OpenIDInserted)
		require.Len(t, p.All(), 3)
		require.Empty(t, p.Outside())
	}

	p, err = discovery.WellKnown("https://login.example.com/a%2Fb/c/")
	require.NoError(t, err)
	require.Equal(t, "/.well-known/oauth-authorization-server/a%2Fb/c", p.OAuthInserted)

	for _, bad := range []string{"", "login.example.com/x", "/x", "https:///x", "https://a b/", "%"} {
		_, err := discovery.WellKnown(bad)
		require.Error(t, err, bad)
	}
}

func TestEndpoint(t *testing.T) {
	require.Equal(t, "https://a.example/token", discovery.Endpoint("https://a.example", "/token"))
	require.Equal(t, "https://a.example/token", discovery.Endpoint("https://a.example/", "token"))
}

func document(t *testing.T) *discovery.Document {
	t.Helper()
	d, err := discovery.NewDocument(discovery.Metadata{Issuer: issuer})
	require.NoError(t, err)
	return d
}

func serve(d *discovery.Document, method string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "/authentication/.well-known/openid-configuration", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result()
}

// DJ-07: cacheable, and readable by any origin without credentials.
func TestDJ07_Headers(t *testing.T) {
	d := document(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		res := serve(d, method, "Origin", "https://spa.example", "Cookie", "a=b")
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, "public, max-age=300", res.Header.Get("Cache-Control"))
		require.Equal(t, d.ETag(), res.Header.Get("ETag"))
		require.Equal(t, "application/json", res.Header.Get("Content-Type"))
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, res.Header.Values("Access-Control-Allow-Credentials"))
		require.Empty(t, res.Header.Values("Set-Cookie"))
		require.Equal(t, int64(len(d.JSON())), res.ContentLength)
	}
}

func TestConditional(t *testing.T) {
	d := document(t)
	for _, match := range []string{d.ETag(), "W/" + d.ETag(), `"x", ` + d.ETag(), "*"} {
		res := serve(d, http.MethodGet, "If-None-Match", match)
		require.Equal(t, http.StatusNotModified, res.StatusCode)
		require.Equal(t, d.ETag(), res.Header.Get("ETag"))
		require.Equal(t, "public, max-age=300", res.Header.Get("Cache-Control"))
		require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	}
	require.Equal(t, http.StatusOK, serve(d, http.MethodGet, "If-None-Match", `"x"`).StatusCode)
}

// DJ-08: nothing but reading.
func TestDJ08_Methods(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, "BREW"} {
		res := serve(document(t), method)
		require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
		require.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Allow"))
	}
}

func TestPreflight(t *testing.T) {
	res := serve(document(t), http.MethodOptions, "Origin", "https://spa.example",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version")
	require.Equal(t, http.StatusNoContent, res.StatusCode)
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, res.Header.Get("Access-Control-Allow-Methods"), "GET")
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "MCP-Protocol-Version")
	require.Empty(t, res.Header.Values("Access-Control-Allow-Credentials"))
}

func TestDocumentOfAnyValue(t *testing.T) {
	d, err := discovery.NewDocument(map[string]any{"scopes_supported": []string{}})
	require.NoError(t, err)
	require.Equal(t, `{"scopes_supported":[]}`, string(d.JSON()))
	require.NotEqual(t, document(t).ETag(), d.ETag())
	_, err = discovery.NewDocument(func() {})
	require.Error(t, err)
}

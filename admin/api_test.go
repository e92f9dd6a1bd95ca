package admin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/oauth"
)

// issued is the answer that has a secret.
type issued struct {
	Client       map[string]any `json:"client"`
	ClientSecret string         `json:"client_secret"`
	SecretID     string         `json:"secret_id"`
}

// decode reads an answer of a status.
func decode[T any](t *testing.T, w *httptest.ResponseRecorder, status int) (answer T) {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body.String())
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer
}

// TestAPILife walks through the life of a client by the API.
func TestAPILife(t *testing.T) {
	fx := newFixture(t, nil)
	do := func(method, path, body string, header ...string) *httptest.ResponseRecorder {
		c := call{method: method, path: path, as: root, body: body, header: map[string]string{}}
		for i := 0; i+1 < len(header); i += 2 {
			c.header[header[i]] = header[i+1]
		}
		return fx.do(c)
	}
	w := do("POST", "clients", `{"client_name": "Reports", "redirect_uris": ["https://app.example.com/cb"]}`)
	made := decode[issued](t, w, http.StatusCreated)
	id := made.Client["client_id"].(string)
	require.Equal(t, "/clients/api/clients/"+id, w.Header().Get("Location"))
	require.Equal(t, "pending", made.Client["state"])
	require.True(t, strings.HasPrefix(made.ClientSecret, "cs_"))

	w = do("POST", "clients/"+id+"/approve", "", "If-Match", w.Header().Get("ETag"))
	require.Equal(t, "approved", decode[map[string]any](t, w, http.StatusOK)["state"])
	tag := w.Header().Get("ETag")
	edit := `{"client_name": "Reports 2", "redirect_uris": ["https://app.example.com/cb"], "grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic"}`
	require.Equal(t, http.StatusPreconditionRequired, do("PUT", "clients/"+id, edit).Code)
	w = do("PUT", "clients/"+id, edit, "If-Match", tag)
	require.Equal(t, "Reports 2", decode[issued](t, w, http.StatusOK).Client["client_name"])

	status, token := fx.token(id, made.ClientSecret)
	require.Equal(t, http.StatusOK, status)
	rotated := decode[issued](t, do("POST", "clients/"+id+"/rotate_secret", `{"overlap_seconds": 0}`), http.StatusCreated)
	status, _ = fx.token(id, made.ClientSecret)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = fx.token(id, rotated.ClientSecret)
	require.Equal(t, http.StatusOK, status)

	added := decode[issued](t, do("POST", "clients/"+id+"/secrets", `{"name": "blue", "expires_at": "2100-01-01T00:00:00Z"}`), http.StatusCreated)
	secrets := decode[map[string][]map[string]any](t, do("GET", "clients/"+id+"/secrets", ""), http.StatusOK)["secrets"]
	require.Len(t, secrets, 2)
	require.Equal(t, http.StatusNoContent, do("DELETE", "clients/"+id+"/secrets/"+added.SecretID, "").Code)
	require.Equal(t, http.StatusConflict, do("DELETE", "clients/"+id+"/secrets/"+rotated.SecretID, "").Code)

	given := decode[map[string][]map[string]any](t, do("GET", "clients/"+id+"/authorizations", ""), http.StatusOK)["authorizations"]
	require.NotEmpty(t, given)
	for _, a := range given {
		require.Equal(t, http.StatusNoContent, do("DELETE", "clients/"+id+"/authorizations/"+a["id"].(string), "").Code)
	}
	require.False(t, fx.lives(token))
	require.Equal(t, http.StatusNoContent, do("DELETE", "clients/"+id, "").Code)
	require.Equal(t, http.StatusNotFound, do("GET", "clients/"+id, "").Code)
	require.Equal(t, 0, int(decode[map[string]any](t, do("GET", "clients", ""), http.StatusOK)["total"].(float64)))
}

// TestAPIRoundTrip stores what was read: nothing changes.
func TestAPIRoundTrip(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", Name: "App", Owner: "me", Scopes: []string{"openid"}})
	w := fx.do(call{method: "GET", path: "clients/app", as: root})
	before := decode[map[string]any](t, w, http.StatusOK)
	w = fx.do(call{method: "PUT", path: "clients/app", as: root, body: w.Body.String(), header: map[string]string{"If-Match": w.Header().Get("ETag")}})
	after := decode[issued](t, w, http.StatusOK).Client
	delete(after, "updated_at")
	require.Equal(t, before, after)
}

func TestAPIProblems(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app"})
	for name, tc := range map[string]struct {
		call
		status int
		code   string
	}{
		"unknown client": {call{method: "GET", path: "clients/nobody"}, 404, "not_found"},
		"unknown path":   {call{method: "GET", path: "nothing"}, 404, "not_found"},
		"taken":          {call{method: "POST", path: "clients", body: `{"client_id":"app","redirect_uris":["https://a.example.com/cb"]}`}, 409, "exists"},
		"metadata":       {call{method: "POST", path: "clients", body: `{"redirect_uris":["nonsense"]}`}, 400, "invalid_client_metadata"},
		"media type":     {call{method: "POST", path: "clients", body: `{}`, header: map[string]string{"Content-Type": "text/plain"}}, 415, "unsupported_media_type"},
		"chosen secret":  {call{method: "POST", path: "clients/app/secrets", body: `{"client_secret":"correct horse battery"}`}, 400, "chosen_secret"},
		"overlap":        {call{method: "POST", path: "clients/app/rotate_secret", body: `{"overlap_seconds":-1}`}, 400, "invalid_client_metadata"},
		"another type":   {call{method: "PUT", path: "clients/app", body: `{"type":"oauth2"}`, header: map[string]string{"If-Match": `"1"`}}, 400, "invalid_client_metadata"},
		"no such tag":    {call{method: "PUT", path: "clients/app", body: `{}`, header: map[string]string{"If-Match": "*"}}, 412, "conflict"},
		"too many":       {call{method: "GET", path: "clients?limit=1001"}, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.as = root
			w := fx.do(tc.call)
			require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			require.Equal(t, tc.code, decode[map[string]any](t, w, tc.status)["code"])
		})
	}
	require.Empty(t, fx.told())
}

// TestDescription holds the OpenAPI document against the router, and the
// members of a client against the type.
func TestDescription(t *testing.T) {
	fx := newFixture(t, nil)
	w := fx.do(call{method: "GET", path: "openapi.json", as: root})
	require.Equal(t, admin.Description, w.Body.Bytes())
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	require.NoError(t, json.Unmarshal(admin.Description, &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)

	var described, served []admin.Route
	for path, item := range doc.Paths {
		var segments []string
		for _, s := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
			if strings.HasPrefix(s, "{") {
				s = "*"
			}
			segments = append(segments, s)
		}
		for method := range item {
			if method != "parameters" {
				described = append(described, admin.Route{Method: strings.ToUpper(method), Pattern: "api/" + strings.Join(segments, "/")})
			}
		}
	}
	for _, rt := range fx.console.Routes() {
		if strings.HasPrefix(rt.Pattern, "api/") {
			served = append(served, rt)
		}
	}
	require.ElementsMatch(t, served, described)

	var have, want []string
	for name := range doc.Components.Schemas["Client"].Properties {
		have = append(have, name)
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[oauth.Client]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, name)
	}
	slices.Sort(have)
	slices.Sort(want)
	require.Equal(t, want, have)
}

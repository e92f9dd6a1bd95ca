package admin_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
)

// FuzzBody reads bodies: what is taken is one JSON object, which says the same
// to every reader.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"redirect_uris":["https://a.example.com/cb"]}`, `{}`, `[]`, `{"a":1,"a":2}`, `{"jwks":{"keys":[]}}`, `{"client_id":"x"} x`, "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !admin.IsStrict(body) {
			return
		}
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &members))
		again, err := json.Marshal(members)
		require.NoError(t, err)
		require.True(t, admin.IsStrict(again))
		require.Equal(t, byte('{'), bytes.TrimSpace(body)[0])
	})
}

// FuzzQuery asks for lists: what is not understood is 400, and nothing is a
// fault of the server's.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "q=a", "sort=name&order=desc", "limit=0", "cursor=x", "a=%zz", "q=%ff", "type=openid;state=x"} {
		f.Add(seed)
	}
	service, err := clientreg.NewService(clientreg.ServiceOptions{Storage: memory.New(), Permit: clientreg.PermitAll})
	require.NoError(f, err)
	_, err = service.Create(f.Context(), clientreg.System, oauth.Client{ID: "app", RedirectURIs: []string{"https://a.example.com/cb"}})
	require.NoError(f, err)
	console, err := admin.New(admin.Options{Service: service, Actor: actor, Origins: []string{origin}, Path: "/clients"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/", "/api/clients"} {
			r := httptest.NewRequest(http.MethodGet, base+path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer "+root)
			w := httptest.NewRecorder()
			console.ServeHTTP(w, r)
			require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, w.Code, query)
		}
	})
}

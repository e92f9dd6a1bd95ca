package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The server issues and knows tokens with the backend, and so does its
// successor on the same file.
func TestServer(t *testing.T) {
	const issuer, secret = "http://127.0.0.1:8080", "some+secret"
	st, ring := newStore(t), []byte("thirty-two bytes that are random")
	ask := func(path, form string) map[string]any {
		handler, err := newHandler(issuer, st, ring, secret)
		require.NoError(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, issuer+path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("service", "some%2Bsecret")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var answer map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		require.Equal(t, http.StatusOK, w.Code, answer)
		return answer
	}
	token, _ := ask("/token", "grant_type=client_credentials")["access_token"].(string)
	require.Equal(t, true, ask("/introspect", "token="+token)["active"])
}

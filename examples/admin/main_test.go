package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/clientreg"
)

const (
	origin      = "http://127.0.0.1:8080"
	adminOrigin = "http://127.0.0.1:8081"
	password    = "some password"
)

// get asks a handler; the password may be empty.
func get(t *testing.T, h http.Handler, address, password string) (status int, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	if password != "" {
		r.SetBasicAuth("admin", password)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return w.Code, string(b)
}

func TestConsole(t *testing.T) {
	h, err := newHost(origin, adminOrigin, password)
	require.NoError(t, err)
	for given, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, password: http.StatusOK} {
		status, _ := get(t, h.private(), adminOrigin+"/clients/", given)
		require.Equal(t, want, status)
	}
	status, _ := get(t, h.private(), "http://rebound.example:8081/clients/", password)
	require.Equal(t, http.StatusMisdirectedRequest, status)
	status, body := get(t, h.public(), origin+"/authentication/.well-known/openid-configuration", "")
	require.Equal(t, http.StatusOK, status, body)
	status, _ = get(t, h.public(), origin+"/clients/", password)
	require.Equal(t, http.StatusNotFound, status, "the console has a listener of its own")
}

// TestApproval creates a client by the API: it is pending, and refused.
func TestApproval(t *testing.T) {
	h, err := newHost(origin, adminOrigin, password)
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, adminOrigin+"/clients/api/clients",
		strings.NewReader(`{"client_id": "app", "client_name": "App", "redirect_uris": ["https://app.example.com/cb"]}`))
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth("admin", password)
	w := httptest.NewRecorder()
	h.private().ServeHTTP(w, r)
	require.Equal(t, http.StatusCreated, w.Code, w.Body.String())

	const request = origin + "/authentication/authorize?client_id=app&response_type=code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb" +
		"&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	status, _ := get(t, h.public(), request, "")
	require.Equal(t, http.StatusForbidden, status)
	_, err = h.service.Approve(t.Context(), clientreg.System, "app", 0)
	require.NoError(t, err)
	status, _ = get(t, h.public(), request, "")
	require.Equal(t, http.StatusSeeOther, status)
}

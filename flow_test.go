package authserver_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// The main path: authorize, redeem, ask userinfo, refresh, introspect, revoke.
func TestMainPath(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))
		tokens := h.tokens("scope", "openid profile email read offline_access")
		require.Equal(t, "Bearer", tokens.str("token_type"))
		require.EqualValues(t, 3600, tokens.json("expires_in"))

		id := claims(t, tokens.str("id_token"))
		require.Equal(t, testIssuer, id["iss"])
		require.Equal(t, alice, id["sub"])
		require.Equal(t, confidential, id["aud"])
		require.Equal(t, confidential, id["azp"])
		require.Equal(t, "the-nonce", id["nonce"])
		require.NotEmpty(t, id["at_hash"])

		info := h.get("/userinfo", nil, bearer(tokens.str("access_token")))
		require.Equal(t, http.StatusOK, info.Status, info.Body)
		require.Equal(t, alice, info.str("sub"))
		require.Equal(t, "alice@example.com", info.str("email"))

		again := h.refresh(tokens.str("refresh_token"))
		require.Equal(t, http.StatusOK, again.Status, again.Body)
		require.NotEqual(t, tokens.str("refresh_token"), again.str("refresh_token"))
		require.True(t, h.active(again.str("access_token")))
		require.False(t, h.active(tokens.str("access_token")), "a new access token ends the one before")

		gone := h.post("/revoke", url.Values{"token": {again.str("refresh_token")}}, basic(confidential, secret))
		require.Equal(t, http.StatusOK, gone.Status, gone.Body)
		require.False(t, h.active(again.str("access_token")))
		h.refresh(again.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
	})
}

func TestClientCredentials(t *testing.T) {
	h := newHarness(t)
	a := h.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}, basic(service, secret))
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	require.Equal(t, "read", a.str("scope"))
	require.Empty(t, a.str("refresh_token"))
}

func TestPassword(t *testing.T) {
	h := newHarness(t)
	a := h.token(url.Values{
		"grant_type": {"password"}, "username": {"alice"}, "password": {password}, "scope": {"openid offline_access"},
	})
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	require.Equal(t, alice, claims(t, a.str("id_token"))["sub"])
	require.NotEmpty(t, a.str("refresh_token"))
}

// All response types of OpenID Connect, token and none, in each mode that may
// carry them.
func TestResponseTypes(t *testing.T) {
	h := newHarness(t)
	for _, c := range []struct {
		responseType string
		members      []string
	}{
		{"code", []string{"code"}},
		{"token", []string{"access_token"}},
		{"id_token", []string{"id_token"}},
		{"id_token token", []string{"id_token", "access_token"}},
		{"token id_token", []string{"id_token", "access_token"}},
		{"code id_token", []string{"code", "id_token"}},
		{"code token", []string{"code", "access_token"}},
		{"code id_token token", []string{"code", "id_token", "access_token"}},
		{"none", nil},
	} {
		t.Run(c.responseType, func(t *testing.T) {
			v := h.get("/authorize", request("response_type", c.responseType)).location()
			require.Empty(t, v.Get("error"), v.Get("error_description"))
			require.Equal(t, "the-state", v.Get("state"))
			require.Equal(t, testIssuer, v.Get("iss"))
			for _, name := range []string{"code", "access_token", "id_token"} {
				require.Equal(t, contains(c.members, name), v.Has(name), name)
			}
			if v.Has("access_token") {
				require.Equal(t, "Bearer", v.Get("token_type"))
				require.Equal(t, "600", v.Get("expires_in"))
				require.True(t, h.active(v.Get("access_token")))
			}
			if v.Has("id_token") {
				id := claims(t, v.Get("id_token"))
				require.Equal(t, v.Has("code"), id["c_hash"] != nil)
				require.Equal(t, v.Has("access_token"), id["at_hash"] != nil)
				require.NotEmpty(t, id["s_hash"])
			}
			if v.Has("code") {
				a := h.token(redeem(v.Get("code")))
				require.Equal(t, http.StatusOK, a.Status, a.Body)
			}
		})
	}
}

func contains(list []string, one string) bool {
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
}

func TestDevice(t *testing.T) {
	h := newHarness(t)
	start := h.post("/device_authorization", url.Values{"scope": {"openid"}}, basic(confidential, secret))
	require.Equal(t, http.StatusOK, start.Status, start.Body)
	poll := url.Values{"grant_type": {oauth.GrantTypeDeviceCode}, "device_code": {start.str("device_code")}}
	h.token(poll).refused(http.StatusBadRequest, oauth.AuthorizationPending)
	h.token(poll).refused(http.StatusBadRequest, oauth.SlowDown)
}

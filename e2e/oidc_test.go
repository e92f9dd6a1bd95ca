package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/seed36673005/authserver/e2e/server"
)

// A login of coreos/go-oidc: discovery, ID token, at_hash, userinfo.
func oidcLogin(t *testing.T, p provider, alg string) {
	t.Helper()
	discovered, err := oidc.NewProvider(t.Context(), p.Issuer)
	require.NoError(t, err)
	c := config(p, oidc.ScopeOpenID, "profile", "email")
	c.Endpoint = discovered.Endpoint()
	token := logIn(t, p, c, oidc.Nonce("some nonce"))

	raw, _ := token.Extra("id_token").(string)
	verifier := discovered.VerifierContext(t.Context(),
		&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: []string{alg}})
	id, err := verifier.Verify(t.Context(), raw)
	require.NoError(t, err)
	require.Equal(t, "some nonce", id.Nonce)
	require.NotEmpty(t, id.Subject)
	require.NotEmpty(t, id.AccessTokenHash)
	require.NoError(t, id.VerifyAccessToken(token.AccessToken))

	info, err := discovered.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	require.NoError(t, err)
	require.Equal(t, id.Subject, info.Subject)
	require.NotEmpty(t, info.Email)
}

func TestOIDCQuickstart(t *testing.T) { oidcLogin(t, quickstart(t), oidc.ES256) }

func TestOIDCAlgorithms(t *testing.T) {
	srv := startServer(t)
	for _, alg := range []string{oidc.RS256, oidc.ES256, oidc.EdDSA} {
		t.Run(alg, func(t *testing.T) { oidcLogin(t, as(srv, server.ClientOf(alg)), alg) })
	}
}

// Every response type answers with what its name says, by every response mode
// that may carry it.
func TestOIDCResponseTypes(t *testing.T) {
	p := as(startServer(t), server.Web)
	discovered, err := oidc.NewProvider(t.Context(), p.Issuer)
	require.NoError(t, err)
	v := newVisitor(t, p.User, p.Password)
	for _, responseType := range []string{
		"code", "token", "id_token", "id_token token", "code token", "code id_token", "code id_token token", "none",
	} {
		for _, mode := range []string{"fragment", "form_post"} {
			t.Run(responseType+" by "+mode, func(t *testing.T) {
				answer := v.authorize(request(p, redirectURI, url.Values{
					"response_type": {responseType}, "response_mode": {mode}, "nonce": {"some nonce"},
				}), redirectURI)
				require.Empty(t, answer.Get("error"), answer.Get("error_description"))
				require.Equal(t, "some state", answer.Get("state"))
				members := strings.Fields(responseType)
				require.Equal(t, slices.Contains(members, "code"), answer.Has("code"))
				require.Equal(t, slices.Contains(members, "token"), answer.Has("access_token"))
				require.Equal(t, slices.Contains(members, "id_token"), answer.Has("id_token"))
				if raw := answer.Get("id_token"); raw != "" {
					checkFrontChannel(t, discovered.Verifier(&oidc.Config{ClientID: p.ClientID}), raw, answer)
				}
			})
		}
	}
}

// checkFrontChannel wants the ID token to fit what came with it (OpenID
// Connect Core §3.2.2.9, §3.3.2.10).
func checkFrontChannel(t *testing.T, verifier *oidc.IDTokenVerifier, raw string, answer url.Values) {
	t.Helper()
	id, err := verifier.Verify(t.Context(), raw)
	require.NoError(t, err)
	require.Equal(t, "some nonce", id.Nonce)
	if token := answer.Get("access_token"); token != "" {
		require.NoError(t, id.VerifyAccessToken(token))
	}
	var claims struct {
		CHash string `json:"c_hash"`
	}
	require.NoError(t, id.Claims(&claims))
	require.Equal(t, answer.Has("code"), claims.CHash != "")
}

// Metadata lists what each document must, and both agree.
func TestOIDCDiscovery(t *testing.T) {
	for name, p := range map[string]provider{"quickstart": quickstart(t), "everything": as(startServer(t), server.Web)} {
		t.Run(name, func(t *testing.T) {
			discovered, err := oidc.NewProvider(t.Context(), p.Issuer)
			require.NoError(t, err)
			var meta struct {
				Grants     []string `json:"grant_types_supported"`
				Challenges []string `json:"code_challenge_methods_supported"`
				Iss        bool     `json:"authorization_response_iss_parameter_supported"`
				Algs       []string `json:"id_token_signing_alg_values_supported"`
			}
			require.NoError(t, discovered.Claims(&meta))
			require.Subset(t, meta.Grants, []string{
				"authorization_code", "refresh_token", "client_credentials", "password",
				"urn:ietf:params:oauth:grant-type:device_code",
			})
			require.Equal(t, []string{"S256"}, meta.Challenges)
			require.True(t, meta.Iss)
			require.Contains(t, meta.Algs, "RS256")
		})
	}
}

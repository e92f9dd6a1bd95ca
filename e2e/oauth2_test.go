package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// config is the confidential client of the quickstart, for golang.org/x/oauth2.
func config(p provider, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: redirectURI, Scopes: scopes,
		Endpoint: oauth2.Endpoint{
			AuthURL: p.Issuer + "/authorize", TokenURL: p.Issuer + "/token",
			DeviceAuthURL: p.Issuer + "/device_authorization", AuthStyle: oauth2.AuthStyleInHeader,
		},
	}
}

// logIn gets tokens by code and PKCE.
func logIn(t *testing.T, p provider, c *oauth2.Config, opts ...oauth2.AuthCodeOption) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	request := c.AuthCodeURL("some state", append(opts, oauth2.S256ChallengeOption(verifier))...)
	answer := newVisitor(t, p.User, p.Password).authorize(request, c.RedirectURL)
	require.Empty(t, answer.Get("error"), answer.Get("error_description"))
	require.Equal(t, "some state", answer.Get("state"))
	require.Equal(t, p.Issuer, answer.Get("iss"))

	token, err := c.Exchange(t.Context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	require.Equal(t, "Bearer", token.Type())
	require.True(t, token.Valid())
	return token
}

func TestOAuth2Code(t *testing.T) {
	p := quickstart(t)
	c := config(p, "openid", "offline_access")
	token := logIn(t, p, c, oauth2.SetAuthURLParam("prompt", "consent"))
	require.NotEmpty(t, token.Extra("id_token"))

	t.Run("refresh", func(t *testing.T) {
		old := *token
		old.Expiry = time.Now().Add(-time.Minute)
		fresh, err := c.TokenSource(t.Context(), &old).Token()
		require.NoError(t, err)
		require.NotEqual(t, token.AccessToken, fresh.AccessToken)
		require.NotEqual(t, token.RefreshToken, fresh.RefreshToken)
	})
}

// The public client is native: any port of the loopback redirect will do
// (RFC 8252 §7.3).
func TestOAuth2NativeApp(t *testing.T) {
	p := quickstart(t)
	c := config(p, "openid")
	c.ClientID, c.ClientSecret, c.RedirectURL = p.PublicClientID, "", "http://127.0.0.1:54321/callback"
	c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	logIn(t, p, c)
}

func TestOAuth2ClientCredentials(t *testing.T) {
	p := quickstart(t)
	for name, style := range map[string]oauth2.AuthStyle{
		"header": oauth2.AuthStyleInHeader, "detected": oauth2.AuthStyleAutoDetect,
	} {
		t.Run(name, func(t *testing.T) {
			c := clientcredentials.Config{
				ClientID: p.ClientID, ClientSecret: p.ClientSecret, TokenURL: p.Issuer + "/token", AuthStyle: style,
			}
			token, err := c.Token(t.Context())
			require.NoError(t, err)
			require.True(t, token.Valid())
			require.Empty(t, token.RefreshToken)
		})
	}
	t.Run("wrong secret", func(t *testing.T) {
		c := clientcredentials.Config{ClientID: p.ClientID, ClientSecret: "wrong", TokenURL: p.Issuer + "/token"}
		_, err := c.Token(t.Context())
		var refused *oauth2.RetrieveError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "invalid_client", refused.ErrorCode)
		require.NotEmpty(t, refused.ErrorDescription)
	})
}

func TestOAuth2Password(t *testing.T) {
	p := quickstart(t)
	c := config(p, "openid")
	token, err := c.PasswordCredentialsToken(t.Context(), p.User, p.Password)
	require.NoError(t, err)
	require.True(t, token.Valid())

	_, err = c.PasswordCredentialsToken(t.Context(), p.User, "wrong")
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_grant", refused.ErrorCode)
}

// golang.org/x/oauth2 sends no secret with a device authorization request, so
// the client is the public one.
func TestOAuth2Device(t *testing.T) {
	p := quickstart(t)
	c := config(p, "openid", "profile")
	c.ClientID, c.ClientSecret, c.Endpoint.AuthStyle = p.PublicClientID, "", oauth2.AuthStyleInParams
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	device, err := c.DeviceAuth(ctx)
	require.NoError(t, err)

	newVisitor(t, p.User, p.Password).confirmDevice(device.VerificationURI, device.UserCode)
	token, err := c.DeviceAccessToken(ctx, device)
	require.NoError(t, err)
	require.True(t, token.Valid())
	require.NotEmpty(t, token.Extra("id_token"))
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/ui"
)

// What the database is filled with.
const (
	confidentialID = "quickstart"
	publicID       = "quickstart-app"
	username       = "alice"
)

var scopes = []string{
	oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone, oauth.ScopeOfflineAccess,
}

// seed puts the user and the clients into a database that does not have them.
func seed(ctx context.Context, users *ui.StoredUsers, clients *clientreg.Clients, secret hostSecret, origin string) error {
	return errors.Join(
		ensureUser(ctx, users, secret.password()),
		ensureClient(ctx, clients, confidential(secret.clientSecret(), origin)),
		ensureClient(ctx, clients, public()),
	)
}

func ensureUser(ctx context.Context, users *ui.StoredUsers, password string) error {
	_, err := users.Create(ctx, ui.User{
		Username: username,
		Claims: map[string]any{
			"name": "Alice Example", "given_name": "Alice", "family_name": "Example",
			"email": "alice@example.com", "email_verified": true,
			"phone_number": "+1 555 0100", "phone_number_verified": false,
			"address": map[string]string{"locality": "Exampleton", "country": "Wonderland"},
		},
	}, password)
	if errors.Is(err, ui.ErrUserExists) {
		return nil
	}
	return err
}

// ensureClient registers a client, or updates it: its redirect URIs follow
// the address.
func ensureClient(ctx context.Context, clients *clientreg.Clients, c oauth.Client) error {
	_, _, err := clients.Create(ctx, c)
	if !errors.Is(err, storage.ErrExists) {
		return err
	}
	_, version, err := clients.GetVersion(ctx, c.ID)
	if err != nil {
		return err
	}
	_, _, err = clients.Update(ctx, c, version)
	return err
}

// confidential is a web application with a secret. The demo is one.
func confidential(secret, origin string) oauth.Client {
	digest := sha256.Sum256([]byte(secret))
	return oauth.Client{
		ID:                      confidentialID,
		Name:                    "Quickstart Demo",
		URI:                     origin + "/",
		Secrets:                 []oauth.Secret{{ID: "derived", Digest: "sha256:" + base64.RawURLEncoding.EncodeToString(digest[:])}},
		TokenEndpointAuthMethod: oauth.AuthMethodBasic,
		RedirectURIs:            []string{origin + "/callback", "http://127.0.0.1:9999/callback"},
		GrantTypes: []string{
			oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials,
			oauth.GrantTypePassword, oauth.GrantTypeDeviceCode,
		},
		Scopes:   scopes,
		Verified: true,
	}
}

// public is a program on the end user's machine, which can keep no secret.
func public() oauth.Client {
	return oauth.Client{
		ID:              publicID,
		Name:            "Quickstart App",
		ApplicationType: oauth.ApplicationNative,
		RedirectURIs:    []string{"http://127.0.0.1/callback"},
		GrantTypes:      []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode},
		Scopes:          scopes,
	}
}

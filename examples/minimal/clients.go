package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// clients are the host's own table of clients.
type clients map[string]*oauth.Client

func newClients(secret string) clients {
	digest := sha256.Sum256([]byte(secret))
	scopes := []string{oauth.ScopeOpenID, oauth.ScopeOfflineAccess}
	return clients{
		"service": {
			ID: "service", Secrets: []oauth.Secret{{Digest: "sha256:" + base64.RawURLEncoding.EncodeToString(digest[:])}},
			RedirectURIs: []string{"http://127.0.0.1:9999/callback"}, Scopes: scopes,
			GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials},
		},
		"app": {
			ID: "app", ApplicationType: oauth.ApplicationNative,
			RedirectURIs: []string{"http://127.0.0.1/callback"}, Scopes: scopes,
			GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken},
		},
	}
}

// Client finds one.
func (c clients) Client(_ context.Context, id string) (*oauth.Client, error) {
	if client := c[id]; client != nil {
		return client, nil
	}
	return nil, storage.ErrNotFound
}

package main

import (
	"context"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// app is the one client of this host: a program on the end user's machine.
type app struct{}

// Client finds it by its client_id.
func (app) Client(_ context.Context, id string) (*oauth.Client, error) {
	if id != "app" {
		return nil, storage.ErrNotFound
	}
	return &oauth.Client{
		ID: "app", Name: "Example App", ApplicationType: oauth.ApplicationNative,
		RedirectURIs: []string{"http://127.0.0.1/callback"},
		Scopes:       []string{oauth.ScopeOpenID, oauth.ScopeProfile},
	}, nil
}

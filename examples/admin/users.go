package main

import (
	"context"
	"log"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/ui"
)

// newUsers has one: alice.
func newUsers(store storage.Storage, password string) (*ui.StoredUsers, error) {
	users := ui.NewUsers(store)
	_, err := users.Create(context.Background(), ui.User{Username: "alice", Claims: map[string]any{"name": "Alice Example"}}, password)
	return users, err
}

// logChange is the host's audit: one line for each change.
func logChange(_ context.Context, ev clientreg.Event) {
	log.Printf("client %s: %s by %s", ev.ClientID, ev.Action, ev.Actor.ID)
}

package server

import (
	"context"
	"encoding/json"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
)

// Alice is a user like any other; Mallory is called Payload.
const (
	Alice   = "alice"
	Mallory = "mallory"
)

// users are both, with one password.
type users struct{ password string }

var names = map[string]string{Alice: "Alice Example", Mallory: Payload}

// Authenticate checks a password.
func (u users) Authenticate(_ context.Context, username, password string) (grants.Authenticated, error) {
	if names[username] == "" || password != u.password {
		return grants.Authenticated{}, grants.ErrBadCredentials
	}
	return grants.Authenticated{Subject: username, AMR: []string{"pwd"}}, nil
}

// Claims are the same for everybody, but for the name.
func (users) Claims(_ context.Context, subject string, _ []string) (map[string]json.RawMessage, error) {
	name, ok := names[subject]
	if !ok {
		return nil, authserver.ErrSubjectGone
	}
	claims := map[string]json.RawMessage{}
	for claim, value := range map[string]string{
		"name": name, "preferred_username": name, "email": subject + "@example.com",
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		claims[claim] = text
	}
	return claims, nil
}

package ui

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/seed36673005/authserver/grants"
)

// Users say who may log in, and what is known of them. Its methods are called
// from many goroutines at once. StoredUsers is one for programs that have no
// accounts of their own.
type Users interface {
	// Authenticate checks a name and a password, as grants.PasswordFunc
	// does: grants.ErrBadCredentials for whoever may not log in, whatever
	// the reason, and any other error when it could not tell.
	Authenticate(ctx context.Context, username, password string) (grants.Authenticated, error)
	// Claims returns what is known of an end user, as authserver.ClaimsFunc
	// does. The pages ask for name, preferred_username and email, to show
	// people which account they use.
	Claims(ctx context.Context, subject string, names []string) (map[string]json.RawMessage, error)
}

// noUsers stands in for Users that were not given: nobody can log in.
type noUsers struct{}

var errNoUsers = errors.New("ui: Options.Users: required")

func (noUsers) Authenticate(context.Context, string, string) (grants.Authenticated, error) {
	return grants.Authenticated{}, errNoUsers
}

func (noUsers) Claims(context.Context, string, []string) (map[string]json.RawMessage, error) {
	return nil, errNoUsers
}

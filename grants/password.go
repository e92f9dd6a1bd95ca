package grants

import (
	"context"
	"errors"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// Password is the resource owner password credentials grant (RFC 6749 §4.3).
// OAuth 2.1 drops it: it trains people to hand their password to programs and
// leaves no room for a second factor. Switch it on only for clients that
// cannot open a browser.
type Password struct {
	// Authenticate checks a name and a password. Required.
	Authenticate PasswordFunc
	// MaxAttempts is how many wrong passwords an account may meet within
	// Window before it is refused for the rest of it. Zero means 10;
	// negative means no limit.
	MaxAttempts int
	// Window is the time over which attempts are counted. Zero means 15
	// minutes.
	Window time.Duration
}

// A PasswordFunc checks a name and a password and returns who it is. It
// returns ErrBadCredentials for an unknown name, a wrong password, a disabled
// account and an account that needs a second factor alike, and takes equally
// long for each. Any other error means that it could not tell (answered 503).
// It may be called from many goroutines at once.
type PasswordFunc func(ctx context.Context, username, password string) (Authenticated, error)

// ErrBadCredentials says that name and password do not belong together.
var ErrBadCredentials = errors.New("grants: name or password is wrong")

// Authenticated is an end user who has just proved who they are.
type Authenticated struct {
	// Subject is the end user's stable identifier. Required.
	Subject string
	// ACR and AMR say how they proved it (OpenID Connect Core §2, RFC 8176).
	// Both may be empty.
	ACR string
	AMR []string
}

// GrantType is password.
func (Password) GrantType() string { return oauth.GrantTypePassword }

// Validate wants Authenticate.
func (g Password) Validate() error {
	if g.Authenticate == nil {
		return errors.New("Password.Authenticate: required")
	}
	return nil
}

// MaxAttemptsOrDefault is the limit; zero means none.
func (g Password) MaxAttemptsOrDefault() int {
	switch {
	case g.MaxAttempts < 0:
		return 0
	case g.MaxAttempts == 0:
		return 10
	}
	return g.MaxAttempts
}

// WindowOrDefault is the time over which attempts are counted.
func (g Password) WindowOrDefault() time.Duration { return orDefault(g.Window, 15*time.Minute) }

func (Password) sealed() {}

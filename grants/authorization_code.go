package grants

import (
	"errors"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// AuthorizationCode is the authorization code grant with PKCE (RFC 6749 §4.1,
// RFC 7636).
type AuthorizationCode struct {
	// Lifetime of a code. Zero means 60 seconds; at most 10 minutes
	// (RFC 6749 §4.1.2).
	Lifetime time.Duration
	// Hybrid also serves the response types that return tokens beside the
	// code: code id_token, code token, code id_token token (OpenID Connect
	// Core §3.3). Those that return an access token put it in a URL.
	Hybrid bool
}

// GrantType is authorization_code.
func (AuthorizationCode) GrantType() string { return oauth.GrantTypeAuthorizationCode }

// Validate checks the lifetime.
func (g AuthorizationCode) Validate() error {
	if g.Lifetime < 0 || g.Lifetime > 10*time.Minute {
		return errors.New("AuthorizationCode.Lifetime: want 0 to 10 minutes (RFC 6749 §4.1.2)")
	}
	return nil
}

// LifetimeOrDefault is how long a code lives.
func (g AuthorizationCode) LifetimeOrDefault() time.Duration {
	return orDefault(g.Lifetime, 60*time.Second)
}

func (AuthorizationCode) sealed() {}

package grants

import (
	"errors"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// Implicit is the implicit grant (RFC 6749 §4.2, OpenID Connect Core §3.2):
// response types token, id_token and id_token token. OAuth 2.1 drops those
// that put an access token in a URL (RFC 9700 §2.1.2).
type Implicit struct {
	// AccessTokenLifetime of tokens given in a URL. Zero means 10 minutes.
	AccessTokenLifetime time.Duration
}

// GrantType is implicit, which is a response type's name and never a
// grant_type parameter.
func (Implicit) GrantType() string { return oauth.GrantTypeImplicit }

// Validate checks the lifetime.
func (g Implicit) Validate() error {
	if g.AccessTokenLifetime < 0 {
		return errors.New("Implicit.AccessTokenLifetime: want one that is not negative")
	}
	return nil
}

// AccessTokenLifetimeOrDefault is how long a token given in a URL lives.
func (g Implicit) AccessTokenLifetimeOrDefault() time.Duration {
	return orDefault(g.AccessTokenLifetime, 10*time.Minute)
}

func (Implicit) sealed() {}

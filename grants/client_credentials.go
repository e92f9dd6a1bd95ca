package grants

import "github.com/seed36673005/authserver/oauth"

// ClientCredentials is the client credentials grant (RFC 6749 §4.4): a
// confidential client on its own behalf. It gives neither refresh token nor ID
// token.
type ClientCredentials struct{}

// GrantType is client_credentials.
func (ClientCredentials) GrantType() string { return oauth.GrantTypeClientCredentials }

// Validate has nothing to check.
func (ClientCredentials) Validate() error { return nil }

func (ClientCredentials) sealed() {}

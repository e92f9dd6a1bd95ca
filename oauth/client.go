package oauth

import (
	"slices"
	"time"
)

// A Client is the registered software (RFC 6749 §2): its metadata as RFC 7591
// and OpenID Connect Dynamic Client Registration name it, and this server's
// policy for it. A Client is a value; whoever holds one does not change what
// the lists in it point at.
type Client struct {
	// ID is the client_id, of characters A-Z a-z 0-9 - . _ only.
	ID string `json:"client_id"`
	// Secrets are the live secrets, as digests. None makes the client public.
	Secrets []Secret `json:"secrets,omitempty"`

	Name      string `json:"client_name,omitempty"`
	URI       string `json:"client_uri,omitempty"`
	LogoURI   string `json:"logo_uri,omitempty"`
	PolicyURI string `json:"policy_uri,omitempty"`
	TermsURI  string `json:"tos_uri,omitempty"`

	// ApplicationType is web (the zero value) or native. Only a native client
	// has the port freedom of RFC 8252 §7.3 on loopback redirects.
	ApplicationType string `json:"application_type,omitempty"`
	// RedirectURIs are compared character by character.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	// GrantTypes the client may use. Empty means authorization_code alone.
	GrantTypes []string `json:"grant_types,omitempty"`
	// ResponseTypes the client may use. Empty means code alone.
	ResponseTypes []string `json:"response_types,omitempty"`
	// Scopes the client may ask for, compared exactly. Empty means none.
	Scopes []string `json:"scopes,omitempty"`
	// DefaultScopes are granted to a request that names no scope; each is one
	// of Scopes. Empty means that such a request is for no scope at all.
	DefaultScopes []string `json:"default_scopes,omitempty"`
	// Resources the client may name (RFC 8707), beside the server's own list.
	Resources []string `json:"resources,omitempty"`

	// TokenEndpointAuthMethod is the one method the client authenticates
	// with: client_secret_basic, client_secret_post or none. Empty means
	// client_secret_basic for a client with secrets and none without.
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method,omitempty"`

	// SubjectType is public (the zero value) or pairwise.
	SubjectType         string `json:"subject_type,omitempty"`
	SectorIdentifierURI string `json:"sector_identifier_uri,omitempty"`
	// IDTokenSignedResponseAlg is RS256, ES256 or EdDSA. Empty means the
	// server's default.
	IDTokenSignedResponseAlg string `json:"id_token_signed_response_alg,omitempty"`
	// UserinfoSignedResponseAlg makes userinfo answers signed JWTs. Empty
	// means plain JSON.
	UserinfoSignedResponseAlg string `json:"userinfo_signed_response_alg,omitempty"`
	// DefaultMaxAge is the max_age of requests that name none. Nil means no
	// limit.
	DefaultMaxAge *int `json:"default_max_age,omitempty"`
	// RequireAuthTime puts auth_time in every ID token.
	RequireAuthTime  bool     `json:"require_auth_time,omitempty"`
	DefaultACRValues []string `json:"default_acr_values,omitempty"`

	// PKCE is this client's policy; the zero value requires S256.
	PKCE PKCEPolicy `json:"pkce,omitempty"`
	// Refresh is this client's refresh token policy; the zero value is the
	// server's.
	Refresh RefreshPolicy `json:"refresh,omitempty"`
	// AccessTokenFormat is opaque or jwt (RFC 9068); empty means the server's.
	AccessTokenFormat AccessTokenFormat `json:"access_token_format,omitempty"`
	// IntrospectAny lets the client introspect tokens that were neither given
	// to it nor meant for it, as a gateway needs.
	IntrospectAny bool `json:"introspect_any,omitempty"`
	// Verified says that the operator vouches for this client: its consent
	// may be remembered.
	Verified bool `json:"verified,omitempty"`
	// Disabled refuses the client everywhere, as if it did not exist.
	Disabled bool `json:"disabled,omitempty"`

	CreatedAt time.Time `json:"client_id_issued_at,omitzero"`
}

// A Secret is one live secret of a client, as its digest.
type Secret struct {
	// ID names the secret among the client's; not secret.
	ID string `json:"id"`
	// Digest is "sha256:" and base64url for a secret made by the server, or a
	// PHC string ($argon2id$, $pbkdf2…, $2b$) for a chosen or imported one.
	Digest    string    `json:"digest"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// ExpiresAt is when the secret ends; zero means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// A PKCEPolicy says whether a client must use RFC 7636.
type PKCEPolicy string

// The PKCE policies. A client that sends a challenge is held to it under
// either.
const (
	PKCERequired PKCEPolicy = ""
	// PKCEOptional weakens: without a challenge nothing but the nonce of an
	// OpenID request defends against an injected code (RFC 9700 §4.5.3).
	PKCEOptional PKCEPolicy = "optional"
)

// A RefreshPolicy says what happens to a refresh token that is used.
type RefreshPolicy string

// The refresh policies.
const (
	RefreshDefault RefreshPolicy = ""
	// RefreshRotate gives a successor and recognises re-use.
	RefreshRotate RefreshPolicy = "rotate"
	// RefreshKeep gives the same token back; for confidential clients.
	RefreshKeep RefreshPolicy = "keep"
)

// An AccessTokenFormat is what an access token looks like.
type AccessTokenFormat string

// The formats.
const (
	AccessTokenDefault AccessTokenFormat = ""
	AccessTokenOpaque  AccessTokenFormat = "opaque"
	AccessTokenJWT     AccessTokenFormat = "jwt"
)

// AuthMethod is the one authentication method the client uses.
func (c *Client) AuthMethod() string {
	switch {
	case c.TokenEndpointAuthMethod != "":
		return c.TokenEndpointAuthMethod
	case len(c.Secrets) > 0:
		return AuthMethodBasic
	}
	return AuthMethodNone
}

// Public reports whether the client cannot keep a secret (RFC 6749 §2.1).
func (c *Client) Public() bool { return c.AuthMethod() == AuthMethodNone }

// MayUse reports whether the client may use a grant type.
func (c *Client) MayUse(grantType string) bool {
	if len(c.GrantTypes) == 0 {
		return grantType == GrantTypeAuthorizationCode
	}
	return slices.Contains(c.GrantTypes, grantType)
}

// MayRespond reports whether the client may use a response type, written with
// its members in the order of the registry.
func (c *Client) MayRespond(responseType string) bool {
	if len(c.ResponseTypes) == 0 {
		return responseType == ResponseTypeCode
	}
	return slices.Contains(c.ResponseTypes, responseType)
}

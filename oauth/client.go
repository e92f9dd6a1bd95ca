package oauth

import (
	"encoding/json"
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
	// Type says which protocol the client speaks. The zero value is
	// TypeOpenID. It never changes.
	Type ClientType `json:"type,omitempty"`
	// State says whether the client may be served. The zero value is
	// StateApproved.
	State ClientState `json:"state,omitempty"`
	// Owner and Tenant are whose client it is, in the host's own words; each
	// may be empty, at most 255 bytes. Quotas and permissions look at them.
	Owner  string `json:"owner,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	// Dynamic says that the client registered itself (RFC 7591): nobody has
	// checked what it says of itself.
	Dynamic bool `json:"dynamic,omitempty"`
	// Secrets are the live secrets, as digests. None makes the client public.
	Secrets []Secret `json:"secrets,omitempty"`

	Name      string `json:"client_name,omitempty"`
	URI       string `json:"client_uri,omitempty"`
	LogoURI   string `json:"logo_uri,omitempty"`
	PolicyURI string `json:"policy_uri,omitempty"`
	TermsURI  string `json:"tos_uri,omitempty"`
	// Localized are client_name, client_uri, logo_uri, policy_uri and tos_uri
	// in other languages, by member name with language tag, as
	// "client_name#de" (RFC 7591 §2.2).
	Localized map[string]string `json:"localized,omitempty"`
	// Contacts are ways to reach those responsible, as e-mail addresses.
	Contacts []string `json:"contacts,omitempty"`
	// SoftwareID and SoftwareVersion name the software, not the instance
	// (RFC 7591 §2). Both are what the client says.
	SoftwareID      string `json:"software_id,omitempty"`
	SoftwareVersion string `json:"software_version,omitempty"`

	// ApplicationType is web (the zero value) or native. Only a native client
	// has the port freedom of RFC 8252 §7.3 on loopback redirects.
	ApplicationType string `json:"application_type,omitempty"`
	// RedirectURIs are compared character by character.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
	// PostLogoutRedirectURIs are where a logout may lead (OpenID Connect
	// RP-Initiated Logout §3.1), compared character by character.
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	// InitiateLoginURI is where others may send an end user to log in
	// (OpenID Connect Core §4): https.
	InitiateLoginURI string `json:"initiate_login_uri,omitempty"`
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
	// JWKS are the client's public keys as a JWK Set (RFC 7517 §5), JWKSURI
	// where they are; never both.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwks_uri,omitempty"`

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
	// UpdatedAt is when an edit or a decision last changed the client; zero
	// means never.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// A ClientType says which protocol a client speaks.
type ClientType string

// The types of clients.
const (
	TypeOAuth2 ClientType = "oauth2" // OAuth 2.0, without ID tokens
	TypeOpenID ClientType = "openid" // OAuth 2.0 and OpenID Connect
	// TypeOAuth1 is a consumer of OAuth 1.0a (RFC 5849). It may use no grant
	// and no response type of OAuth 2.0.
	TypeOAuth1 ClientType = "oauth1"
)

// A ClientState says whether a client may be served.
type ClientState string

// The states of approval. A client that is not approved is refused at every
// endpoint; its tokens are refused where that is asked online, and work again
// once it is approved.
const (
	StateApproved    ClientState = "approved"
	StatePending     ClientState = "pending"     // nobody has decided yet
	StateDisapproved ClientState = "disapproved" // decided against, or taken back
)

// A Secret is one live secret of a client, as its digest.
type Secret struct {
	// ID names the secret among the client's; not secret.
	ID string `json:"id"`
	// Name is what people call it; may be empty, need not be unique.
	Name string `json:"name,omitempty"`
	// Digest is "sha256:" and base64url for a secret made by the server, or a
	// PHC string ($argon2id$, $pbkdf2…, $2b$) for a chosen or imported one.
	Digest    string    `json:"digest"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// ExpiresAt is when the secret ends; zero means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// LastUsedAt is when the secret was last used, to the hour; zero means
	// that it was not, or that nobody keeps it.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
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

// Kind is the client's Type, the zero value resolved.
func (c *Client) Kind() ClientType {
	if c.Type == "" {
		return TypeOpenID
	}
	return c.Type
}

// Standing is the client's State, the zero value resolved.
func (c *Client) Standing() ClientState {
	if c.State == "" {
		return StateApproved
	}
	return c.State
}

// Approved reports whether the client may be served.
func (c *Client) Approved() bool { return c.Standing() == StateApproved }

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
	if c.Type == TypeOAuth1 {
		return false
	}
	if len(c.GrantTypes) == 0 {
		return grantType == GrantTypeAuthorizationCode
	}
	return slices.Contains(c.GrantTypes, grantType)
}

// MayRespond reports whether the client may use a response type, written with
// its members in the order of the registry.
func (c *Client) MayRespond(responseType string) bool {
	if c.Type == TypeOAuth1 {
		return false
	}
	if len(c.ResponseTypes) == 0 {
		return responseType == ResponseTypeCode
	}
	return slices.Contains(c.ResponseTypes, responseType)
}

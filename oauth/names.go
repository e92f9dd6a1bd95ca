package oauth

// Grant types (RFC 6749 §4, §6; RFC 8628 §3.4).
const (
	GrantTypeAuthorizationCode = "authorization_code"
	GrantTypeRefreshToken      = "refresh_token"
	GrantTypeClientCredentials = "client_credentials"
	GrantTypePassword          = "password"
	GrantTypeImplicit          = "implicit"
	GrantTypeDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// Response types (OAuth 2.0 Multiple Response Type Encoding Practices §2 to
// §5), members in the order of the registry.
const (
	ResponseTypeCode             = "code"
	ResponseTypeToken            = "token"
	ResponseTypeIDToken          = "id_token"
	ResponseTypeIDTokenToken     = "id_token token"
	ResponseTypeCodeToken        = "code token"
	ResponseTypeCodeIDToken      = "code id_token"
	ResponseTypeCodeIDTokenToken = "code id_token token"
	ResponseTypeNone             = "none"
)

// Response modes (Multiple Response Types §2.1, Form Post Response Mode §2).
const (
	ResponseModeQuery    = "query"
	ResponseModeFragment = "fragment"
	ResponseModeFormPost = "form_post"
)

// Client authentication methods (RFC 7591 §2).
const (
	AuthMethodBasic = "client_secret_basic"
	AuthMethodPost  = "client_secret_post"
	AuthMethodNone  = "none"
)

// Scopes of OpenID Connect Core §5.4 and §11.
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeAddress       = "address"
	ScopePhone         = "phone"
	ScopeOfflineAccess = "offline_access"
)

// Application types (OpenID Connect Dynamic Client Registration §2).
const (
	ApplicationWeb    = "web"
	ApplicationNative = "native"
)

// Subject types (OpenID Connect Core §8).
const (
	SubjectPublic   = "public"
	SubjectPairwise = "pairwise"
)

// PKCEMethodS256 is the one code_challenge_method served (RFC 7636 §4.2).
const PKCEMethodS256 = "S256"

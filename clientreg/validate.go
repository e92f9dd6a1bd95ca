package clientreg

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

// A FieldError is one fault in a client's metadata.
type FieldError struct {
	// Field is the metadata's name (RFC 7591 §2), with an index where it is
	// one of a list.
	Field string
	// Reason says what is wrong or wanted, without the value.
	Reason string
}

// Error names the field and the reason.
func (e *FieldError) Error() string { return "clientreg: " + e.Field + ": " + e.Reason }

// The most a client's metadata may hold.
const (
	maxID   = 200
	maxName = 200
	maxURI  = 2048
	maxList = 100
)

// The values that are known.
var (
	grantTypes = []string{
		oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials,
		oauth.GrantTypePassword, oauth.GrantTypeImplicit, oauth.GrantTypeDeviceCode,
	}
	responseTypes = []string{
		oauth.ResponseTypeCode, oauth.ResponseTypeToken, oauth.ResponseTypeIDToken, oauth.ResponseTypeIDTokenToken,
		oauth.ResponseTypeCodeToken, oauth.ResponseTypeCodeIDToken, oauth.ResponseTypeCodeIDTokenToken, oauth.ResponseTypeNone,
	}
	signingAlgs = []string{"", "RS256", "ES256", "EdDSA"}
)

// Validate reports every fault of a client's metadata at once, each a
// *FieldError, or nil.
func Validate(c *oauth.Client) error {
	var f faults
	f.identity(c)
	f.typeOf(c)
	f.texts(c)
	f.authentication(c)
	f.grants(c)
	f.redirects(c)
	f.languages(c)
	f.software(c)
	f.keys(c)
	f.scopes(c)
	f.openID(c)
	f.policies(c)
	return errors.Join(f...)
}

// faults collects what is wrong.
type faults []error

func (f *faults) add(field, reason string) { *f = append(*f, &FieldError{field, reason}) }

// want adds a fault unless the value is one of those wanted.
func want[T ~string](f *faults, field string, value T, wanted ...T) {
	if slices.Contains(wanted, value) {
		return
	}
	var names []string
	for _, w := range wanted {
		if w != "" {
			names = append(names, string(w))
		}
	}
	f.add(field, "want "+strings.Join(names, ", "))
}

// list adds a fault if a list is too long.
func (f *faults) list(field string, n int) {
	if n > maxList {
		f.add(field, fmt.Sprintf("want at most %d", maxList))
	}
}

func (f *faults) identity(c *oauth.Client) {
	if !isID(c.ID) {
		f.add("client_id", "want 1 to 200 of A-Z a-z 0-9 - . _")
	}
}

// isID reports whether an id is of the characters that are the same in every
// encoding a client may send them in.
func isID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_'
	})
}

// isKey reports whether a record could have this key at all.
func isKey(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' })
}

func (f *faults) texts(c *oauth.Client) {
	if len(c.Name) > maxName || !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, deceives) {
		f.add("client_name", "want at most 200 bytes of UTF-8 without control or invisible characters")
	}
	for field, uri := range map[string]string{
		"client_uri": c.URI, "logo_uri": c.LogoURI, "policy_uri": c.PolicyURI, "tos_uri": c.TermsURI,
	} {
		if uri != "" && !isWeb(uri) {
			f.add(field, "want an absolute http or https URL")
		}
	}
}

// deceives reports whether a character makes a name look like another, or like
// more than a name: control characters and those that reorder or hide text.
func deceives(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == '\u2028' || c == '\u2029'
}

// isWeb reports whether a URI is an http or https URL that a page may link to.
func isWeb(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && len(uri) <= maxURI && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}

// isHTTPS reports whether a URI is an https URL.
func isHTTPS(uri string) bool { return isWeb(uri) && strings.HasPrefix(uri, "https://") }

func (f *faults) authentication(c *oauth.Client) {
	method := c.AuthMethod()
	want(f, "token_endpoint_auth_method", method, oauth.AuthMethodBasic, oauth.AuthMethodPost, oauth.AuthMethodNone)
	switch {
	case c.Public() && len(c.Secrets) > 0:
		f.add("secrets", "want none for a client without authentication")
	case !c.Public() && len(c.Secrets) == 0:
		f.add("secrets", "want one for a client that authenticates with a secret")
	}
	if len(c.Secrets) > maxSecrets {
		f.add("secrets", fmt.Sprintf("want at most %d", maxSecrets))
	}
	for i, s := range c.Secrets {
		if !clientauth.IsDigest(s.Digest) && !strings.HasPrefix(s.Digest, "$") {
			f.add(fmt.Sprintf("secrets[%d]", i), "want a digest: sha256: and base64url, or a PHC string")
		}
	}
}

func (f *faults) grants(c *oauth.Client) {
	f.list("grant_types", len(c.GrantTypes))
	for i, g := range c.GrantTypes {
		if !slices.Contains(grantTypes, g) && !isAbsolute(g) {
			f.add(fmt.Sprintf("grant_types[%d]", i), "want a registered grant type or an absolute URI (RFC 6749 §4.5)")
		}
	}
	if c.Public() && slices.Contains(c.GrantTypes, oauth.GrantTypeClientCredentials) {
		f.add("grant_types", "client_credentials is for clients that authenticate (RFC 6749 §4.4)")
	}
	f.list("response_types", len(c.ResponseTypes))
	for i, t := range c.ResponseTypes {
		field := fmt.Sprintf("response_types[%d]", i)
		switch missing := missingGrant(c, t); {
		case !slices.Contains(responseTypes, t):
			f.add(field, "want a registered response type, its members in the registry's order")
		case missing != "":
			f.add(field, "want "+missing+" among grant_types (RFC 7591 §2.1)")
		}
	}
}

// missingGrant is the grant type that a response type needs and the client
// does not have.
func missingGrant(c *oauth.Client, responseType string) string {
	members := strings.Fields(responseType)
	code := slices.Contains(members, oauth.ResponseTypeCode)
	front := slices.Contains(members, oauth.ResponseTypeToken) || slices.Contains(members, oauth.ResponseTypeIDToken)
	switch {
	case code && !c.MayUse(oauth.GrantTypeAuthorizationCode):
		return oauth.GrantTypeAuthorizationCode
	case front && !c.MayUse(oauth.GrantTypeImplicit):
		return oauth.GrantTypeImplicit
	}
	return ""
}

// isAbsolute reports whether s is an absolute URI without a fragment.
func isAbsolute(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxURI && u.IsAbs() && (u.Opaque != "" || u.Host != "") && !strings.Contains(s, "#") &&
		!strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

func (f *faults) redirects(c *oauth.Client) {
	want(f, "application_type", c.ApplicationType, "", oauth.ApplicationWeb, oauth.ApplicationNative)
	f.list("redirect_uris", len(c.RedirectURIs))
	for i, uri := range c.RedirectURIs {
		if err := wire.ValidRedirectURI(uri, c.ApplicationType == oauth.ApplicationNative); err != nil {
			f.add(fmt.Sprintf("redirect_uris[%d]", i), err.Error())
		}
	}
	f.list("post_logout_redirect_uris", len(c.PostLogoutRedirectURIs))
	for i, uri := range c.PostLogoutRedirectURIs {
		if err := wire.ValidRedirectURI(uri, c.ApplicationType == oauth.ApplicationNative); err != nil {
			f.add(fmt.Sprintf("post_logout_redirect_uris[%d]", i), err.Error())
		}
	}
	if c.InitiateLoginURI != "" && !isHTTPS(c.InitiateLoginURI) {
		f.add("initiate_login_uri", "want an https URL (OpenID Connect Registration §2)")
	}
	redirects := c.MayUse(oauth.GrantTypeAuthorizationCode) || c.MayUse(oauth.GrantTypeImplicit)
	if redirects && len(c.RedirectURIs) == 0 {
		f.add("redirect_uris", "want one for grant types that redirect (RFC 7591 §2)")
	}
}

func (f *faults) scopes(c *oauth.Client) {
	f.list("scopes", len(c.Scopes))
	for i, s := range c.Scopes {
		if list, ok := wire.ScopeList(s); !ok || len(list) != 1 || list[0] != s {
			f.add(fmt.Sprintf("scopes[%d]", i), "want one scope-token (RFC 6749 §3.3)")
		}
	}
	for i, s := range c.DefaultScopes {
		if !slices.Contains(c.Scopes, s) {
			f.add(fmt.Sprintf("default_scopes[%d]", i), "want one of scopes")
		}
	}
	f.list("resources", len(c.Resources))
	for i, r := range c.Resources {
		if !isAbsolute(r) {
			f.add(fmt.Sprintf("resources[%d]", i), "want an absolute URI without a fragment (RFC 8707 §2)")
		}
	}
}

func (f *faults) openID(c *oauth.Client) {
	want(f, "subject_type", c.SubjectType, "", oauth.SubjectPublic, oauth.SubjectPairwise)
	want(f, "id_token_signed_response_alg", c.IDTokenSignedResponseAlg, signingAlgs...)
	want(f, "userinfo_signed_response_alg", c.UserinfoSignedResponseAlg, signingAlgs...)
	if c.DefaultMaxAge != nil && *c.DefaultMaxAge < 0 {
		f.add("default_max_age", "want seconds, not negative")
	}
	f.list("default_acr_values", len(c.DefaultACRValues))
	sector := c.SectorIdentifierURI
	if sector != "" && !isHTTPS(sector) {
		f.add("sector_identifier_uri", "want an https URL (OpenID Connect Registration §5)")
	}
	if c.SubjectType == oauth.SubjectPairwise && sector == "" && severalHosts(c.RedirectURIs) {
		f.add("sector_identifier_uri", "required with pairwise subjects and redirect URIs on several hosts (OpenID Connect Core §8.1)")
	}
}

// severalHosts reports whether URIs have different hosts.
func severalHosts(uris []string) bool {
	hosts := map[string]bool{}
	for _, uri := range uris {
		if u, err := url.Parse(uri); err == nil {
			hosts[u.Hostname()] = true
		}
	}
	return len(hosts) > 1
}

func (f *faults) policies(c *oauth.Client) {
	want(f, "pkce", c.PKCE, oauth.PKCERequired, oauth.PKCEOptional)
	want(f, "refresh", c.Refresh, oauth.RefreshDefault, oauth.RefreshRotate, oauth.RefreshKeep)
	want(f, "access_token_format", c.AccessTokenFormat, oauth.AccessTokenDefault, oauth.AccessTokenOpaque, oauth.AccessTokenJWT)
	if c.Public() && c.Refresh == oauth.RefreshKeep {
		f.add("refresh", "want rotate for a public client (RFC 9700 §4.14.2)")
	}
}

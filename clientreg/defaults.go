package clientreg

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed36673005/authserver/oauth"
)

// typeOf checks what the type of a client asks of it.
func (f *faults) typeOf(c *oauth.Client) {
	want(f, "type", c.Type, "", oauth.TypeOAuth2, oauth.TypeOpenID, oauth.TypeOAuth1)
	want(f, "state", c.State, "", oauth.StateApproved, oauth.StatePending, oauth.StateDisapproved)
	for field, value := range map[string]string{"owner": c.Owner, "tenant": c.Tenant} {
		if len(value) > maxOwner || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			f.add(field, "want at most 255 bytes of UTF-8 without control characters")
		}
	}
	switch c.Type {
	case oauth.TypeOAuth2:
		f.withoutOpenID(c)
	case oauth.TypeOAuth1:
		f.consumer(c)
	}
}

const maxOwner = 255

// withoutOpenID is for a client that OpenID Connect is not spoken with.
func (f *faults) withoutOpenID(c *oauth.Client) {
	for i, t := range c.ResponseTypes {
		if slices.Contains(strings.Fields(t), oauth.ResponseTypeIDToken) {
			f.add(fmt.Sprintf("response_types[%d]", i), "want none with id_token for a client of type oauth2")
		}
	}
	if slices.Contains(c.Scopes, oauth.ScopeOpenID) {
		f.add("scopes", "want no openid for a client of type oauth2")
	}
}

// consumer is for a client of OAuth 1.0a (RFC 5849): it has a name that end
// users are shown, and nothing of OAuth 2.0.
func (f *faults) consumer(c *oauth.Client) {
	if c.Name == "" {
		f.add("client_name", "required for a client of type oauth1")
	}
	if len(c.GrantTypes) > 0 {
		f.add("grant_types", "want none for a client of type oauth1")
	}
	if len(c.ResponseTypes) > 0 {
		f.add("response_types", "want none for a client of type oauth1")
	}
}

// DefaultGrantTypes are the grant types of a client of a type that names none.
// An oauth1 client has none.
func DefaultGrantTypes(t oauth.ClientType) []string {
	if t == oauth.TypeOAuth1 {
		return nil
	}
	return []string{
		oauth.GrantTypeAuthorizationCode, oauth.GrantTypePassword, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode,
	}
}

// DefaultResponseTypes are the response types of a client of a type that names
// none.
func DefaultResponseTypes(t oauth.ClientType) []string {
	switch t {
	case oauth.TypeOAuth1:
		return nil
	case oauth.TypeOAuth2:
		return []string{oauth.ResponseTypeCode, oauth.ResponseTypeToken}
	}
	return []string{
		oauth.ResponseTypeCode, oauth.ResponseTypeCodeIDToken, oauth.ResponseTypeCodeIDTokenToken,
		oauth.ResponseTypeCodeToken, oauth.ResponseTypeIDToken, oauth.ResponseTypeIDTokenToken,
	}
}

// fill gives a new client what its type says of grant and response types, as
// far as the server has it.
func (s *Service) fill(c *oauth.Client) {
	if c.Type == "" {
		c.Type = oauth.TypeOpenID
	}
	if c.TokenEndpointAuthMethod == "" && len(c.Secrets) == 0 {
		c.TokenEndpointAuthMethod = oauth.AuthMethodBasic
		if c.ApplicationType == oauth.ApplicationNative || c.Type == oauth.TypeOAuth1 {
			c.TokenEndpointAuthMethod = oauth.AuthMethodNone
		}
	}
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = s.served(DefaultGrantTypes(c.Kind()))
	}
	if len(c.ResponseTypes) == 0 {
		c.ResponseTypes = slices.DeleteFunc(DefaultResponseTypes(c.Kind()), func(t string) bool { return missingGrant(c, t) != "" })
	}
}

// served is what the server has of a list of grant types.
func (s *Service) served(list []string) []string {
	if s.options.GrantTypes == nil {
		return list
	}
	return slices.DeleteFunc(list, func(g string) bool { return !slices.Contains(s.options.GrantTypes, g) })
}

// digestOf is the base64url of the SHA-256 of a text.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// joined is the faults as one error, or nil.
func joined(f faults) error { return errors.Join(f...) }

package clientreg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

// members are those of a registration request (RFC 7591 §2, OpenID Connect
// Dynamic Client Registration §2), read one by one. One that is null is as
// good as absent (RFC 7592 §2.2), one that is not known is ignored (RFC 7591
// §2), and so is everything the server decides: client_id, secrets, state,
// owner and the like are never read.
type members struct {
	all    map[string]json.RawMessage
	faults faults
}

// has reports whether a member is there.
func (m *members) has(name string) bool {
	value, found := m.all[name]
	return found && !bytes.Equal(value, []byte("null"))
}

// read parses a member into what it must be.
func (m *members) read(name, wanted string, into any) {
	if !m.has(name) {
		return
	}
	if err := json.Unmarshal(m.all[name], into); err != nil {
		m.faults.add(name, "want "+wanted)
	}
}

func (m *members) text(name string) (s string) {
	m.read(name, "a string", &s)
	return s
}

func (m *members) list(name string) (list []string) {
	var values []*string
	m.read(name, "an array of strings", &values)
	for _, value := range values {
		if value == nil {
			m.faults.add(name, "want an array of strings")
			return nil
		}
		list = append(list, *value)
	}
	return list
}

func (m *members) flag(name string) (b bool) {
	m.read(name, "true or false", &b)
	return b
}

// unserved are members that ask for protection which is not served. To ignore
// one would register less than the client relies on.
var unserved = []string{
	"id_token_encrypted_response_alg", "id_token_encrypted_response_enc", "userinfo_encrypted_response_alg",
	"userinfo_encrypted_response_enc", "request_object_signing_alg", "request_object_encryption_alg",
	"authorization_signed_response_alg", "authorization_encrypted_response_alg",
	"dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens", "require_signed_request_object",
	"require_pushed_authorization_requests", "backchannel_token_delivery_mode",
}

// fetched are the members that some server will be asked for something by, and
// must not lead to what is not public. Those that are not served are checked
// all the same.
var fetched = []string{"jwks_uri", "sector_identifier_uri", "initiate_login_uri", "backchannel_logout_uri"}

// fill puts what the members say into a client, in place of what it had.
func (m *members) fill(c *oauth.Client) {
	c.Name, c.URI, c.LogoURI = m.text("client_name"), m.text("client_uri"), m.text("logo_uri")
	c.PolicyURI, c.TermsURI = m.text("policy_uri"), m.text("tos_uri")
	c.Localized = m.localized()
	c.Contacts = m.list("contacts")
	c.SoftwareID, c.SoftwareVersion = m.text("software_id"), m.text("software_version")
	c.ApplicationType = m.text("application_type")
	c.RedirectURIs, c.PostLogoutRedirectURIs = m.list("redirect_uris"), m.list("post_logout_redirect_uris")
	c.InitiateLoginURI = m.text("initiate_login_uri")
	c.TokenEndpointAuthMethod = m.text("token_endpoint_auth_method")
	c.JWKS, c.JWKSURI = m.keySet(), m.text("jwks_uri")
	c.SubjectType, c.SectorIdentifierURI = m.text("subject_type"), m.text("sector_identifier_uri")
	c.IDTokenSignedResponseAlg = m.text("id_token_signed_response_alg")
	c.UserinfoSignedResponseAlg = m.text("userinfo_signed_response_alg")
	c.RequireAuthTime, c.DefaultACRValues = m.flag("require_auth_time"), m.list("default_acr_values")
	c.DefaultMaxAge = nil
	m.read("default_max_age", "a whole number of seconds", &c.DefaultMaxAge)
	c.GrantTypes, c.ResponseTypes = m.list("grant_types"), m.list("response_types")
	c.Scopes = m.scopes()
	m.refuseUnserved()
}

// localized are the members with a language tag (RFC 7591 §2.2).
func (m *members) localized() map[string]string {
	texts := map[string]string{}
	for name, value := range m.all {
		member, tag, tagged := strings.Cut(name, "#")
		if _, known := localizable[member]; !tagged || !known || tag == "" || bytes.Equal(value, []byte("null")) {
			continue
		}
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			m.faults.add(member+"#", "want a string")
		}
		texts[name] = text
	}
	if len(texts) == 0 {
		return nil
	}
	return texts
}

// keySet is jwks, without the spaces that were sent.
func (m *members) keySet() json.RawMessage {
	if !m.has("jwks") {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, m.all["jwks"]); err != nil {
		m.faults.add("jwks", "want a JWK Set (RFC 7517 §5)")
	}
	return b.Bytes()
}

func (m *members) scopes() []string {
	text := m.text("scope")
	if text == "" {
		return nil
	}
	list, ok := wire.ScopeList(text)
	if !ok {
		m.faults.add("scope", "want a space-separated list of scopes (RFC 6749 §3.3)")
	}
	return list
}

func (m *members) refuseUnserved() {
	for _, name := range unserved {
		value := string(m.all[name])
		if m.has(name) && value != "false" && value != `""` && value != `"none"` {
			m.faults.add(name, "what it asks for is not served here")
		}
	}
	if m.has("request_uris") {
		m.list("request_uris")
	}
}

// addresses are the values of members that name what will be fetched, by
// field.
func (m *members) addresses() map[string]string {
	found := map[string]string{}
	for _, name := range fetched {
		if text := m.text(name); text != "" {
			found[name] = text
		}
	}
	for i, uri := range m.list("request_uris") {
		found[fmt.Sprintf("request_uris[%d]", i)] = uri
	}
	return found
}

// secretMethods are client authentication methods with a secret, served or
// not.
var secretMethods = []string{oauth.AuthMethodBasic, oauth.AuthMethodPost, "client_secret_jwt"}

// isPrivate reports whether a redirect URI has a private-use scheme (RFC 8252
// §7.1), isLoopback whether it is http, which is for loopback alone.
func isPrivate(uri string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(uri), ":")
	return ok && scheme != "https" && scheme != "http"
}

func isLoopback(uri string) bool { return strings.HasPrefix(strings.ToLower(uri), "http:") }

// settle decides what the request left open, and what it asked for and cannot
// have but need not have: what the answer says is what was registered (RFC
// 7591 §3.2.1).
func (g *Registrar) settle(c *oauth.Client, f *faults) {
	g.settleApplication(c)
	g.settleMethod(c)
	g.settleGrants(c, f)
	g.settleScopes(c)
}

// settleApplication takes a client for native whose redirect URIs are, even if
// it says web: many programs have both, and do not say what they are.
func (g *Registrar) settleApplication(c *oauth.Client) {
	private := slices.ContainsFunc(c.RedirectURIs, isPrivate)
	local := slices.ContainsFunc(c.RedirectURIs, isLoopback)
	web := slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return strings.HasPrefix(uri, "https:") })
	switch {
	case g.options.RefusePrivateSchemes && private:
		// Left as it is: validation names the URI, for a web client.
		c.ApplicationType = oauth.ApplicationWeb
	case private, local && (c.ApplicationType == "" || !web):
		c.ApplicationType = oauth.ApplicationNative
	case c.ApplicationType == "":
		c.ApplicationType = oauth.ApplicationWeb
	}
}

// settleMethod: a client that cannot keep a secret gets none, and one that can
// gets a method that is served.
func (g *Registrar) settleMethod(c *oauth.Client) {
	switch {
	case c.TokenEndpointAuthMethod != "" && !slices.Contains(secretMethods, c.TokenEndpointAuthMethod):
		// none, or one that validation refuses
	case slices.ContainsFunc(c.RedirectURIs, isPrivate):
		c.TokenEndpointAuthMethod = oauth.AuthMethodNone
	case c.TokenEndpointAuthMethod != oauth.AuthMethodPost:
		c.TokenEndpointAuthMethod = oauth.AuthMethodBasic
	}
}

// dangerous are grant types that nobody asks for by accident: to drop one in
// silence would hide that it is off.
var dangerous = []string{oauth.GrantTypeImplicit, oauth.GrantTypePassword}

// settleGrants drops what is not served or may not be registered for, and
// wants something to be left.
func (g *Registrar) settleGrants(c *oauth.Client, f *faults) {
	named := len(c.GrantTypes) > 0
	for i, grant := range c.GrantTypes {
		if slices.Contains(dangerous, grant) && !slices.Contains(g.grantTypes, grant) {
			f.add(fmt.Sprintf("grant_types[%d]", i), "want one that may be registered for here")
		}
	}
	if !named {
		c.GrantTypes = DefaultGrantTypes(c.Kind())
	}
	c.GrantTypes = slices.DeleteFunc(slices.Clone(c.GrantTypes), func(grant string) bool { return !slices.Contains(g.grantTypes, grant) })
	if len(c.GrantTypes) == 0 {
		f.add("grant_types", "want at least one that may be registered for here")
	}
	asked := len(c.ResponseTypes) > 0
	switch {
	case !asked && named:
		c.ResponseTypes = []string{oauth.ResponseTypeCode} // RFC 7591 §2
	case !asked:
		c.ResponseTypes = DefaultResponseTypes(c.Kind())
	}
	redirects := c.MayUse(oauth.GrantTypeAuthorizationCode) || c.MayUse(oauth.GrantTypeImplicit)
	c.ResponseTypes = slices.DeleteFunc(slices.Clone(c.ResponseTypes), func(t string) bool {
		return !slices.Contains(g.served.ResponseTypes, t) || missingGrant(c, t) != ""
	})
	if redirects && len(c.ResponseTypes) == 0 {
		f.add("response_types", "want at least one that is served and that grant_types allows")
	}
}

// settleScopes drops scopes that may not be registered for.
func (g *Registrar) settleScopes(c *oauth.Client) {
	allowed := g.options.Scopes
	if c.Kind() == oauth.TypeOAuth2 {
		allowed = slices.DeleteFunc(slices.Clone(allowed), func(scope string) bool { return scope == oauth.ScopeOpenID })
	}
	if len(c.Scopes) == 0 {
		c.Scopes = slices.Clone(allowed)
		return
	}
	c.Scopes = slices.DeleteFunc(slices.Clone(c.Scopes), func(scope string) bool { return !slices.Contains(allowed, scope) })
}

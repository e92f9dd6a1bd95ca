package clientreg

import (
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// body is what a client is told of itself (RFC 7591 §3.2.1): all that is
// registered, and secret and token where they were just made. How the operator
// judges it, and whose it is, is not told.
func (g *Registrar) body(c oauth.Client, secret, token string) map[string]any {
	b := map[string]any{
		"client_id": c.ID, "client_id_issued_at": c.CreatedAt.Unix(),
		"redirect_uris": orEmpty(c.RedirectURIs), "grant_types": orEmpty(c.GrantTypes), "response_types": orEmpty(c.ResponseTypes),
		"token_endpoint_auth_method": c.AuthMethod(), "application_type": c.ApplicationType,
	}
	for name, value := range map[string]string{
		"client_name": c.Name, "client_uri": c.URI, "logo_uri": c.LogoURI, "policy_uri": c.PolicyURI, "tos_uri": c.TermsURI,
		"software_id": c.SoftwareID, "software_version": c.SoftwareVersion, "initiate_login_uri": c.InitiateLoginURI,
		"jwks_uri": c.JWKSURI, "subject_type": c.SubjectType, "sector_identifier_uri": c.SectorIdentifierURI,
		"id_token_signed_response_alg": c.IDTokenSignedResponseAlg, "userinfo_signed_response_alg": c.UserinfoSignedResponseAlg,
		"scope": strings.Join(c.Scopes, " "),
	} {
		if value != "" {
			b[name] = value
		}
	}
	for name, value := range c.Localized {
		b[name] = value
	}
	for name, list := range map[string][]string{
		"contacts": c.Contacts, "post_logout_redirect_uris": c.PostLogoutRedirectURIs, "default_acr_values": c.DefaultACRValues,
	} {
		if len(list) > 0 {
			b[name] = list
		}
	}
	if len(c.JWKS) > 0 {
		b["jwks"] = c.JWKS
	}
	if c.DefaultMaxAge != nil {
		b["default_max_age"] = *c.DefaultMaxAge
	}
	if c.RequireAuthTime {
		b["require_auth_time"] = true
	}
	g.credentials(b, c, secret, token)
	return b
}

// credentials adds what is shown this once.
func (g *Registrar) credentials(b map[string]any, c oauth.Client, secret, token string) {
	if secret != "" {
		b["client_secret"] = secret
	}
	if n := len(c.Secrets); n > 0 {
		b["client_secret_expires_at"] = endOf(c.Secrets[n-1])
	}
	if token != "" {
		b["registration_access_token"] = token
		b["registration_client_uri"] = g.served.Endpoint + "/" + c.ID
	}
}

// endOf is when a secret ends, in Unix seconds, zero for never.
func endOf(s oauth.Secret) int64 {
	if s.ExpiresAt.IsZero() {
		return 0
	}
	return s.ExpiresAt.Unix()
}

// orEmpty is a list that is written as [] where it is empty.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

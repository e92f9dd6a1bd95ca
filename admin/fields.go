package admin

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// How a field is filled in.
const (
	inputText   = "text"
	inputLines  = "lines"  // several, one a line
	inputFlag   = "flag"   // a checkbox
	inputChoice = "choice" // one of a few
	inputSet    = "set"    // some of a few
)

// A field is one piece of a client's metadata that people edit. It has the
// name of RFC 7591 and OpenID Connect Registration.
type field struct {
	name, input, section string
	of                   []oauth.ClientType // nil: every type
	onlyNew              bool               // never edited
	options              []string
	get                  func(*oauth.Client) []string
	set                  func(*oauth.Client, []string)
}

// The sections of a form, in order. The last ones are folded up.
const (
	sectionBasics   = "basics"
	sectionFlows    = "flows"
	sectionAbout    = "about"
	sectionAdvanced = "advanced"
)

var sections = []string{sectionBasics, sectionFlows, sectionAbout, sectionAdvanced}

var (
	modern   = []oauth.ClientType{oauth.TypeOAuth2, oauth.TypeOpenID}
	onlyOIDC = []oauth.ClientType{oauth.TypeOpenID}
)

// fields are all there are, in the order of the form.
var fields = []field{
	text("client_name", sectionBasics, func(c *oauth.Client) *string { return &c.Name }),
	lines("redirect_uris", sectionBasics, func(c *oauth.Client) *[]string { return &c.RedirectURIs }),
	choice("application_type", sectionBasics, func(c *oauth.Client) *string { return &c.ApplicationType },
		"", oauth.ApplicationNative).only(modern),
	authMethod,
	lines("scopes", sectionBasics, func(c *oauth.Client) *[]string { return &c.Scopes }).only(modern),
	text("owner", sectionBasics, func(c *oauth.Client) *string { return &c.Owner }).whenNew(),
	flag("verified", sectionBasics, func(c *oauth.Client) *bool { return &c.Verified }).only(modern),

	set("grant_types", sectionFlows, func(c *oauth.Client) *[]string { return &c.GrantTypes },
		oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials,
		oauth.GrantTypeDeviceCode, oauth.GrantTypePassword, oauth.GrantTypeImplicit).only(modern),
	set("response_types", sectionFlows, func(c *oauth.Client) *[]string { return &c.ResponseTypes },
		oauth.ResponseTypeCode, oauth.ResponseTypeToken, oauth.ResponseTypeNone).only([]oauth.ClientType{oauth.TypeOAuth2}),
	set("response_types", sectionFlows, func(c *oauth.Client) *[]string { return &c.ResponseTypes },
		oauth.ResponseTypeCode, oauth.ResponseTypeIDToken, oauth.ResponseTypeIDTokenToken, oauth.ResponseTypeCodeIDToken,
		oauth.ResponseTypeCodeToken, oauth.ResponseTypeCodeIDTokenToken, oauth.ResponseTypeToken, oauth.ResponseTypeNone).only(onlyOIDC),
	choice("pkce", sectionFlows, func(c *oauth.Client) *oauth.PKCEPolicy { return &c.PKCE },
		oauth.PKCERequired, oauth.PKCEOptional).only(modern),
	choice("refresh", sectionFlows, func(c *oauth.Client) *oauth.RefreshPolicy { return &c.Refresh },
		oauth.RefreshDefault, oauth.RefreshRotate, oauth.RefreshKeep).only(modern),
	choice("access_token_format", sectionFlows, func(c *oauth.Client) *oauth.AccessTokenFormat { return &c.AccessTokenFormat },
		oauth.AccessTokenDefault, oauth.AccessTokenOpaque, oauth.AccessTokenJWT).only(modern),

	text("client_uri", sectionAbout, func(c *oauth.Client) *string { return &c.URI }),
	text("logo_uri", sectionAbout, func(c *oauth.Client) *string { return &c.LogoURI }),
	text("policy_uri", sectionAbout, func(c *oauth.Client) *string { return &c.PolicyURI }),
	text("tos_uri", sectionAbout, func(c *oauth.Client) *string { return &c.TermsURI }),
	lines("contacts", sectionAbout, func(c *oauth.Client) *[]string { return &c.Contacts }),

	lines("default_scopes", sectionAdvanced, func(c *oauth.Client) *[]string { return &c.DefaultScopes }).only(modern),
	lines("resources", sectionAdvanced, func(c *oauth.Client) *[]string { return &c.Resources }).only(modern),
	lines("post_logout_redirect_uris", sectionAdvanced, func(c *oauth.Client) *[]string { return &c.PostLogoutRedirectURIs }).only(onlyOIDC),
	text("initiate_login_uri", sectionAdvanced, func(c *oauth.Client) *string { return &c.InitiateLoginURI }).only(onlyOIDC),
	text("jwks_uri", sectionAdvanced, func(c *oauth.Client) *string { return &c.JWKSURI }).only(modern),
	choice("subject_type", sectionAdvanced, func(c *oauth.Client) *string { return &c.SubjectType },
		"", oauth.SubjectPairwise).only(onlyOIDC),
	text("sector_identifier_uri", sectionAdvanced, func(c *oauth.Client) *string { return &c.SectorIdentifierURI }).only(onlyOIDC),
	choice("id_token_signed_response_alg", sectionAdvanced, func(c *oauth.Client) *string { return &c.IDTokenSignedResponseAlg },
		"", "ES256", "RS256", "EdDSA").only(onlyOIDC),
	choice("userinfo_signed_response_alg", sectionAdvanced, func(c *oauth.Client) *string { return &c.UserinfoSignedResponseAlg },
		"", "ES256", "RS256", "EdDSA").only(onlyOIDC),
	flag("require_auth_time", sectionAdvanced, func(c *oauth.Client) *bool { return &c.RequireAuthTime }).only(onlyOIDC),
	flag("introspect_any", sectionAdvanced, func(c *oauth.Client) *bool { return &c.IntrospectAny }).only(modern),
}

// authMethod shows what a client does even where it is not written down.
var authMethod = field{
	name: "token_endpoint_auth_method", input: inputChoice, section: sectionBasics, of: modern,
	options: []string{oauth.AuthMethodBasic, oauth.AuthMethodPost, oauth.AuthMethodNone},
	get:     func(c *oauth.Client) []string { return []string{c.AuthMethod()} },
	set:     func(c *oauth.Client, v []string) { c.TokenEndpointAuthMethod = first(v) },
}

func text(name, section string, at func(*oauth.Client) *string) field {
	return field{
		name: name, input: inputText, section: section,
		get: func(c *oauth.Client) []string { return nonEmpty(*at(c)) },
		set: func(c *oauth.Client, v []string) { *at(c) = strings.TrimSpace(first(v)) },
	}
}

func lines(name, section string, at func(*oauth.Client) *[]string) field {
	return field{
		name: name, input: inputLines, section: section,
		get: func(c *oauth.Client) []string { return *at(c) },
		set: func(c *oauth.Client, v []string) { *at(c) = strings.Fields(first(v)) },
	}
}

func flag(name, section string, at func(*oauth.Client) *bool) field {
	return field{
		name: name, input: inputFlag, section: section,
		get: func(c *oauth.Client) []string {
			if *at(c) {
				return []string{"yes"}
			}
			return nil
		},
		set: func(c *oauth.Client, v []string) { *at(c) = first(v) == "yes" },
	}
}

func choice[T ~string](name, section string, at func(*oauth.Client) *T, options ...T) field {
	f := field{
		name: name, input: inputChoice, section: section,
		get: func(c *oauth.Client) []string { return nonEmpty(string(*at(c))) },
		set: func(c *oauth.Client, v []string) { *at(c) = T(first(v)) },
	}
	for _, o := range options {
		f.options = append(f.options, string(o))
	}
	return f
}

func set(name, section string, at func(*oauth.Client) *[]string, options ...string) field {
	return field{
		name: name, input: inputSet, section: section, options: options,
		get: func(c *oauth.Client) []string { return *at(c) },
		set: func(c *oauth.Client, v []string) { *at(c) = slices.Clone(v) },
	}
}

// only is f for some types of clients alone.
func (f field) only(types []oauth.ClientType) field { f.of = types; return f }

// whenNew is f for clients that do not exist yet.
func (f field) whenNew() field { f.onlyNew = true; return f }

func first(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// fieldsOf are those of a type of client.
func fieldsOf(t oauth.ClientType, isNew bool) []field {
	return slices.DeleteFunc(slices.Clone(fields), func(f field) bool {
		return f.of != nil && !slices.Contains(f.of, t) || f.onlyNew && !isNew
	})
}

// read puts what a form says into a client.
func read(form map[string][]string, c *oauth.Client, isNew bool) {
	for _, f := range fieldsOf(c.Kind(), isNew) {
		f.set(c, form[f.name])
	}
}

// fieldFaults are the faults of single fields that an error is made of.
func fieldFaults(err error) (faults []*clientreg.FieldError) {
	if one, ok := errors.AsType[*clientreg.FieldError](err); ok {
		faults = []*clientreg.FieldError{one}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // all of them, not the first
		faults = nil
		for _, e := range joined.Unwrap() {
			faults = append(faults, fieldFaults(e)...)
		}
	}
	return faults
}

// splitIndex is a field's name, and which of a list is meant, from 1; zero
// where it is the field as a whole.
func splitIndex(name string) (string, int) {
	base, rest, ok := strings.Cut(name, "[")
	if !ok {
		return name, 0
	}
	i, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	if err != nil {
		return base, 0
	}
	return base, i + 1
}

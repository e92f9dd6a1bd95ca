package clientreg

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
)

// fields is the fields that an error of Validate names.
func fields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var names []string
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, e := range joined.Unwrap() {
		fault, ok := errors.AsType[*FieldError](e)
		require.True(t, ok)
		require.Equal(t, "clientreg: "+fault.Field+": "+fault.Reason, e.Error())
		names = append(names, fault.Field)
	}
	slices.Sort(names)
	return names
}

func TestValidateAccepts(t *testing.T) {
	age := 0
	full := oauth.Client{
		ID: "a.B-c_1", Secrets: []oauth.Secret{{Digest: "$argon2id$x"}}, Name: "Café & Söhne",
		URI: "https://a.example", LogoURI: "https://a.example/l.png", PolicyURI: "http://a.example/p", TermsURI: "https://a.example/t",
		ApplicationType: "web", RedirectURIs: []string{"https://a.example/cb"},
		GrantTypes:    []string{"authorization_code", "implicit", "refresh_token", "client_credentials", "urn:example:grant"},
		ResponseTypes: []string{"code", "code id_token", "id_token token"},
		Scopes:        []string{"openid", "api.read"}, DefaultScopes: []string{"openid"}, Resources: []string{"https://api.example/v1"},
		TokenEndpointAuthMethod: "client_secret_post", SubjectType: "pairwise", SectorIdentifierURI: "https://a.example/sector",
		IDTokenSignedResponseAlg: "RS256", UserinfoSignedResponseAlg: "EdDSA", DefaultMaxAge: &age,
		PKCE: oauth.PKCEOptional, Refresh: oauth.RefreshKeep, AccessTokenFormat: oauth.AccessTokenJWT,
	}
	for name, c := range map[string]oauth.Client{
		"full":    full,
		"minimal": {ID: "c", RedirectURIs: []string{"https://a.example/cb"}},
		"machine": {ID: "c", Secrets: full.Secrets, GrantTypes: []string{"client_credentials"}},
		"device":  {ID: "c", GrantTypes: []string{oauth.GrantTypeDeviceCode}},
		"native":  {ID: "c", ApplicationType: "native", RedirectURIs: []string{"http://localhost/callback", "https://a.example/cb", "cursor://a/b"}},
	} {
		t.Run(name, func(t *testing.T) { require.NoError(t, Validate(&c)) })
	}
}

func TestValidateNamesTheField(t *testing.T) {
	negative := -1
	for name, c := range map[string]struct {
		change func(*oauth.Client)
		want   []string
	}{
		"id empty":               {func(c *oauth.Client) { c.ID = "" }, []string{"client_id"}},
		"id characters":          {func(c *oauth.Client) { c.ID = "a:b" }, []string{"client_id"}},
		"id length":              {func(c *oauth.Client) { c.ID = strings.Repeat("x", 201) }, []string{"client_id"}},
		"RG-08 bidi":             {func(c *oauth.Client) { c.Name = "a\u202eb" }, []string{"client_name"}},
		"RG-08 zero width":       {func(c *oauth.Client) { c.Name = "a\u200bb" }, []string{"client_name"}},
		"RG-08 newline":          {func(c *oauth.Client) { c.Name = "a\nb" }, []string{"client_name"}},
		"RG-08 long":             {func(c *oauth.Client) { c.Name = strings.Repeat("x", 10<<10) }, []string{"client_name"}},
		"RG-06 javascript":       {func(c *oauth.Client) { c.URI, c.LogoURI = "javascript:x", "data:x" }, []string{"client_uri", "logo_uri"}},
		"RG-06 others":           {func(c *oauth.Client) { c.PolicyURI, c.TermsURI = "/p", "https://u@a" }, []string{"policy_uri", "tos_uri"}},
		"application type":       {func(c *oauth.Client) { c.ApplicationType = "spa" }, []string{"application_type"}},
		"RG-04 redirect":         {func(c *oauth.Client) { c.RedirectURIs = []string{"https://a.example", "http://a.example"} }, []string{"redirect_uris[1]"}},
		"RG-04 private scheme":   {func(c *oauth.Client) { c.RedirectURIs = []string{"com.app:/cb"} }, []string{"redirect_uris[0]"}},
		"RG-04 none":             {func(c *oauth.Client) { c.RedirectURIs = nil }, []string{"redirect_uris"}},
		"RG-04 too many":         {func(c *oauth.Client) { c.RedirectURIs = slices.Repeat(c.RedirectURIs, 101) }, []string{"redirect_uris"}},
		"grant type":             {func(c *oauth.Client) { c.GrantTypes = []string{"authorization_code", "magic"} }, []string{"grant_types[1]"}},
		"RG-14":                  {func(c *oauth.Client) { c.GrantTypes = []string{"client_credentials"} }, []string{"grant_types"}},
		"response type":          {func(c *oauth.Client) { c.ResponseTypes = []string{"code", "id_token code"} }, []string{"response_types[1]"}},
		"response without grant": {func(c *oauth.Client) { c.ResponseTypes = []string{"code", "code token"} }, []string{"response_types[1]"}},
		"code without grant":     {func(c *oauth.Client) { c.GrantTypes, c.ResponseTypes = []string{"implicit"}, []string{"code"} }, []string{"response_types[0]"}},
		"method":                 {func(c *oauth.Client) { c.TokenEndpointAuthMethod = "magic" }, []string{"secrets", "token_endpoint_auth_method"}},
		"method without secret":  {func(c *oauth.Client) { c.TokenEndpointAuthMethod = "client_secret_basic" }, []string{"secrets"}},
		"secret without method": {func(c *oauth.Client) {
			c.TokenEndpointAuthMethod = "none"
			c.Secrets = []oauth.Secret{{Digest: "$2b$"}}
		}, []string{"secrets"}},
		"plain secret":            {func(c *oauth.Client) { c.Secrets = []oauth.Secret{{Digest: "hunter2"}} }, []string{"secrets[0]"}},
		"many secrets":            {func(c *oauth.Client) { c.Secrets = slices.Repeat([]oauth.Secret{{Digest: "$2b$"}}, 5) }, []string{"secrets"}},
		"scope":                   {func(c *oauth.Client) { c.Scopes = []string{"a", "a b", "", `"`} }, []string{"scopes[1]", "scopes[2]", "scopes[3]"}},
		"default scope":           {func(c *oauth.Client) { c.Scopes, c.DefaultScopes = []string{"a"}, []string{"A"} }, []string{"default_scopes[0]"}},
		"resource":                {func(c *oauth.Client) { c.Resources = []string{"/x", "https://a#f", "https://a b"} }, []string{"resources[0]", "resources[1]", "resources[2]"}},
		"subject type":            {func(c *oauth.Client) { c.SubjectType = "x" }, []string{"subject_type"}},
		"sector":                  {func(c *oauth.Client) { c.SectorIdentifierURI = "http://a" }, []string{"sector_identifier_uri"}},
		"pairwise, several hosts": {func(c *oauth.Client) { c.SubjectType = "pairwise"; c.RedirectURIs = []string{"https://a", "https://b"} }, []string{"sector_identifier_uri"}},
		"algorithms":              {func(c *oauth.Client) { c.IDTokenSignedResponseAlg, c.UserinfoSignedResponseAlg = "none", "HS256" }, []string{"id_token_signed_response_alg", "userinfo_signed_response_alg"}},
		"max age":                 {func(c *oauth.Client) { c.DefaultMaxAge = &negative }, []string{"default_max_age"}},
		"policies":                {func(c *oauth.Client) { c.PKCE, c.Refresh, c.AccessTokenFormat = "x", "y", "z" }, []string{"access_token_format", "pkce", "refresh"}},
		"refresh of a public one": {func(c *oauth.Client) { c.Refresh = oauth.RefreshKeep }, []string{"refresh"}},
		"all at once":             {func(c *oauth.Client) { c.ID, c.Name, c.SubjectType = "", "\n", "x" }, []string{"client_id", "client_name", "subject_type"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := oauth.Client{ID: "c", RedirectURIs: []string{"https://a.example/cb"}}
			c.change(&client)
			require.Equal(t, c.want, fields(t, Validate(&client)))
		})
	}
	c := oauth.Client{ID: "c", RedirectURIs: slices.Repeat([]string{"https://a.example/" + strings.Repeat("x", 2000)}, 100)}
	_, err := encode(stored{client: c})
	require.ErrorContains(t, err, "64 KiB")
}

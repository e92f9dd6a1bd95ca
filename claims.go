package authserver

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// scopeClaims are the claims a scope asks for (OpenID Connect Core §5.4).
var scopeClaims = map[string][]string{
	oauth.ScopeProfile: {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
		"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	oauth.ScopeEmail:   {"email", "email_verified"},
	oauth.ScopeAddress: {"address"},
	oauth.ScopePhone:   {"phone_number", "phone_number_verified"},
}

// claimNames are all of scopeClaims, for metadata.
func claimNames() []string {
	names := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "sid"}
	for _, scope := range []string{oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone} {
		names = append(names, scopeClaims[scope]...)
	}
	return names
}

// A claimsRequest is the claims parameter (OpenID Connect Core §5.5). A nil
// claimRequest asks for the claim in the default manner.
type claimsRequest struct {
	Userinfo map[string]*claimRequest `json:"userinfo"`
	IDToken  map[string]*claimRequest `json:"id_token"`
}

// A claimRequest is how one claim is asked for.
type claimRequest struct {
	Essential bool              `json:"essential"`
	Value     json.RawMessage   `json:"value"`
	Values    []json.RawMessage `json:"values"`
}

// strings are the values asked for that are strings.
func (c *claimRequest) strings() []string {
	var list []string
	for _, raw := range append([]json.RawMessage{c.Value}, c.Values...) {
		var value string
		if json.Unmarshal(raw, &value) == nil && value != "" {
			list = append(list, value)
		}
	}
	return list
}

var errClaims = oauth.E(oauth.InvalidRequest, "claims: expected a JSON object of userinfo and id_token (OpenID Connect Core section 5.5)")

// maxClaimsDepth bounds the nesting of a claims parameter.
const maxClaimsDepth = 8

// parseClaimsRequest reads a claims parameter. Members it does not know are
// ignored, as §5.5 demands.
func parseClaimsRequest(param string) (claimsRequest, *oauth.Error) {
	var request claimsRequest
	if jsonDepth(param) > maxClaimsDepth {
		return request, errClaims
	}
	if !strings.HasPrefix(strings.TrimLeft(param, " \t\r\n"), "{") {
		return request, errClaims
	}
	if err := json.Unmarshal([]byte(param), &request); err != nil {
		return request, errClaims.Because(err)
	}
	return request, nil
}

// jsonDepth is how deep brackets nest outside strings, counted without parsing.
func jsonDepth(text string) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// askedOf are the claims that scopes and a claims request ask for at one place.
func askedOf(scopes []string, one map[string]*claimRequest) []string {
	var names []string
	for _, scope := range scopes {
		names = append(names, scopeClaims[scope]...)
	}
	for name := range one {
		if !protocolClaims[name] {
			names = append(names, name)
		}
	}
	return names
}

// protocolClaims are made by the server and never asked of the host.
var protocolClaims = map[string]bool{
	"sub": true, "iss": true, "aud": true, "exp": true, "iat": true, "nbf": true, "jti": true, "azp": true,
	"auth_time": true, "nonce": true, "acr": true, "amr": true, "sid": true, "at_hash": true, "c_hash": true, "s_hash": true,
}

// only keeps of what the host said what was asked for, and drops nulls.
func only(claims map[string]json.RawMessage, names []string) map[string]json.RawMessage {
	kept := make(map[string]json.RawMessage, len(names))
	for _, name := range names {
		if value, ok := claims[name]; ok && !bytes.Equal(value, []byte("null")) && json.Valid(value) {
			kept[name] = value
		}
	}
	return kept
}

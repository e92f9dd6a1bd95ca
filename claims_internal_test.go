package authserver

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

func TestJSONDepth(t *testing.T) {
	for text, depth := range map[string]int{
		"": 0, "1": 0, "{}": 1, "[[]]": 2, `{"a":[{}]}`: 3, `"[[["`: 0, `{"[[":"]]"}`: 1, `{"a":"\"[["}`: 1, `{"a":"\\","b":[]}`: 2,
		"]]][": 0, `{"a":"}}}","b":[[]]}`: 3,
	} {
		require.Equal(t, depth, jsonDepth(text), text)
	}
}

// FuzzClaimsParameter: what is accepted is a JSON object of bounded depth that
// asks the host for no claim of the protocol, and survives being stored.
func FuzzClaimsParameter(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "null", `{"id_token":null}`, `{"id_token":{"email":null},"userinfo":{"name":{"essential":true}}}`,
		`{"id_token":{"acr":{"essential":true,"values":["mfa",1,null]},"sub":{"value":"x"},"auth_time":{"essential":true}}}`,
		`{"userinfo":{"a":{"value":{"deep":[[[[[[1]]]]]]}}}}`, `{"userinfo":{"a":{"value":"[[[[[[[[[["}}}`, `{"ID_TOKEN":{"ACR":{"ESSENTIAL":true}}}`,
		`{"id_token":{"a":{"value":"\ud800"}}}`, strings.Repeat("[", 100), strings.Repeat(`{"a":`, 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, param string) {
		request, refusal := parseClaimsRequest(param)
		if refusal != nil {
			require.Equal(t, oauth.InvalidRequest, refusal.Code)
			require.Equal(t, refusal.Description, wire.Description(refusal.Description))
			return
		}
		var object map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(param), &object))
		require.LessOrEqual(t, jsonDepth(param), maxClaimsDepth)

		in := &interaction{}
		in.require(request, param)
		for _, name := range in.claimNames() {
			require.False(t, protocolClaims[name], name)
		}
		stored, err := json.Marshal(in)
		require.NoError(t, err)
		var again interaction
		require.NoError(t, json.Unmarshal(stored, &again))
		require.Equal(t, in.claimNames(), again.claimNames())
		require.Equal(t, in.EssentialACR, again.EssentialACR)
	})
}

package jose_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/keys"
)

// FuzzVerify feeds whole tokens: what is accepted was signed by us.
func FuzzVerify(f *testing.F) {
	genuine := map[string]bool{}
	for _, alg := range ring.Algorithms() {
		token := must(jose.Sign(key(alg), "at+jwt", good))
		genuine[token] = true
		f.Add(token)
		f.Add(token[:strings.LastIndexByte(token, '.')+1])
		f.Add(token + "\n")
	}
	for _, seed := range []string{"", "..", "....", `{"payload":"","signatures":[]}`, forgeUnsigned(headerWith(`"crit":["b64"],"b64":false`))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := jose.Verify(ring, token, policy); err == nil && !genuine[token] {
			t.Fatalf("accepted %q", token)
		}
	})
}

// FuzzVerifyParts feeds header and claims that are signed rightly, so that
// everything behind the signature is reached too.
func FuzzVerifyParts(f *testing.F) {
	f.Add(headerOf(keys.EdDSA), payload())
	f.Add(headerWith(`"jwk":{},"jku":"x"`), with("aud", `"x"`))
	f.Add(`{"alg":"none"}`, `{"exp":1}`)
	f.Add("{\"alg\" :\t\"EdDSA\" , \"x\":[[],{},\"\\\"\\u0041\",-1.5e+3,null]}", `{ }`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		got, err := jose.Verify(ring, forge(keys.EdDSA, header, payload), policy)
		if err != nil {
			return
		}
		var plain struct {
			Iss string `json:"iss"`
		}
		if got.Issuer != issuer || got.ExpiresAt.Before(now) || got.Algorithm != keys.EdDSA || !json.Valid(got.Claims) {
			t.Fatal("accepted against the policy")
		}
		_ = json.Unmarshal(got.Claims, &plain)
	})
}

func forgeUnsigned(header string) string {
	return b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload())) + "."
}

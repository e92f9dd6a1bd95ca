package jose_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/keys"
)

// with is the good payload with one claim replaced, added or, by "", left out.
func with(name, value string) string {
	var all map[string]json.RawMessage
	must(0, json.Unmarshal([]byte(payload()), &all))
	if delete(all, name); value != "" {
		all[name] = json.RawMessage(value)
	}
	return string(must(json.Marshal(all)))
}

func verifyClaims(payload string, v jose.Verification) error {
	_, err := jose.Verify(ring, forge(keys.ES256, headerOf(keys.ES256), payload), v)
	return err
}

// RM-08: exp is required, and a whole number of seconds in a sane range.
func TestExp(t *testing.T) {
	for _, exp := range []string{
		"", "null", `"1800003600"`, "1800003600.5", "18e8", "-1", "0", "1e400", "9223372036854775807",
		"9223372036854775808", "253402300800", "true", "[1800003600]", "{}",
	} {
		require.ErrorIs(t, verifyClaims(with("exp", exp), policy), jose.ErrClaims, exp)
		lenient := policy
		lenient.AllowExpired = true
		require.ErrorIs(t, verifyClaims(with("exp", exp), lenient), jose.ErrClaims, exp)
	}
	at := func(d time.Duration) string { return with("exp", fmt.Sprint(now.Add(d).Unix())) }
	require.NoError(t, verifyClaims(at(time.Second), policy))
	require.ErrorIs(t, verifyClaims(at(0), policy), jose.ErrExpired)
	require.ErrorIs(t, verifyClaims(at(-time.Hour), policy), jose.ErrExpired)
	hint := policy
	hint.AllowExpired = true
	require.NoError(t, verifyClaims(at(-1000*time.Hour), hint))
}

// A clock 10 s behind is borne with, one over 60 s behind never.
func TestSkew(t *testing.T) {
	for _, claim := range []string{"iat", "nbf"} {
		at := func(d time.Duration) string { return with(claim, fmt.Sprint(now.Add(d).Unix())) }
		require.NoError(t, verifyClaims(at(-time.Hour), policy))
		require.NoError(t, verifyClaims(at(10*time.Second), policy))
		require.ErrorIs(t, verifyClaims(at(11*time.Second), policy), jose.ErrNotYet)
		wide := policy
		wide.Leeway = time.Hour
		require.NoError(t, verifyClaims(at(60*time.Second), wide))
		require.ErrorIs(t, verifyClaims(at(61*time.Second), wide), jose.ErrNotYet)
		require.ErrorIs(t, verifyClaims(with(claim, `"now"`), policy), jose.ErrClaims)
	}
}

func TestNowIsTheClock(t *testing.T) {
	v := policy
	v.Now = time.Time{}
	require.NoError(t, verifyClaims(with("iat", fmt.Sprint(time.Now().Unix())), v))
	require.ErrorIs(t, verifyClaims(with("exp", fmt.Sprint(time.Now().Unix()-1)), v), jose.ErrExpired)
}

// RM-06, DJ-10: iss is compared byte by byte.
func TestIssuer(t *testing.T) {
	for _, iss := range []string{
		``, `null`, `""`, `"` + issuer + `/"`, `"` + strings.ToUpper(issuer) + `"`, `"https://login.example.com"`,
		`"https://login.example.com:443/authentication"`, `["` + issuer + `"]`, `"` + issuer + `.evil.example"`,
	} {
		require.Error(t, verifyClaims(with("iss", iss), policy), iss)
	}
	require.NoError(t, verifyClaims(with("iss", `"`+strings.ReplaceAll(issuer, "/", `\/`)+`"`), policy), "the same string, escaped")
}

// RM-07.
func TestAudience(t *testing.T) {
	v := policy
	v.Audience = "https://api.example.com"
	for _, aud := range []string{
		"", "null", "[]", `""`, `"https://api.example.com/"`, `"https://api.example"`, `["a","b"]`, `"HTTPS://API.EXAMPLE.COM"`,
	} {
		require.ErrorIs(t, verifyClaims(with("aud", aud), v), jose.ErrAudience, aud)
	}
	for _, aud := range []string{"1", "{}", `[1]`, `[["https://api.example.com"]]`} {
		require.ErrorIs(t, verifyClaims(with("aud", aud), v), jose.ErrClaims, aud)
	}
	require.NoError(t, verifyClaims(with("aud", `"https://api.example.com"`), v))
	require.NoError(t, verifyClaims(with("aud", `["x","https://api.example.com"]`), v))
	require.NoError(t, verifyClaims(with("aud", ""), policy))
}

// Names are compared exactly, and none stands twice.
func TestClaimNames(t *testing.T) {
	for _, bad := range []string{
		strings.Replace(payload(), `{`, `{"iss":"https://evil.example",`, 1),
		strings.Replace(payload(), `{`, `{"\u0069ss":"`+issuer+`",`, 1),
		strings.Replace(payload(), `{`, `{"cnf":{"jkt":"a","jkt":"b"},`, 1),
		strings.Replace(payload(), `{`, `{"x":1,"x":1,`, 1),
		`[]`, `"text"`, ``, `null`, payload() + `{}`, strings.Replace(payload(), `{`, "{\"x\":\"\xc3\",", 1),
	} {
		require.ErrorIs(t, verifyClaims(bad, policy), jose.ErrClaims, bad)
	}
	require.ErrorIs(t, verifyClaims(strings.Replace(payload(), `"exp"`, `"EXP"`, 1), policy), jose.ErrClaims)
	require.NoError(t, verifyClaims(strings.Replace(payload(), `{`, `{"ISS":"https://evil.example",`, 1), policy))
}

// No fault is told in the words of the token.
func TestErrorsSayNothingOfTheToken(t *testing.T) {
	const mark = "s3cr3t"
	for _, token := range []string{
		mark, mark + "." + mark + "." + mark,
		forge(keys.ES256, headerWith(`"crit":["`+mark+`"]`), payload()),
		forge(keys.ES256, `{"alg":"`+mark+`","kid":"`+mark+`","typ":"`+mark+`"}`, payload()),
		forge(keys.ES256, headerOf(keys.ES256), with("exp", `"`+mark+`"`)),
		forge(keys.ES256, headerOf(keys.ES256), with("iss", `"`+mark+`"`)),
	} {
		_, err := jose.Verify(ring, token, policy)
		require.Error(t, err)
		require.NotContains(t, err.Error(), mark)
	}
}

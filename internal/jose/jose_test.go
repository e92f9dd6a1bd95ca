package jose_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/keys"
)

const issuer = "https://login.example.com/authentication"

var (
	b64    = base64.RawURLEncoding
	now    = time.Unix(1_800_000_000, 0)
	ec     = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rs     = must(rsa.GenerateKey(rand.Reader, 2048))
	ed     = newEd25519()
	ring   = newSet(ec, rs, ed)
	policy = jose.Verification{Types: []string{"at+jwt"}, Issuer: issuer, Now: now}
)

type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  []string `json:"aud"`
	ExpiresAt int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope,omitempty"`
}

var good = claims{
	Issuer: issuer, Subject: "alice", Audience: []string{"https://api.example.com"},
	ExpiresAt: now.Unix() + 3600, IssuedAt: now.Unix(), ID: "j1", ClientID: "c1", Scope: "openid read",
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newEd25519() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return must(private, err)
}

func newSet(signers ...crypto.Signer) *keys.Set {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return must(must(keys.Static(secret, signers...)).Keys(context.Background()))
}

func key(alg string) keys.Key {
	k, ok := ring.Signing(alg)
	if !ok {
		panic(alg)
	}
	return k
}

func TestSignAndVerify(t *testing.T) {
	for _, alg := range ring.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			token, err := jose.Sign(key(alg), "at+jwt", good)
			require.NoError(t, err)
			got, err := jose.Verify(ring, token, policy)
			require.NoError(t, err)
			require.Equal(t, alg, got.Algorithm)
			require.Equal(t, key(alg).ID, got.KeyID)
			require.Equal(t, "at+jwt", got.Type)
			require.Equal(t, issuer, got.Issuer)
			require.Equal(t, "alice", got.Subject)
			require.Equal(t, "j1", got.ID)
			require.Equal(t, good.Audience, got.Audience)
			require.Equal(t, good.ExpiresAt, got.ExpiresAt.Unix())
			require.Equal(t, good.IssuedAt, got.IssuedAt.Unix())
			var back claims
			require.NoError(t, json.Unmarshal(got.Claims, &back))
			require.Equal(t, good, back)
		})
	}
}

// What we sign verifies with the library's own methods: the forms are right.
func TestSignedForOthers(t *testing.T) {
	for _, alg := range ring.Algorithms() {
		token := must(jose.Sign(key(alg), "at+jwt", good))
		parsed, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return key(alg).Public, nil },
			jwt.WithValidMethods([]string{alg}), jwt.WithTimeFunc(func() time.Time { return now }),
			jwt.WithStrictDecoding(), jwt.WithExpirationRequired())
		require.NoError(t, err)
		require.Equal(t, map[string]any{"alg": alg, "kid": key(alg).ID, "typ": "at+jwt"}, parsed.Header)
	}
}

// r and s of every length come out right.
func TestES256Padding(t *testing.T) {
	for range 600 {
		token := must(jose.Sign(key(keys.ES256), "at+jwt", good))
		_, err := jose.Verify(ring, token, policy)
		require.NoError(t, err)
		require.Len(t, must(b64.DecodeString(token[strings.LastIndexByte(token, '.')+1:])), 64)
	}
}

func TestSignRefuses(t *testing.T) {
	k := key(keys.ES256)
	_, err := jose.Sign(keys.Key{ID: "a", Algorithm: "none", Signer: ec}, "at+jwt", good)
	require.Error(t, err)
	_, err = jose.Sign(keys.Key{ID: k.ID, Algorithm: k.Algorithm, Public: k.Public}, "at+jwt", good)
	require.Error(t, err, "a key that is not active")
	_, err = jose.Sign(k, `x","alg":"none`, good)
	require.Error(t, err)
	_, err = jose.Sign(k, "", good)
	require.Error(t, err)
	_, err = jose.Sign(k, "at+jwt", func() {})
	require.Error(t, err)
	for _, answer := range [][]byte{nil, {1}, make([]byte, 64), append(mustDER(), 0)} {
		_, err = jose.Sign(keys.Key{ID: "a", Algorithm: keys.ES256, Signer: brokenSigner(answer)}, "at+jwt", good)
		require.Error(t, err)
	}
}

func mustDER() []byte {
	digest := sha256.Sum256([]byte("x"))
	return must(ecdsa.SignASN1(rand.Reader, ec, digest[:]))
}

// brokenSigner answers with its own bytes.
type brokenSigner []byte

func (brokenSigner) Public() crypto.PublicKey { return ec.Public() }
func (b brokenSigner) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return b, nil
}

// forge signs any header and payload, rightly, with a key of the ring.
func forge(alg, header, payload string) string {
	input := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	return input + "." + b64.EncodeToString(signature(alg, input))
}

func signature(alg, input string) []byte {
	digest := sha256.Sum256([]byte(input))
	switch alg {
	case keys.ES256:
		r, s, err := ecdsa.Sign(rand.Reader, ec, digest[:])
		must(0, err)
		raw := make([]byte, 64)
		r.FillBytes(raw[:32])
		s.FillBytes(raw[32:])
		return raw
	case keys.RS256:
		return must(rs.Sign(rand.Reader, digest[:], crypto.SHA256))
	}
	return must(ed.Sign(rand.Reader, []byte(input), crypto.Hash(0)))
}

func headerOf(alg string) string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, key(alg).ID)
}

// headerWith is a header of the ES256 key with more members.
func headerWith(more string) string {
	return strings.TrimSuffix(headerOf(keys.ES256), "}") + "," + more + "}"
}

func payload() string { return string(must(json.Marshal(good))) }

// RM-02, CA-15: alg none in every spelling.
func TestAlgNone(t *testing.T) {
	input := func(alg string) string {
		return b64.EncodeToString(fmt.Appendf(nil, `{%s"kid":%q,"typ":"at+jwt"}`, alg, key(keys.ES256).ID)) +
			"." + b64.EncodeToString([]byte(payload()))
	}
	for _, alg := range []string{
		`"alg":"none",`, `"alg":"None",`, `"alg":"nOnE",`, `"alg":"NONE",`, `"alg":"",`, ``,
		`"alg":null,`, `"alg":false,`, `"alg":["ES256"],`, `"alg":"none ",`, `"alg":"es256",`, `"ALG":"ES256",`,
	} {
		for _, sig := range []string{"", b64.EncodeToString(signature(keys.ES256, input(alg)))} {
			_, err := jose.Verify(ring, input(alg)+"."+sig, policy)
			require.Error(t, err, alg)
		}
	}
}

// RM-03: RS256 turned into HS256 with the public key as the secret.
func TestKeyConfusion(t *testing.T) {
	k := key(keys.RS256)
	der := must(x509.MarshalPKIXPublicKey(rs.Public()))
	pkcs1 := x509.MarshalPKCS1PublicKey(&rs.PublicKey)
	for name, secret := range map[string][]byte{
		"DER": der, "PKCS #1": pkcs1, "JWKS": ring.JWKS(), "empty": {},
		"PEM":   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"PEM 1": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}),
	} {
		for _, alg := range []string{"HS256", "HS384", "RS256"} {
			input := b64.EncodeToString(fmt.Appendf(nil, `{"alg":%q,"kid":%q,"typ":"at+jwt"}`, alg, k.ID)) +
				"." + b64.EncodeToString([]byte(payload()))
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(input))
			_, err := jose.Verify(ring, input+"."+b64.EncodeToString(mac.Sum(nil)), policy)
			require.Error(t, err, name)
		}
	}
}

// The algorithm is the key's, whatever the token says.
func TestAlgorithmIsTheKeys(t *testing.T) {
	swapped := fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"at+jwt"}`, key(keys.ES256).ID)
	for _, alg := range ring.Algorithms() {
		_, err := jose.Verify(ring, forge(alg, swapped, payload()), policy)
		require.ErrorIs(t, err, jose.ErrAlgorithm)
	}
}

// A lookup that pairs a key with an algorithm of another kind helps nobody.
func TestLookupWithWrongAlgorithm(t *testing.T) {
	for _, k := range []keys.Key{
		{ID: key(keys.ES256).ID, Algorithm: keys.ES256, Public: rs.Public()},
		{ID: key(keys.ES256).ID, Algorithm: keys.ES256, Public: nil},
		{ID: key(keys.ES256).ID, Algorithm: keys.ES256, Public: must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)).Public()},
	} {
		_, err := jose.Verify(oneKey(k), forge(keys.ES256, headerOf(keys.ES256), payload()), policy)
		require.ErrorIs(t, err, jose.ErrSignature)
	}
}

type oneKey keys.Key

func (k oneKey) Lookup(string) (keys.Key, bool) { return keys.Key(k), true }

// CA-17, RM-04, DJ-05: a kid is looked up and nothing more.
func TestUnknownKid(t *testing.T) {
	for _, kid := range []string{"x", "../../etc/passwd", "' OR 1=1--", "https://evil.example/jwks", strings.Repeat("k", 10<<10), "\x00"} {
		header := fmt.Sprintf(`{"alg":"ES256","kid":%s,"typ":"at+jwt"}`, must(json.Marshal(kid)))
		_, err := jose.Verify(ring, forge(keys.ES256, header, payload()), policy)
		require.Error(t, err)
		require.NotContains(t, err.Error(), kid+".")
	}
	_, err := jose.Verify(ring, forge(keys.ES256, `{"alg":"ES256","typ":"at+jwt"}`, payload()), policy)
	require.Error(t, err)
	removed := newSet(rs)
	_, err = jose.Verify(removed, forge(keys.ES256, headerOf(keys.ES256), payload()), policy)
	require.ErrorIs(t, err, jose.ErrUnknownKey)
}

// RM-05, RM-23, CA-19: extensions are refused, key hints ignored, and one
// name stands once.
func TestHeaderMembers(t *testing.T) {
	for _, more := range []string{
		`"crit":["exp"],"exp":1`, `"crit":[]`, `"crit":null`, `"b64":false`, `"b64":true`, `"b64":false,"crit":["b64"]`,
		`"enc":"A128GCM"`, `"alg":"ES256"`, `"alg":"none"`, `"\u0061lg":"ES256"`, `"kid":"x"`, `"typ":"JWT"`,
		`"x":{"a":1,"a":2}`, `"x":[{"a":1,"a":2}]`, "\"x\":\"\xff\"",
	} {
		_, err := jose.Verify(ring, forge(keys.ES256, headerWith(more), payload()), policy)
		require.ErrorIs(t, err, jose.ErrMalformed, more)
	}
	for _, more := range []string{
		`"jku":"https://evil.example/jwks"`, `"x5u":"https://evil.example/x"`, `"x5c":["AA=="]`,
		`"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `"Crit":["a"]`, `"x" : [ 1 , {"a":[ ]} , "\"" , {} , null , -1e5]`,
	} {
		_, err := jose.Verify(ring, forge(keys.ES256, headerWith(more), payload()), policy)
		require.NoError(t, err, more)
	}
}

// A key of the attacker's, offered in the header, is not used.
func TestEmbeddedKey(t *testing.T) {
	mine := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	k, _ := newSet(mine).Signing(keys.ES256)
	k.ID = key(keys.ES256).ID
	_, err := jose.Verify(ring, must(jose.Sign(k, "at+jwt", good)), policy)
	require.ErrorIs(t, err, jose.ErrSignature)
}

// RM-23: other encodings of the signature, and none.
func TestSignatures(t *testing.T) {
	input := strings.TrimSuffix(forge(keys.ES256, headerOf(keys.ES256), payload()), "")
	input = input[:strings.LastIndexByte(input, '.')]
	digest := sha256.Sum256([]byte(input))
	sound := signature(keys.ES256, input)
	for name, sig := range map[string][]byte{
		"DER":      must(ecdsa.SignASN1(rand.Reader, ec, digest[:])),
		"zero":     make([]byte, 64),
		"empty":    {},
		"r alone":  sound[:32],
		"longer":   append(bytes.Clone(sound), 0),
		"r zero":   append(make([]byte, 32), sound[32:]...),
		"s zero":   append(bytes.Clone(sound[:32]), make([]byte, 32)...),
		"order":    bytes.Repeat(elliptic.P256().Params().N.Bytes(), 2),
		"Ed25519":  signature(keys.EdDSA, input),
		"all ones": bytes.Repeat([]byte{0xff}, 64),
	} {
		_, err := jose.Verify(ring, input+"."+b64.EncodeToString(sig), policy)
		require.Error(t, err, name)
	}
	_, err := jose.Verify(ring, input+"."+b64.EncodeToString(sound), policy)
	require.NoError(t, err)
}

// RM-10, RM-23: what is not three segments of strict base64url.
func TestForm(t *testing.T) {
	token := forge(keys.ES256, headerOf(keys.ES256), payload())
	part := strings.Split(token, ".")
	flattened := fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, part[1], part[0], part[2])
	general := fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":%q,"signature":%q}]}`,
		part[1], part[0], part[2], part[0], part[2])
	for name, bad := range map[string]string{
		"empty": "", "dots": "..", "one": part[0], "two": part[0] + "." + part[1], "four": token + ".", "JWE": token + "..",
		"million dots": strings.Repeat(".", 1_000_000), "flattened JSON": flattened, "general JSON": general,
		"no header": "." + part[1] + "." + part[2], "no payload": part[0] + ".." + part[2], "no signature": part[0] + "." + part[1] + ".",
		"padding": token + "==", "line end": token + "\n", "line end inside": token[:5] + "\r\n" + token[5:], "space": " " + token,
		"standard alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(token) + "+",
		"trailing bits":     trailingBits(token), "too long": forge(keys.ES256, headerOf(keys.ES256), `{"x":"`+strings.Repeat("a", 13<<10)+`"}`),
		"header array": forge(keys.ES256, `["alg"]`, payload()), "header text": forge(keys.ES256, `alg`, payload()),
		"header twice": forge(keys.ES256, headerOf(keys.ES256)+"{}", payload()), "header null": forge(keys.ES256, `null`, payload()),
		"deep": forge(keys.ES256, `{"a":`+strings.Repeat("[", 9000), payload()),
	} {
		_, err := jose.Verify(ring, bad, policy)
		require.Error(t, err, name)
		require.Less(t, len(err.Error()), 100)
	}
}

// trailingBits sets a bit of the last character that decoding drops.
func trailingBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
}

// RM-09: an ID token, logout token or response is no access token.
func TestTypes(t *testing.T) {
	for _, typ := range []string{"JWT", "logout+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "at", "xat+jwt", "application/", "application/JWT"} {
		_, err := jose.Verify(ring, must(jose.Sign(key(keys.ES256), typ, good)), policy)
		require.ErrorIs(t, err, jose.ErrType, typ)
	}
	for _, typ := range []string{"at+jwt", "AT+JWT", "application/at+jwt"} {
		_, err := jose.Verify(ring, must(jose.Sign(key(keys.ES256), typ, good)), policy)
		require.NoError(t, err, typ)
	}
	for _, header := range []string{`"typ":""`, `"typ":null`, `"x":1`} {
		header = fmt.Sprintf(`{"alg":"ES256","kid":%q,%s}`, key(keys.ES256).ID, header)
		_, err := jose.Verify(ring, forge(keys.ES256, header, payload()), policy)
		require.Error(t, err)
	}
}

func TestPolicyRequired(t *testing.T) {
	token := must(jose.Sign(key(keys.ES256), "at+jwt", good))
	_, err := jose.Verify(ring, token, jose.Verification{Issuer: issuer})
	require.ErrorIs(t, err, jose.ErrPolicy)
	_, err = jose.Verify(ring, token, jose.Verification{Types: []string{"at+jwt"}})
	require.ErrorIs(t, err, jose.ErrPolicy)
}

func TestHalfHash(t *testing.T) {
	// OpenID Connect Core, appendix A.3 and A.4.
	require.Equal(t, "77QmUPtjPfzWtF2AnpK9RQ", jose.HalfHash("RS256", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"))
	require.Equal(t, "LDktKdoQak3Pk0cnXxCltA", jose.HalfHash("ES256", "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"))
	require.Len(t, must(b64.DecodeString(jose.HalfHash("EdDSA", "x"))), 32)
	require.Empty(t, jose.HalfHash("none", "x"))
}

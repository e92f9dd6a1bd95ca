package keys_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/keys"
)

var (
	secret = randomBytes(32)
	ec     = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	rs     = must(rsa.GenerateKey(rand.Reader, 2048))
	ed     = newEd25519()
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func newEd25519() ed25519.PrivateKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return must(private, err)
}

func staticSet(t testing.TB, signers ...crypto.Signer) *keys.Set {
	t.Helper()
	source, err := keys.Static(secret, signers...)
	require.NoError(t, err)
	set, err := source.Keys(t.Context())
	require.NoError(t, err)
	return set
}

func TestStaticOrder(t *testing.T) {
	require.Equal(t, []string{"ES256", "RS256", "EdDSA"}, staticSet(t, rs, ec, ed).Algorithms())
	require.Equal(t, []string{"EdDSA", "RS256"}, staticSet(t, ed, rs).Algorithms())
}

func TestStaticSigning(t *testing.T) {
	second := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	set := staticSet(t, ec, second)
	k, ok := set.Signing(keys.ES256)
	require.True(t, ok)
	require.Equal(t, ec, k.Signer)
	_, ok = set.Signing(keys.RS256)
	require.False(t, ok)
	_, ok = set.Lookup("unknown")
	require.False(t, ok)

	var jwks jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal(set.JWKS(), &jwks))
	require.Len(t, jwks.Keys, 2)
	other, ok := set.Lookup(jwks.Keys[1].KeyID)
	require.True(t, ok)
	require.Nil(t, other.Signer)
	require.Equal(t, second.Public(), other.Public)
}

func TestStaticVerifyOnly(t *testing.T) {
	source, err := keys.StaticWith(secret, keys.StaticOptions{
		Signers:    []crypto.Signer{rs},
		VerifyOnly: []crypto.PublicKey{ec.Public(), ed.Public()},
	})
	require.NoError(t, err)
	set, err := source.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{keys.RS256}, set.Algorithms())
	var jwks jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal(set.JWKS(), &jwks))
	require.Len(t, jwks.Keys, 3)
}

func TestStaticRefuses(t *testing.T) {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	offCurve := &ecdsa.PublicKey{Curve: elliptic.P256(), X: ec.X, Y: ec.X}
	verify := func(pub crypto.PublicKey) keys.StaticOptions {
		return keys.StaticOptions{Signers: []crypto.Signer{ec}, VerifyOnly: []crypto.PublicKey{pub}}
	}
	sign := func(signers ...crypto.Signer) keys.StaticOptions {
		return keys.StaticOptions{Signers: signers}
	}
	for name, tc := range map[string]struct {
		secret []byte
		opts   keys.StaticOptions
		want   string
	}{
		"no secret":      {nil, sign(ec), "0 bytes"},
		"short secret":   {secret[:31], sign(ec), "31 bytes"},
		"zeros":          {make([]byte, 32), sign(ec), "repeats"},
		"filled up":      {bytes.Repeat([]byte("changeme"), 4), sign(ec), "repeats"},
		"odd period":     {bytes.Repeat([]byte("password123"), 3), sign(ec), "repeats"},
		"no signer":      {secret, sign(), "no signer"},
		"nil signer":     {secret, sign(nil), "is nil"},
		"twice":          {secret, sign(ec, ec), "twice"},
		"twice, public":  {secret, verify(ec.Public()), "twice"},
		"weak RSA":       {secret, sign(weak), "2048"},
		"other curve":    {secret, sign(p384), "P-256"},
		"not on curve":   {secret, verify(offCurve), "keys:"},
		"empty ECDSA":    {secret, verify(&ecdsa.PublicKey{Curve: elliptic.P256()}), "P-256"},
		"nil ECDSA":      {secret, verify((*ecdsa.PublicKey)(nil)), "P-256"},
		"private":        {secret, verify(ec), "P-256"},
		"symmetric":      {secret, verify([]byte("0123456789abcdef0123456789abcdef")), "P-256"},
		"short Ed25519":  {secret, verify(ed25519.PublicKey{1, 2}), "Ed25519"},
		"two faults too": {nil, sign(weak), "2048"},
	} {
		t.Run(name, func(t *testing.T) {
			source, err := keys.StaticWith(tc.secret, tc.opts)
			require.Nil(t, source)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// DJ-03: public members only, and never a symmetric key.
func TestDJ03_JWKSPublicOnly(t *testing.T) {
	requirePublicJWKS(t, staticSet(t, ec, rs, ed))
}

func requirePublicJWKS(t *testing.T, set *keys.Set) {
	t.Helper()
	allowed := map[string]bool{"kty": true, "use": true, "alg": true, "kid": true, "crv": true, "x": true, "y": true, "n": true, "e": true}
	var doc struct{ Keys []map[string]any }
	require.NoError(t, json.Unmarshal(set.JWKS(), &doc))
	require.NotEmpty(t, doc.Keys)
	for _, jwk := range doc.Keys {
		for name := range jwk {
			require.True(t, allowed[name], "member %s", name)
		}
		require.Equal(t, "sig", jwk["use"])
		require.Contains(t, []any{"EC", "RSA", "OKP"}, jwk["kty"])
	}
	require.NotContains(t, string(set.JWKS()), base64.RawURLEncoding.EncodeToString(set.TokenKey().Secret))
}

// DJ-06: only served algorithms; a kid is unique, and a digest.
func TestDJ06_AlgorithmsAndKid(t *testing.T) {
	set := staticSet(t, ec, rs, ed)
	seen := map[string]bool{}
	for _, alg := range set.Algorithms() {
		require.Contains(t, []string{"ES256", "RS256", "EdDSA"}, alg)
		k, ok := set.Signing(alg)
		require.True(t, ok)
		require.Regexp(t, `^[A-Za-z0-9_-]{43}$`, k.ID)
		require.False(t, seen[k.ID])
		seen[k.ID] = true
		thumb := must((&jose.JSONWebKey{Key: k.Public}).Thumbprint(crypto.SHA256))
		require.Equal(t, base64.RawURLEncoding.EncodeToString(thumb), k.ID)
	}
}

func TestETagFollowsContent(t *testing.T) {
	a, b := staticSet(t, ec), staticSet(t, ec, ed)
	require.Regexp(t, `^"[A-Za-z0-9_-]{22}"$`, a.ETag())
	require.Equal(t, a.ETag(), staticSet(t, ec).ETag())
	require.NotEqual(t, a.ETag(), b.ETag())
}

func TestStaticSecretDecidesTokenKeyAndDerive(t *testing.T) {
	a := staticSet(t, ec)
	b := staticSet(t, rs)
	require.Equal(t, a.TokenKey(), b.TokenKey())
	require.Equal(t, a.Derive("pairwise"), b.Derive("pairwise"))
	require.NotEqual(t, a.Derive("pairwise"), a.Derive("other"))
	require.Len(t, a.TokenKey().Secret, 32)
	byID, ok := a.TokenKeyByID(a.TokenKey().ID)
	require.True(t, ok)
	require.Equal(t, a.TokenKey(), byID)
	_, ok = a.TokenKeyByID(77)
	require.False(t, ok)

	other, err := keys.Static(randomBytes(32), ec)
	require.NoError(t, err)
	c, err := other.Keys(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, a.TokenKey().Secret, c.TokenKey().Secret)
	require.NotEqual(t, a.Derive("pairwise"), c.Derive("pairwise"))
}

func TestLookupsDoNotAllocate(t *testing.T) {
	set := staticSet(t, ec, rs, ed)
	k, _ := set.Signing(keys.RS256)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		set.Signing(keys.EdDSA)
		set.Lookup(k.ID)
		set.TokenKeyByID(set.TokenKey().ID)
		set.Algorithms()
		set.JWKS()
		set.ETag()
	}))
}

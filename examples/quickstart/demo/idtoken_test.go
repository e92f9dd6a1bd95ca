package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signer is a provider that publishes one key.
type signer struct {
	*httptest.Server
	key *ecdsa.PrivateKey
}

func newSigner(t *testing.T) signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	answer := func(path string, v any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) })
	}
	answer("/.well-known/openid-configuration", map[string]string{"issuer": srv.URL, "jwks_uri": srv.URL + "/jwks"})
	answer("/jwks", map[string]any{"keys": []map[string]string{{
		"kid": "1", "kty": "EC", "crv": "P-256",
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:]),
	}}})
	return signer{srv, key}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// sign makes a JWS with an ES256 signature, whatever its header says.
func (s signer) sign(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	input := encode(t, header) + "." + encode(t, claims)
	digest := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	require.NoError(t, err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestVerify(t *testing.T) {
	s := newSigner(t)
	p := newProvider(s.URL, "client", "secret")
	good := func() (header, claims map[string]any) {
		return map[string]any{"alg": "ES256", "kid": "1"}, map[string]any{
			"iss": s.URL, "aud": "client", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(),
		}
	}
	header, claims := good()
	id, err := p.verify(t.Context(), s.sign(t, header, claims))
	require.NoError(t, err)
	require.Equal(t, "alice", id.text("sub"))

	for name, change := range map[string]func(header, claims map[string]any){
		"none":             func(h, _ map[string]any) { h["alg"] = "none" },
		"HS256":            func(h, _ map[string]any) { h["alg"] = "HS256" },
		"unknown key":      func(h, _ map[string]any) { h["kid"] = "2" },
		"another issuer":   func(_, c map[string]any) { c["iss"] = "https://other.example" },
		"another client":   func(_, c map[string]any) { c["aud"] = "other" },
		"also for another": func(_, c map[string]any) { c["aud"] = []string{"client", "other"} },
		"expired":          func(_, c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"never expires":    func(_, c map[string]any) { delete(c, "exp") },
	} {
		t.Run(name, func(t *testing.T) {
			header, claims := good()
			change(header, claims)
			_, err := p.verify(t.Context(), s.sign(t, header, claims))
			require.Error(t, err)
		})
	}
	t.Run("another key", func(t *testing.T) {
		header, claims := good()
		_, err := p.verify(t.Context(), signer{s.Server, newSigner(t).key}.sign(t, header, claims))
		require.ErrorContains(t, err, "does not verify")
	})
	for _, token := range []string{"", "a.b", "!.!.!", "e30.e30.", "e30.e30.AAAA"} {
		_, err := p.verify(t.Context(), token)
		require.Error(t, err, token)
	}
}

package jose_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/keys"
)

// floor is what the signature alone allocates.
func floor() float64 {
	return testing.AllocsPerRun(200, func() {
		digest := sha256.Sum256([]byte("x"))
		must(ec.Sign(rand.Reader, digest[:], crypto.SHA256))
	})
}

// Signing costs little more than the signature.
func TestSignAllocations(t *testing.T) {
	k := key(keys.ES256)
	whole := testing.AllocsPerRun(200, func() { must(jose.Sign(k, "at+jwt", &good)) })
	t.Logf("floor %v, signed JWT %v", floor(), whole)
	require.LessOrEqual(t, whole, floor()+8)
}

func BenchmarkSign(b *testing.B) {
	for _, alg := range ring.Algorithms() {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			k := key(alg)
			for b.Loop() {
				must(jose.Sign(k, "at+jwt", &good))
			}
		})
	}
	b.Run("floor ES256", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			digest := sha256.Sum256([]byte("x"))
			must(ec.Sign(rand.Reader, digest[:], crypto.SHA256))
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range ring.Algorithms() {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			token := must(jose.Sign(key(alg), "at+jwt", good))
			for b.Loop() {
				must(jose.Verify(ring, token, policy))
			}
		})
	}
}

package token

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

// The MAC is HMAC-SHA-256, whatever the length of the key.
func TestMACIsHMAC(t *testing.T) {
	for _, length := range []int{0, 1, 31, 32, 33, 63, 64, 65, 200} {
		key := make([]byte, length)
		var p payload
		var issuer [sha256.Size]byte
		for range 20 {
			_, _ = rand.Read(key)
			_, _ = rand.Read(p[:])
			_, _ = rand.Read(issuer[:])
			want := hmac.New(sha256.New, key)
			want.Write([]byte(macLabel))
			want.Write(issuer[:])
			want.Write(p[:macAt])
			sum := p.mac(key, &issuer)
			require.Equal(t, want.Sum(nil), sum[:], "key of %d bytes", length)
		}
	}
}

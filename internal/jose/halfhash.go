package jose

import (
	"crypto/sha256"
	"crypto/sha512"

	"github.com/seed36673005/authserver/keys"
)

// HalfHash is at_hash, c_hash or s_hash of a value (OpenID Connect Core
// §3.1.3.6, §3.3.2.11): the left half of its digest, base64url. The digest is
// that of the ID token's algorithm, which for Ed25519 is SHA-512 (RFC 8032
// §5.1). For an algorithm that is not served it is empty.
func HalfHash(alg, value string) string {
	switch alg {
	case keys.ES256, keys.RS256:
		digest := sha256.Sum256([]byte(value))
		return b64.EncodeToString(digest[:sha256.Size/2])
	case keys.EdDSA:
		digest := sha512.Sum512([]byte(value))
		return b64.EncodeToString(digest[:sha512.Size/2])
	}
	return ""
}

package token

import "crypto/sha256"

// macLabel keeps the MAC apart from any other use of the key.
const macLabel = "authserver token\x00"

// signedLen is the length of what the MAC is over.
const signedLen = len(macLabel) + sha256.Size + macAt

// mac is HMAC-SHA-256 (RFC 2104 §2) over the issuer and all that stands before
// the MAC in p. It is
// written out, because every request makes or checks one and package hmac
// allocates six times for each: key and message are short and of known length,
// so both blocks fit on the stack. A test holds it against package hmac.
func (p *payload) mac(key []byte, issuer *[sha256.Size]byte) [sha256.Size]byte {
	if len(key) > sha256.BlockSize {
		digest := sha256.Sum256(key)
		key = digest[:]
	}
	var inner [sha256.BlockSize + signedLen]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	at := sha256.BlockSize
	at += copy(inner[at:], macLabel)
	at += copy(inner[at:], issuer[:])
	copy(inner[at:], p[:macAt])
	sum := sha256.Sum256(inner[:])
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}

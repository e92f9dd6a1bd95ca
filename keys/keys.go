// Package keys holds the server's keys: those that sign ID tokens and JWT
// access tokens, and those that authenticate opaque tokens.
//
// A Source hands out the Set of the moment. Managed keeps a ring (next, active,
// retired) in storage, sealed, and rotates it by itself; Static takes signers
// the host brings. Nothing here signs a token or knows what one looks like.
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
)

// The signature algorithms served (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	ES256 = "ES256"
	RS256 = "RS256"
	EdDSA = "EdDSA"
)

// A Source hands out the keys of the moment. Keys is called on every request,
// from many goroutines, so it must answer from memory; an error means that no
// key can be had, and is answered 503.
type Source interface {
	Keys(ctx context.Context) (*Set, error)
}

// A Key signs or verifies JWS.
type Key struct {
	// ID is the kid (RFC 7517 §4.5): unique, and neither a path nor secret.
	ID string
	// Algorithm is the one algorithm of the key.
	Algorithm string
	// Signer signs. It is nil for a key that is published but not signed
	// with: one that is next, or retired.
	Signer crypto.Signer
	// Public is an *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey.
	Public crypto.PublicKey
}

// A TokenKey authenticates opaque tokens (HMAC-SHA-256).
type TokenKey struct {
	// ID stands in every token made with the key.
	ID byte
	// Secret is 32 random bytes.
	Secret []byte
}

// errUnsupportedKey is what AlgorithmOf answers for any other key.
var errUnsupportedKey = errors.New("keys: neither ECDSA P-256 nor RSA of at least 2048 bits nor Ed25519")

// minRSABits is the least modulus of RS256 (RFC 7518 §3.3).
const minRSABits = 2048

// AlgorithmOf returns the one algorithm that a public key is used with: ES256
// for P-256, RS256 for RSA of at least 2048 bits, EdDSA for Ed25519. Any other
// key is an error.
func AlgorithmOf(public crypto.PublicKey) (string, error) {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		if k != nil && k.Curve == elliptic.P256() {
			return ES256, nil
		}
	case *rsa.PublicKey:
		if k != nil && k.N != nil && k.N.BitLen() >= minRSABits {
			return RS256, nil
		}
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return EdDSA, nil
		}
	}
	return "", errUnsupportedKey
}

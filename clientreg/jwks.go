package clientreg

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"

	"github.com/seed36673005/authserver/internal/wire"
)

// The bounds of a client's keys.
const (
	maxKeys    = 20
	minRSABits = 2048
	maxRSABits = 8192
)

// secretMembers are those of a JWK that no public key has (RFC 7518 §6).
var secretMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// checkKeySet returns what is wrong with a JWK Set (RFC 7517 §5) of public
// keys.
func checkKeySet(text json.RawMessage) string {
	set, err := wire.ParseObject(text)
	if err != nil {
		return "want a JWK Set (RFC 7517 §5)"
	}
	var keys []json.RawMessage
	if err := json.Unmarshal(set["keys"], &keys); err != nil || len(keys) == 0 {
		return "want a JWK Set with at least one key"
	}
	if len(keys) > maxKeys {
		return "want at most 20 keys"
	}
	for _, key := range keys {
		if reason := checkKey(key); reason != "" {
			return reason
		}
	}
	return ""
}

// checkKey returns what is wrong with a public key (RFC 7517 §4).
func checkKey(text json.RawMessage) string {
	members, err := wire.ParseObject(text)
	if err != nil {
		return "want keys that are JSON objects"
	}
	if slices.ContainsFunc(secretMembers, func(name string) bool { return members[name] != nil }) {
		return "want public keys alone: one is private or symmetric"
	}
	member := func(name string) (s string) {
		_ = json.Unmarshal(members[name], &s) // what is no string is empty
		return s
	}
	switch member("kty") {
	case "RSA":
		return checkRSA(member("n"), member("e"))
	case "EC":
		return checkEC(member("crv"), member("x"), member("y"))
	case "OKP":
		if x, err := base64.RawURLEncoding.DecodeString(member("x")); err == nil && member("crv") == "Ed25519" && len(x) == 32 {
			return ""
		}
		return "want an Ed25519 key of 32 bytes"
	}
	return "want keys of type RSA, EC or OKP"
}

func checkRSA(n, e string) string {
	modulus, errN := base64.RawURLEncoding.DecodeString(n)
	exponent, errE := base64.RawURLEncoding.DecodeString(e)
	if errN != nil || errE != nil || len(exponent) == 0 || len(exponent) > 8 || len(modulus) > maxRSABits/8+1 {
		return "want an RSA key with n and e"
	}
	bits := new(big.Int).SetBytes(modulus).BitLen()
	public := new(big.Int).SetBytes(exponent)
	if bits < minRSABits || bits > maxRSABits || public.Cmp(big.NewInt(3)) < 0 || public.Bit(0) == 0 {
		return "want an RSA key of 2048 to 8192 bits with an odd exponent above 1"
	}
	return ""
}

func checkEC(crv, x, y string) string {
	curve, size := ecdh.P256(), 32
	switch crv {
	case "P-256":
	case "P-384":
		curve, size = ecdh.P384(), 48
	case "P-521":
		curve, size = ecdh.P521(), 66
	default:
		return "want an EC key on P-256, P-384 or P-521"
	}
	px, errX := base64.RawURLEncoding.DecodeString(x)
	py, errY := base64.RawURLEncoding.DecodeString(y)
	if errX != nil || errY != nil || len(px) != size || len(py) != size {
		return "want an EC key with coordinates of its curve"
	}
	if _, err := curve.NewPublicKey(slices.Concat([]byte{4}, px, py)); err != nil {
		return "want an EC key that is on its curve"
	}
	return ""
}

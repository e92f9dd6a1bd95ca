package keys

import (
	"crypto"
	"encoding/base64"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// newKey returns the Key of a public key, and of its signer if that is not
// nil. Its ID is the RFC 7638 thumbprint: unique without a register, and the
// same on every replica.
func newKey(public crypto.PublicKey, signer crypto.Signer) (Key, error) {
	alg, err := AlgorithmOf(public)
	if err != nil {
		return Key{}, err
	}
	jwk := jose.JSONWebKey{Key: public}
	thumb, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, fmt.Errorf("keys: thumbprint: %w", err)
	}
	return Key{
		ID:        base64.RawURLEncoding.EncodeToString(thumb),
		Algorithm: alg,
		Signer:    signer,
		Public:    public,
	}, nil
}

// marshalJWK encodes the public half of a key. The encoder would as readily
// write a private or symmetric one, so what it is handed is checked first.
func marshalJWK(k Key) ([]byte, error) {
	if _, err := AlgorithmOf(k.Public); err != nil {
		return nil, err
	}
	jwk := jose.JSONWebKey{Key: k.Public, KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"}
	return jwk.MarshalJSON()
}

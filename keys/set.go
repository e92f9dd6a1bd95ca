package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A Set is the keys of one moment. It never changes, so it may be used from
// any number of goroutines; what its methods return is shared and must not be
// changed either.
type Set struct {
	signing    []Key // active, the default first
	byID       map[string]Key
	algorithms []string
	jwks       []byte
	etag       string
	tokenKey   TokenKey
	tokenKeys  []TokenKey
	root       []byte
}

// material is what a Set is made of.
type material struct {
	// keys to publish, in the order they are published in. Those with a
	// Signer sign; the first of an algorithm that does is the active one.
	keys []Key
	// tokenKeys known, the current one first.
	tokenKeys []TokenKey
	// root is the secret that Derive derives from.
	root []byte
}

// newSet makes a Set.
func newSet(m material) (*Set, error) {
	if len(m.tokenKeys) == 0 {
		return nil, errors.New("keys: no token key")
	}
	s := &Set{
		byID:      make(map[string]Key, len(m.keys)),
		tokenKey:  m.tokenKeys[0],
		tokenKeys: m.tokenKeys,
		root:      m.root,
	}
	for _, k := range m.keys {
		if _, twice := s.byID[k.ID]; twice {
			return nil, fmt.Errorf("keys: key %s is there twice", k.ID)
		}
		s.byID[k.ID] = k
		if k.Signer != nil && !slices.Contains(s.algorithms, k.Algorithm) {
			s.signing = append(s.signing, k)
			s.algorithms = append(s.algorithms, k.Algorithm)
		}
	}
	return s, s.publish(m.keys)
}

// publish makes the JWK Set and its ETag.
func (s *Set) publish(published []Key) error {
	jwks, err := marshalJWKS(published)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(jwks)
	s.jwks = jwks
	s.etag = `"` + base64.RawURLEncoding.EncodeToString(digest[:16]) + `"`
	return nil
}

// Signing returns the key that signs with an algorithm just now; false says
// that there is none.
func (s *Set) Signing(alg string) (Key, bool) {
	for _, k := range s.signing {
		if k.Algorithm == alg {
			return k, true
		}
	}
	return Key{}, false
}

// Lookup returns the published key with an ID: one that is next, active or
// retired. Of these only an active one has a Signer.
func (s *Set) Lookup(kid string) (Key, bool) {
	k, ok := s.byID[kid]
	return k, ok
}

// Algorithms are those that can be signed with just now, the server's default
// first: ES256 where it is among them.
func (s *Set) Algorithms() []string { return s.algorithms }

// JWKS is the JWK Set document (RFC 7517 §5), of public members alone.
func (s *Set) JWKS() []byte { return s.jwks }

// ETag is the entity tag of JWKS, with its quotes (RFC 9110 §8.8.3).
func (s *Set) ETag() string { return s.etag }

// TokenKey is the one new opaque tokens are made with.
func (s *Set) TokenKey() TokenKey { return s.tokenKey }

// TokenKeyByID returns the token key that a token names; false says that
// there is none, or no more.
func (s *Set) TokenKeyByID(id byte) (TokenKey, bool) {
	for _, k := range s.tokenKeys {
		if k.ID == id {
			return k, true
		}
	}
	return TokenKey{}, false
}

// Derive returns a secret for one purpose, named by the label, that stays the
// same however often keys rotate: pairwise subjects must not change.
func (s *Set) Derive(label string) [32]byte {
	return [32]byte(derive(s.root, "derive "+label))
}

// derive is HKDF-SHA-256 without salt (RFC 5869); 32 bytes.
func derive(secret []byte, purpose string) []byte {
	out, err := hkdf.Key(sha256.New, secret, nil, "authserver keys "+purpose, 32)
	if err != nil {
		// Only a length beyond 8160 bytes or a hash that is not approved fails.
		panic(err)
	}
	return out
}

// marshalJWKS encodes public keys as a JWK Set.
func marshalJWKS(published []Key) ([]byte, error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, k := range published {
		jwk, err := marshalJWK(k)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jwk)
	}
	return json.Marshal(set)
}

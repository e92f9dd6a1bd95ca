package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// forTokens is the use of entries that authenticate opaque tokens; the use of
// all others is the algorithm they sign with.
const forTokens = "token"

// tokenSecretSize is the length of a token key's secret and of the root.
const tokenSecretSize = 32

// ring is everything the replicas share: what is sealed into the record. A
// ring is a value; the functions here return another and change none.
type ring struct {
	// Generation counts the changes, so that a store that lost its last
	// writes is noticed.
	Generation int64 `json:"generation"`
	// Root is what Derive derives from. It never changes.
	Root    []byte  `json:"root"`
	Entries []entry `json:"entries"`
}

// entry is one key of the ring. Its times say what it is: next until it is
// activated, then active, and retired from when it was retired.
type entry struct {
	Use string `json:"use"`
	// Number is the ID of a token key. The ID of any other is its thumbprint.
	Number byte `json:"number,omitempty"`
	// Secret is a PKCS #8 private key, or the bytes of a token key.
	Secret      []byte    `json:"secret"`
	PublishedAt time.Time `json:"published_at"`
	ActivatedAt time.Time `json:"activated_at,omitzero"`
	RetiredAt   time.Time `json:"retired_at,omitzero"`
}

// state is where an entry is in its life.
type state int

const (
	next state = iota
	active
	retired
)

func (e entry) state() state {
	switch {
	case !e.RetiredAt.IsZero():
		return retired
	case !e.ActivatedAt.IsZero():
		return active
	}
	return next
}

// find returns the index of the one entry of a use that is next or active, or
// -1.
func (r ring) find(use string, s state) int {
	return slices.IndexFunc(r.Entries, func(e entry) bool { return e.Use == use && e.state() == s })
}

// newRing makes the first ring: each use has an active key at once, as nobody
// has an older JWK Set in a cache.
func newRing(uses []string, now time.Time) (ring, error) {
	r := ring{Root: randomSecret()}
	for _, use := range uses {
		e, err := newEntry(use, 1, now)
		if err != nil {
			return ring{}, err
		}
		e.ActivatedAt = now
		r.Entries = append(r.Entries, e)
	}
	return r, nil
}

// newEntry makes a key that is next.
func newEntry(use string, number byte, now time.Time) (entry, error) {
	e := entry{Use: use, PublishedAt: now}
	if use == forTokens {
		e.Number, e.Secret = number, randomSecret()
		return e, nil
	}
	private, err := generate(use)
	if err != nil {
		return entry{}, err
	}
	e.Secret, err = x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return entry{}, fmt.Errorf("keys: encode: %w", err)
	}
	return e, nil
}

func randomSecret() []byte {
	b := make([]byte, tokenSecretSize)
	_, _ = rand.Read(b) // never fails
	return b
}

// generate makes a private key.
func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, minRSABits)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("keys: algorithm %q is none of ES256, RS256, EdDSA", alg)
}

// signer decodes the private key of an entry.
func (e entry) signer() (crypto.Signer, error) {
	private, err := x509.ParsePKCS8PrivateKey(e.Secret)
	if err != nil {
		// The cause could quote key bytes.
		return nil, errors.New("keys: a key of the ring cannot be decoded")
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("keys: a key of the ring cannot sign")
	}
	return signer, nil
}

// set makes the Set of a ring. It signs with the given algorithms, the default
// first, and publishes the active keys, then those that are next, then the
// retired ones. Uses this version does not know are left alone: a later
// version shares the ring.
func (r ring) set(algorithms []string) (*Set, error) {
	m := material{root: r.Root}
	for _, s := range []state{active, next, retired} {
		for _, use := range []string{forTokens, ES256, RS256, EdDSA} {
			if err := m.add(r.Entries, use, s, slices.Contains(algorithms, use)); err != nil {
				return nil, err
			}
		}
	}
	if len(m.tokenKeys) == 0 || r.find(forTokens, active) < 0 {
		return nil, errors.New("keys: the ring has no active token key")
	}
	sortByAlgorithm(m.keys, algorithms)
	return newSet(m)
}

// add adds the entries of one use in one state; only active ones sign.
func (m *material) add(entries []entry, use string, s state, sign bool) error {
	for _, e := range entries {
		if e.Use != use || e.state() != s {
			continue
		}
		if use == forTokens {
			m.tokenKeys = append(m.tokenKeys, TokenKey{ID: e.Number, Secret: e.Secret})
			continue
		}
		signer, err := e.signer()
		if err != nil {
			return err
		}
		k, err := newKey(signer.Public(), signer)
		if err != nil {
			return err
		}
		if k.Algorithm != use {
			return fmt.Errorf("keys: a key of the ring is for %s and not %s", k.Algorithm, use)
		}
		if s != active || !sign {
			k.Signer = nil
		}
		m.keys = append(m.keys, k)
	}
	return nil
}

// sortByAlgorithm puts keys that sign in the order of the algorithms, and
// before all others.
func sortByAlgorithm(published []Key, algorithms []string) {
	rank := func(k Key) int {
		if k.Signer == nil {
			return len(algorithms)
		}
		return slices.Index(algorithms, k.Algorithm)
	}
	slices.SortStableFunc(published, func(a, b Key) int { return rank(a) - rank(b) })
}

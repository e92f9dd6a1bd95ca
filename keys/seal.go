package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// The faults of a stored ring. Neither is mended by trying again; while a
// server has a ring in memory it goes on with that.
var (
	// ErrWrongSecret: the ring in storage is sealed under a secret that is
	// neither the current one nor among the previous ones.
	ErrWrongSecret = errors.New("keys: the ring in storage is sealed under another secret")
	// ErrDamaged: the ring in storage was changed by something else.
	ErrDamaged = errors.New("keys: the ring in storage is damaged")
)

// sealVersion is the form of the record.
const sealVersion = 1

// envelope is the record's Data: JSON with a version field.
type envelope struct {
	Version int `json:"v"`
	// SecretID tells a wrong secret from a damaged ring. It is derived from
	// the secret and says nothing about it.
	SecretID string `json:"secret_id"`
	Sealed   []byte `json:"sealed"`
}

// A sealer seals rings under one secret: AES-256-GCM with a random nonce.
type sealer struct {
	id   string
	aead cipher.AEAD
}

// newSealers makes a sealer of each secret, after checking it.
func newSealers(secrets [][]byte) ([]sealer, error) {
	var sealers []sealer
	for _, secret := range secrets {
		if err := checkSecret(secret); err != nil {
			return nil, err
		}
		s, err := newSealer(secret)
		if err != nil {
			return nil, err
		}
		sealers = append(sealers, s)
	}
	return sealers, nil
}

func newSealer(secret []byte) (sealer, error) {
	block, err := aes.NewCipher(derive(secret, "seal"))
	if err != nil {
		return sealer{}, fmt.Errorf("keys: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealer{}, fmt.Errorf("keys: %w", err)
	}
	return sealer{id: hex.EncodeToString(derive(secret, "seal id")[:8]), aead: aead}, nil
}

// seal returns a record's Data.
func (s sealer) seal(r ring) ([]byte, error) {
	plain, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("keys: encode: %w", err)
	}
	return json.Marshal(envelope{
		Version:  sealVersion,
		SecretID: s.id,
		Sealed:   s.aead.Seal(nil, nil, plain, []byte(s.id)),
	})
}

// open returns the ring in a record's Data, and the ID of the secret it was
// sealed under.
func open(data []byte, sealers []sealer) (r ring, secretID string, err error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return ring{}, "", ErrDamaged
	}
	if e.Version != sealVersion {
		return ring{}, "", fmt.Errorf("keys: the ring in storage has form %d, which this version does not know", e.Version)
	}
	for _, s := range sealers {
		if s.id != e.SecretID {
			continue
		}
		plain, err := s.aead.Open(nil, nil, e.Sealed, []byte(s.id))
		if err != nil {
			return ring{}, "", ErrDamaged
		}
		r, err := decodeRing(plain)
		return r, s.id, err
	}
	return ring{}, "", ErrWrongSecret
}

// decodeRing decodes what was sealed and checks what set and maintain rely on.
func decodeRing(plain []byte) (ring, error) {
	var r ring
	if err := json.Unmarshal(plain, &r); err != nil {
		return ring{}, ErrDamaged // the cause could quote key bytes
	}
	if len(r.Root) != tokenSecretSize {
		return ring{}, ErrDamaged
	}
	type place struct {
		use   string
		state state
	}
	taken := map[place]bool{}
	numbers := map[byte]bool{}
	for _, e := range r.Entries {
		at := place{e.Use, e.state()}
		if at.state != retired && taken[at] {
			return ring{}, ErrDamaged
		}
		taken[at] = true
		if e.Use == forTokens {
			if numbers[e.Number] || len(e.Secret) != tokenSecretSize {
				return ring{}, ErrDamaged
			}
			numbers[e.Number] = true
		}
	}
	return r, nil
}

// sameRoot reports whether two rings are the same one at different times.
func sameRoot(a, b ring) bool { return bytes.Equal(a.Root, b.Root) }

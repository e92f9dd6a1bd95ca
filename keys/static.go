package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
)

// StaticOptions are the keys of a Source that never changes.
type StaticOptions struct {
	// Signers sign. If there are several of one algorithm the first signs and
	// the others are published only. At least one is required.
	Signers []crypto.Signer
	// VerifyOnly are published but do not sign: the public keys of signers
	// that are to come, and of those that are gone while a token they signed
	// is still valid. A host that changes its signers publishes a new one
	// here first, for longer than the JWK Set is cached.
	VerifyOnly []crypto.PublicKey
}

// Static returns a Source of keys that the host brings, from files or as
// handles of a KMS or HSM: ECDSA P-256, RSA of at least 2048 bits, Ed25519.
// See StaticWith.
func Static(secret []byte, signers ...crypto.Signer) (Source, error) {
	return StaticWith(secret, StaticOptions{Signers: signers})
}

// StaticWith returns a Source that always answers with the same keys. The
// secret, of at least 32 random bytes, is what opaque tokens are authenticated
// with and pairwise subjects are derived from: with another secret all of
// them change, so it is kept for good and is the same on every replica. Signers
// must be safe for concurrent use. All faults are reported at once, joined.
func StaticWith(secret []byte, opts StaticOptions) (Source, error) {
	published, err := staticKeys(opts)
	if err := errors.Join(checkSecret(secret), err); err != nil {
		return nil, err
	}
	set, err := newSet(material{
		keys:      published,
		tokenKeys: []TokenKey{{ID: 1, Secret: derive(secret, "static token key")}},
		root:      derive(secret, "static root"),
	})
	if err != nil {
		return nil, err
	}
	return static{set}, nil
}

// static is a Source with one Set.
type static struct{ set *Set }

func (s static) Keys(context.Context) (*Set, error) { return s.set, nil }

// staticKeys are the keys to publish, the default first. Of each algorithm
// the first signer alone keeps its Signer.
func staticKeys(opts StaticOptions) ([]Key, error) {
	var published []Key
	var faults []error
	if len(opts.Signers) == 0 {
		faults = append(faults, errors.New("keys: no signer"))
	}
	add := func(what string, i int, public crypto.PublicKey, signer crypto.Signer) {
		k, err := hostKey(public, signer)
		if err == nil && slices.ContainsFunc(published, func(o Key) bool { return o.ID == k.ID }) {
			err = errors.New("keys: the same key twice")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s %d: %w", what, i+1, err))
			return
		}
		if slices.ContainsFunc(published, func(o Key) bool { return o.Algorithm == k.Algorithm }) {
			k.Signer = nil
		}
		published = append(published, k)
	}
	for i, signer := range opts.Signers {
		if signer == nil {
			faults = append(faults, fmt.Errorf("signer %d: keys: is nil", i+1))
			continue
		}
		add("signer", i, signer.Public(), signer)
	}
	for i, public := range opts.VerifyOnly {
		add("verify-only key", i, public, nil)
	}
	preferES256(published)
	return published, errors.Join(faults...)
}

// hostKey is newKey for a key from outside, which need not be a sound one.
func hostKey(public crypto.PublicKey, signer crypto.Signer) (Key, error) {
	if ec, ok := public.(*ecdsa.PublicKey); ok && ec != nil {
		if ec.X == nil || ec.Y == nil {
			return Key{}, errUnsupportedKey
		}
		if _, err := ec.ECDH(); err != nil {
			return Key{}, fmt.Errorf("keys: %w", err)
		}
	}
	return newKey(public, signer)
}

// preferES256 moves keys of ES256 to the front and keeps all other order.
func preferES256(published []Key) {
	rank := func(k Key) int {
		if k.Algorithm == ES256 {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(published, func(a, b Key) int { return rank(a) - rank(b) })
}

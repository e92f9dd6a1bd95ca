package clientauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// How many right chosen secrets are remembered, and how long.
const (
	maxProofs = 1024
	proofLife = 5 * time.Minute
)

// proofs remembers which chosen secrets were found right, so that a busy
// client does not cost a slow hash for each token. A proof is a MAC of digest
// and secret under a key of this process: it tells nothing, and a secret that
// was replaced has another digest and so no proof. The zero value is ready.
type proofs struct {
	once  sync.Once
	key   [sha256.Size]byte
	known *lru.Cache[proof, time.Time]
}

type proof [sha256.Size]byte

func (p *proofs) init() {
	_, _ = rand.Read(p.key[:]) // never fails
	known, err := lru.New[proof, time.Time](maxProofs)
	if err != nil {
		panic("clientauth: " + err.Error()) // only for a size that is not positive
	}
	p.known = known
}

// of is the proof that a secret belongs to a digest.
func (p *proofs) of(digest, secret string) (sum proof) {
	p.once.Do(p.init)
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(digest))
	mac.Write([]byte{0})
	mac.Write([]byte(secret))
	mac.Sum(sum[:0])
	return sum
}

// has reports whether a proof was added and is not too old.
func (p *proofs) has(sum proof) bool {
	added, found := p.known.Get(sum)
	return found && time.Since(added) < proofLife
}

// add remembers a proof.
func (p *proofs) add(sum proof) { p.known.Add(sum, time.Now()) }

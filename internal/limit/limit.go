// Package limit counts failures by key, in one process and in bounded memory,
// and says whose failures share a key: account names and addresses that differ
// only in how they are written.
//
// It owns no policy: what is counted, and how much is too much, is the
// caller's. Counters that replicas must share are records of a storage.
package limit

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A Limit is how many failures a key may have within a window. The window
// begins with the first failure.
type Limit struct {
	// Max failures in a window. Zero or less means no limit.
	Max int
	// Window is how long they are remembered.
	Window time.Duration
}

// DefaultKeys is how many keys a Keyed remembers when it is not told.
const DefaultKeys = 100_000

// longKey is the length in bytes from which a key is kept as its digest, so
// that memory is bounded by the number of keys alone.
const longKey = 128

// Keyed counts failures by key. A guess is taken before it is checked and
// given back when it was right, so that any number of guesses at once never
// passes the limit. When it is full it forgets the key that was used least
// recently. A nil *Keyed limits nothing. Its methods may be called from many
// goroutines at once.
type Keyed struct {
	limit Limit

	mu       sync.Mutex
	counters *simplelru.LRU[string, *counter]
}

// A counter is the failures of one key in the window that ends at end.
type counter struct {
	failures int
	end      time.Time
}

// New returns a Keyed that remembers at most maxKeys keys; zero or less means
// DefaultKeys. A limit without Max or Window limits nothing.
func New(l Limit, maxKeys int) *Keyed {
	if l.Max <= 0 || l.Window <= 0 {
		return nil
	}
	if maxKeys <= 0 {
		maxKeys = DefaultKeys
	}
	counters, err := simplelru.NewLRU[string, *counter](maxKeys, nil)
	if err != nil {
		panic("limit: " + err.Error()) // only for a size that is not positive
	}
	return &Keyed{limit: l, counters: counters}
}

// Take counts one attempt as failed and reports whether it may be made. When
// it may not, nothing is counted and retryAfter is how long the window still
// lasts.
func (k *Keyed) Take(key string) (ok bool, retryAfter time.Duration) {
	if k == nil {
		return true, 0
	}
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.counter(bounded(key), now)
	if c.failures >= k.limit.Max {
		return false, c.end.Sub(now)
	}
	c.failures++
	return true, 0
}

// counter is the live counter of a key, made if there is none.
func (k *Keyed) counter(key string, now time.Time) *counter {
	if c, found := k.counters.Get(key); found && now.Before(c.end) {
		return c
	}
	c := &counter{end: now.Add(k.limit.Window)}
	k.counters.Add(key, c)
	return c
}

// Forgive gives back one attempt that Take counted: it was no failure. The
// failures before it stay counted, or guesses made at the same time as a right
// one would not be.
func (k *Keyed) Forgive(key string) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, found := k.counters.Peek(bounded(key)); found && c.failures > 0 {
		c.failures--
	}
}

// Reset forgets every failure of a key, as an operator who unlocks an account
// wants.
func (k *Keyed) Reset(key string) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.counters.Remove(bounded(key))
}

// bounded is the key itself, or the digest of a long one.
func bounded(key string) string {
	if len(key) < longKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return string(sum[:])
}

// Exceeded is the cause of a refusal for too many failures.
type Exceeded struct {
	// After is when another attempt may be made, counted from now.
	After time.Duration
}

// Error says how long to wait.
func (e *Exceeded) Error() string {
	return fmt.Sprintf("limit: exceeded for another %s", e.After.Round(time.Second))
}

// RetryAfter is After; writers of responses ask for it.
func (e *Exceeded) RetryAfter() time.Duration { return e.After }

package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// ErrUnknownKey is what Remove answers for an ID that no key has.
var ErrUnknownKey = errors.New("keys: no such key")

// ManagedOptions say how a Ring is kept. The zero value is sound.
type ManagedOptions struct {
	// Algorithms to sign with, ES256, RS256 or EdDSA. The first is the default
	// of clients that ask for none, unless ES256 is among them, which then is.
	// If nil, ES256 and RS256. One that is added signs after PublishAhead; one
	// that is left out signs no more, and its keys go in time.
	Algorithms []string
	// RotateEvery is how long a key is active. Zero means 90 days.
	RotateEvery time.Duration
	// PublishAhead is how long a key is published before it signs: longer
	// than anybody caches the JWK Set. Zero means 24 hours.
	PublishAhead time.Duration
	// Retain is how long a signing key is published after it was active: at
	// least as long as any ID token or JWT access token lives. Zero means 48
	// hours.
	Retain time.Duration
	// TokenRetain is how long a key of opaque tokens verifies after it was
	// active: at least as long as a refresh token may go unused. Zero means
	// 100 days.
	TokenRetain time.Duration
	// RefreshEvery is how often storage is asked whether another replica
	// changed the ring: one read, in the background. Zero means 1 minute.
	// A change is seen on every replica that is in use within twice as long.
	RefreshEvery time.Duration
	// PreviousSecrets still open a ring. It is sealed under the current
	// secret the next time it is read, so once every replica runs with the
	// new secret the previous one can be left out. A replica that knows only
	// the old one then goes on with what it has in memory, but cannot start:
	// where that matters, the new secret is listed here first, everywhere.
	PreviousSecrets [][]byte
	// Logger is told of changes of the ring, and of trouble with it. If nil,
	// slog.Default.
	Logger *slog.Logger
}

// The defaults of ManagedOptions.
const (
	defaultRotateEvery  = 90 * 24 * time.Hour
	defaultPublishAhead = 24 * time.Hour
	defaultRetain       = 48 * time.Hour
	defaultTokenRetain  = 100 * 24 * time.Hour
	defaultRefreshEvery = time.Minute
)

// A Ring is a Source that keeps its keys in storage and rotates them by
// itself. All replicas that share the storage and the secret share the ring:
// whichever finds that something is due does it, by compare-and-swap, and the
// others adopt it. It is safe for concurrent use, starts nothing that runs on
// when it is not used, and needs no closing.
type Ring struct {
	storage storage.Storage
	sealers []sealer // the current secret's first
	policy  policy
	every   time.Duration
	log     *slog.Logger

	started time.Time    // read by its monotonic clock
	looked  atomic.Int64 // when storage was last asked: nanoseconds since started
	view    atomic.Pointer[view]
	writing chan struct{} // holds one token: who has it may change view

	mu       sync.Mutex
	inFlight *look
}

// A view is what a replica knows of the ring.
type view struct {
	set      *Set
	ring     ring
	version  int64 // of the record
	secretID string
}

// Managed returns a Source that keeps its keys in storage, sealed under a key
// derived from the host's secret: at least 32 random bytes, the same on every
// replica, not kept in that storage. Nothing is read before the first use. All
// faults are reported at once, joined.
func Managed(st storage.Storage, secret []byte, opts ManagedOptions) (*Ring, error) {
	opts = opts.withDefaults()
	sealers, err := newSealers(append([][]byte{secret}, opts.PreviousSecrets...))
	if err := errors.Join(err, opts.check()); err != nil {
		return nil, err
	}
	if st == nil {
		return nil, errors.New("keys: no storage")
	}
	r := &Ring{
		storage: st,
		sealers: sealers,
		policy:  opts.policy(),
		every:   opts.RefreshEvery,
		log:     opts.Logger,
		started: time.Now(),
		writing: make(chan struct{}, 1),
	}
	return r, nil
}

// withDefaults fills in what is zero.
func (o ManagedOptions) withDefaults() ManagedOptions {
	if o.Algorithms == nil {
		o.Algorithms = []string{ES256, RS256}
	}
	setDefault(&o.RotateEvery, defaultRotateEvery)
	setDefault(&o.PublishAhead, defaultPublishAhead)
	setDefault(&o.Retain, defaultRetain)
	setDefault(&o.TokenRetain, defaultTokenRetain)
	setDefault(&o.RefreshEvery, defaultRefreshEvery)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// check reports every fault of options that have their defaults.
func (o ManagedOptions) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(o.Algorithms) == 0 {
		fault("keys: Algorithms is empty")
	}
	for i, alg := range o.Algorithms {
		if !slices.Contains([]string{ES256, RS256, EdDSA}, alg) {
			fault("keys: Algorithms: %q is none of ES256, RS256, EdDSA", alg)
		}
		if slices.Contains(o.Algorithms[:i], alg) {
			fault("keys: Algorithms: %s is there twice", alg)
		}
	}
	if min(o.RotateEvery, o.PublishAhead, o.Retain, o.TokenRetain, o.RefreshEvery) < 0 {
		fault("keys: a duration is negative")
	}
	if o.RefreshEvery < time.Second {
		fault("keys: RefreshEvery is under a second")
	}
	if o.PublishAhead+2*o.RefreshEvery > o.RotateEvery {
		fault("keys: RotateEvery is shorter than PublishAhead and twice RefreshEvery")
	}
	return errors.Join(faults...)
}

// policy is the options as the ring's functions take them.
func (o ManagedOptions) policy() policy {
	uses := slices.Clone(o.Algorithms)
	if i := slices.Index(uses, ES256); i > 0 {
		uses = append([]string{ES256}, slices.Delete(uses, i, i+1)...)
	}
	return policy{
		uses:         append(uses, forTokens),
		rotateEvery:  o.RotateEvery,
		publishAhead: o.PublishAhead,
		retain:       o.Retain,
		tokenRetain:  o.TokenRetain,
		lag:          2 * o.RefreshEvery,
	}
}

// Rotate makes the next keys active at once and retires the active ones, which
// still verify what they signed. Clients that cached the JWK Set before the
// next keys were published refuse what these sign until they fetch it again,
// so a second call within PublishAhead is for emergencies.
func (r *Ring) Rotate(ctx context.Context) error {
	return r.change(ctx, "rotated on demand", func(g ring, now time.Time) (ring, bool, error) {
		g, err := g.rotate(r.policy, now)
		return g, true, err
	})
}

// Remove takes a signing key out of the ring: what it signed is refused at
// once here, and on other replicas within twice RefreshEvery. If it is active
// the next key takes its place. It is what to do about a key that became
// known. It returns ErrUnknownKey if no key has that ID.
func (r *Ring) Remove(ctx context.Context, kid string) error {
	return r.change(ctx, "key removed", func(g ring, now time.Time) (ring, bool, error) {
		g, err := g.remove(kid, now)
		return g, true, err
	})
}

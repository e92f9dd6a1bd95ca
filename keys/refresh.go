package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/seed36673005/authserver/storage"
)

const (
	// ringKey is the key of the one record.
	ringKey = "ring"
	// attempts at a compare-and-swap, against any number of replicas that
	// start at once: each conflict means that another one succeeded.
	attempts = 16
	// patience is how long a request waits for storage when the view is old.
	patience = time.Second
	// lookTimeout ends a look at storage that does not answer.
	lookTimeout = 15 * time.Second
)

// A look is one refresh that is under way, and whoever waits for it.
type look struct {
	started time.Time
	done    chan struct{}
	err     error // once done is closed and there still is no view
}

// Keys answers from memory. It asks storage in the background once in
// RefreshEvery, and waits for the answer only if there is none in memory yet,
// or, for a second at most, if nobody asked for keys during more than twice
// RefreshEvery and another replica may have rotated them. While storage cannot
// be reached it goes on with the keys it has.
func (r *Ring) Keys(ctx context.Context) (*Set, error) {
	v := r.view.Load()
	if v == nil {
		return r.first(ctx)
	}
	age := time.Since(r.started) - time.Duration(r.looked.Load())
	if age < r.every {
		return v.set, nil
	}
	l := r.look()
	if age < 2*r.every {
		return v.set, nil
	}
	return r.patiently(ctx, l), nil
}

// first waits for the first view.
func (r *Ring) first(ctx context.Context) (*Set, error) {
	l := r.look()
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("keys: first load: %w", ctx.Err())
	case <-l.done:
	}
	if v := r.view.Load(); v != nil {
		return v.set, nil
	}
	return nil, l.err
}

// patiently waits for a look, but not long, and returns the best there is.
func (r *Ring) patiently(ctx context.Context, l *look) *Set {
	timer := time.NewTimer(patience - time.Since(l.started))
	defer timer.Stop()
	select {
	case <-l.done:
	case <-ctx.Done():
	case <-timer.C:
	}
	return r.view.Load().set
}

// look starts a refresh, or joins the one that is under way.
func (r *Ring) look() *look {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inFlight == nil {
		r.inFlight = &look{started: time.Now(), done: make(chan struct{})}
		go r.refresh(r.inFlight)
	}
	return r.inFlight
}

// refresh asks storage and does what is due. Whoever waits is let go as soon
// as the view is up to date: making a new key can take a second.
func (r *Ring) refresh(l *look) {
	ready := sync.OnceFunc(func() {
		r.looked.Store(int64(time.Since(r.started)))
		close(l.done)
	})
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	err := r.change(ctx, "maintained", func(g ring, now time.Time) (ring, bool, error) {
		ready()
		return g.maintain(r.policy, now)
	})
	if err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "keys: ring not refreshed", slog.Any("error", err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l.err = err
	ready()
	r.inFlight = nil
}

// A changeFunc returns the ring that is to take the place of one, and whether
// it is another.
type changeFunc func(g ring, now time.Time) (ring, bool, error)

// change brings the view up to date and applies f to the ring, anew for as
// long as other replicas are faster.
func (r *Ring) change(ctx context.Context, what string, f changeFunc) error {
	select {
	case r.writing <- struct{}{}:
		defer func() { <-r.writing }()
	case <-ctx.Done():
		return fmt.Errorf("keys: %w", ctx.Err())
	}
	var err error
	for range attempts {
		err = r.attempt(ctx, what, f)
		if !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrExists) && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return err
}

// attempt is one round of change. It fails with ErrConflict, ErrExists or
// ErrNotFound if another replica was faster.
func (r *Ring) attempt(ctx context.Context, what string, f changeFunc) error {
	if err := r.read(ctx); err != nil {
		return err
	}
	v := r.view.Load()
	g, changed, err := f(v.ring, wallClock())
	if err != nil {
		return err
	}
	if !changed && v.secretID == r.sealers[0].id {
		return nil
	}
	g.Generation = v.ring.Generation + 1
	if err := r.replace(ctx, g, v.version); err != nil {
		return err
	}
	r.log.LogAttrs(ctx, slog.LevelInfo, "keys: ring changed",
		slog.String("change", what), slog.Int64("generation", g.Generation))
	return nil
}

// read brings the view up to date, and creates the record if there is none.
func (r *Ring) read(ctx context.Context) error {
	rec, err := r.storage.Get(ctx, storage.KindKey, ringKey)
	if errors.Is(err, storage.ErrNotFound) {
		return r.create(ctx)
	}
	if err != nil {
		return fmt.Errorf("keys: read the ring: %w", err)
	}
	old := r.view.Load()
	if old != nil && old.version == rec.Version {
		return nil
	}
	g, secretID, err := open(rec.Data, r.sealers)
	if err != nil {
		return err
	}
	if old != nil && r.restores(ctx, old.ring, g) {
		return r.replace(ctx, old.ring, rec.Version)
	}
	return r.show(g, rec.Version, secretID)
}

// restores reports whether the ring in memory is to be put back: storage holds
// an older one, as after a failover that lost the last writes.
func (r *Ring) restores(ctx context.Context, mine, stored ring) bool {
	if !sameRoot(mine, stored) {
		r.log.LogAttrs(ctx, slog.LevelError, "keys: storage holds another ring, adopted: tokens of the old one are void")
		return false
	}
	if stored.Generation >= mine.Generation {
		return false
	}
	r.log.LogAttrs(ctx, slog.LevelError, "keys: storage holds an older ring, replaced by the one in memory",
		slog.Int64("stored", stored.Generation), slog.Int64("generation", mine.Generation))
	return true
}

// create makes the record: of the ring in memory, if the store has lost it,
// and of a new one only if this process never had any.
func (r *Ring) create(ctx context.Context) error {
	var g ring
	if old := r.view.Load(); old != nil {
		g = old.ring
		r.log.LogAttrs(ctx, slog.LevelError, "keys: storage has lost the ring, put back from memory")
	} else {
		var err error
		if g, err = newRing(r.policy.uses, wallClock()); err != nil {
			return err
		}
	}
	data, err := r.sealers[0].seal(g)
	if err != nil {
		return err
	}
	rec, err := r.storage.Create(ctx, storage.Record{Kind: storage.KindKey, Key: ringKey, Data: data})
	if err != nil {
		return fmt.Errorf("keys: create the ring: %w", err)
	}
	return r.show(g, rec.Version, r.sealers[0].id)
}

// replace stores a ring in place of the version that was read. What is not
// known to be stored is never used: other replicas would not know it.
func (r *Ring) replace(ctx context.Context, g ring, version int64) error {
	data, err := r.sealers[0].seal(g)
	if err != nil {
		return err
	}
	rec, err := r.storage.Replace(ctx, storage.Record{Kind: storage.KindKey, Key: ringKey, Version: version, Data: data})
	if err != nil {
		return fmt.Errorf("keys: store the ring: %w", err)
	}
	return r.show(g, rec.Version, r.sealers[0].id)
}

// show makes a stored ring the view.
func (r *Ring) show(g ring, version int64, secretID string) error {
	algorithms := slices.DeleteFunc(slices.Clone(r.policy.uses), func(use string) bool { return use == forTokens })
	set, err := g.set(algorithms)
	if err != nil {
		return err
	}
	r.view.Store(&view{set: set, ring: g, version: version, secretID: secretID})
	return nil
}

// wallClock is the time as replicas can share it.
func wallClock() time.Time { return time.Now().UTC().Round(0) }

package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// How long a busy database is tried, and the waits between: short at first,
// since most writers are done within a millisecond.
const (
	patience  = 5 * time.Second
	firstWait = time.Millisecond
	maxWait   = 50 * time.Millisecond
)

// patiently calls do again while it fails because the database is busy. The
// waiting is done here and not in the database, so that it ends with ctx.
func (s *Store) patiently(ctx context.Context, do func() error) error {
	began := time.Now()
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		err := do()
		if err == nil || !s.dialect.busy(err) || time.Since(began) > patience {
			return inContext(ctx, err)
		}
		// Spread out, so that those who wait do not collide again.
		if pause(ctx, wait/2+rand.N(wait)) != nil {
			return inContext(ctx, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inContext adds to err that ctx had ended; drivers word that in their own way.
func inContext(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

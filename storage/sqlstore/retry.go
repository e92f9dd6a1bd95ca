package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// How long a busy database is tried, and one that cannot be reached, and the
// waits between: short at first, since most writers are done within a
// millisecond.
const (
	patience  = 5 * time.Second
	absence   = time.Second
	firstWait = time.Millisecond
	maxWait   = 50 * time.Millisecond
)

// patiently calls do again while it fails in a way that had no effect: the
// database is busy, or was not reached. The waiting is done here and not in
// the database, so that it ends with ctx.
func (s *Store) patiently(ctx context.Context, do func() error) error {
	began := time.Now()
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		err := do()
		if err == nil || time.Since(began) >= s.patience(err) {
			return inContext(ctx, err)
		}
		// Spread out, so that those who wait do not collide again.
		if pause(ctx, wait/2+rand.N(wait)) != nil {
			return inContext(ctx, err)
		}
	}
}

// patience is how long what failed is tried; zero if it may have had an
// effect, or would fail again.
func (s *Store) patience(err error) time.Duration {
	switch {
	case s.dialect.busy(err):
		return patience
	case s.dialect.unreached(err), unsent(err):
		return absence
	}
	return 0
}

// unsent reports that there was no connection to send a statement by. Drivers
// answer ErrBadConn only if the database cannot have seen the statement.
func unsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" || errors.Is(err, driver.ErrBadConn)
}

// read is patiently for what changes nothing: it is tried again whatever else
// went wrong, for a connection may have been cut.
func (s *Store) read(ctx context.Context, do func() error) error {
	const tries = 3
	for try := 1; ; try++ {
		err := s.patiently(ctx, do)
		tried := err == nil || errors.Is(err, sql.ErrNoRows) || s.patience(err) > 0
		if tried || ctx.Err() != nil || try == tries {
			return err
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

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// sweepBatch bounds how long one statement of a Sweep keeps other writers
// waiting. PostgreSQL's statement has the number too.
const sweepBatch = 500

// Sweep implements storage.Sweeper. Those that expired first go first; its
// cost grows with what it removes, not with what is stored.
func (s *Store) Sweep(ctx context.Context, limit int) (removed int, err error) {
	for removed < limit {
		batch := min(limit-removed, sweepBatch)
		n, err := s.exec(ctx, s.do.sweep, now{}, batch)
		if err != nil {
			return removed, fmt.Errorf("sqlstore: sweep: %w", err)
		}
		removed += int(n)
		if int(n) < batch {
			break
		}
	}
	return removed, nil
}

// probe is the record that Health writes. It has always expired: no one finds
// it, and each Create takes the place of the last.
var probe = storage.Record{Kind: "health", Key: "probe", ExpiresAt: time.UnixMilli(1)}

// Health implements storage.Health: it writes a record, as durably as any,
// and reads it.
func (s *Store) Health(ctx context.Context) error {
	if _, err := s.Create(ctx, probe); err != nil {
		return err
	}
	if _, err := s.Get(ctx, probe.Kind, probe.Key); !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return nil
}

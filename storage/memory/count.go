package memory

import (
	"context"
	"maps"

	"github.com/seed36673005/authserver/storage"
)

var _ storage.Counter = (*Store)(nil)

// Count implements storage.Counter. Its cost grows with what has expired.
func (s *Store) Count(ctx context.Context) (storage.Counts, error) {
	if err := ended(ctx); err != nil {
		return storage.Counts{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := storage.Counts{Records: maps.Clone(s.kinds), Expired: s.expiry.past(0)}
	if c.Expired > 0 {
		c.OldestExpiry = s.expiry[0].ExpiresAt
	}
	return c, nil
}

// past is how many have expired of the part of the heap that i is the top of.
func (h byExpiry) past(i int) int64 {
	if i >= len(h) || h[i].live() {
		return 0
	}
	return 1 + h.past(2*i+1) + h.past(2*i+2)
}

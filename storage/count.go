package storage

import (
	"context"
	"time"
)

// A Counter is a Storage that can tell how much it holds. It is found by type
// assertion.
type Counter interface {
	// Count counts the records. It may read an index from end to end, so it
	// is for a gauge that is read every few minutes, not for requests. What
	// is written meanwhile may or may not be counted.
	Count(ctx context.Context) (Counts, error)
}

// Counts is how much a Storage holds.
type Counts struct {
	// Records is how many there are of each kind, those included that have
	// expired and are not yet swept. A kind without records is left out.
	Records map[Kind]int64
	// Expired is how many of them have expired.
	Expired int64
	// OldestExpiry is when the first of those expired; zero if there is
	// none. How long ago that was is how far Sweep is behind.
	OldestExpiry time.Time
}

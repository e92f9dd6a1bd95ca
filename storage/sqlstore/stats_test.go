package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

func TestCount(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		countsRecords(t, s)
	})
	t.Run("servers", func(t *testing.T) {
		onEach(t, func(t *testing.T, s server) { countsRecords(t, s.store(t, s.database(t))) })
	})
}

func countsRecords(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	require.NoError(t, s.Health(ctx)) // its record is none
	holds(t, s, storage.Counts{Records: map[storage.Kind]int64{}})

	oldest := time.Now().Add(-2 * time.Hour).Truncate(time.Millisecond).UTC()
	for i := range 10 {
		r := record(fmt.Sprint("key", i))
		if i < 5 {
			r.ExpiresAt = oldest.Add(time.Duration((i+3)%5) * time.Minute)
		}
		_, err := s.Create(ctx, r)
		require.NoError(t, err)
		r.Kind, r.ExpiresAt = storage.KindClient, time.Time{}
		_, err = s.Create(ctx, r)
		require.NoError(t, err)
	}
	holds(t, s, storage.Counts{
		Records: map[storage.Kind]int64{storage.KindGrant: 10, storage.KindClient: 10}, Expired: 5, OldestExpiry: oldest,
	})
	require.NoError(t, s.Delete(ctx, "health", "probe"))
	_, err := s.Sweep(ctx, 3)
	require.NoError(t, err)
	holds(t, s, storage.Counts{
		Records: map[storage.Kind]int64{storage.KindGrant: 7, storage.KindClient: 10}, Expired: 2, OldestExpiry: oldest.Add(3 * time.Minute),
	})

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.Count(ended)
	require.ErrorIs(t, err, context.Canceled)
}

func holds(t *testing.T, s storage.Counter, want storage.Counts) {
	t.Helper()
	got, err := s.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

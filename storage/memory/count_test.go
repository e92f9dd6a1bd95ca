package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

func TestCount(t *testing.T) {
	s, ctx := memory.New(), t.Context()
	empty, err := s.Count(ctx)
	require.NoError(t, err)
	require.Equal(t, storage.Counts{}, empty)

	oldest := time.Now().Add(-2 * time.Hour).Truncate(time.Millisecond).UTC()
	for i := range 10 {
		r := record(i)
		if i < 5 {
			r.ExpiresAt = oldest.Add(time.Duration((i+3)%5) * time.Minute)
		}
		_, err := s.Create(ctx, r)
		require.NoError(t, err)
		r.Kind, r.ExpiresAt = storage.KindClient, time.Time{}
		_, err = s.Create(ctx, r)
		require.NoError(t, err)
	}
	require.NoError(t, s.Delete(ctx, storage.KindClient, "key0"))
	count(t, s, storage.Counts{
		Records: map[storage.Kind]int64{storage.KindGrant: 10, storage.KindClient: 9}, Expired: 5, OldestExpiry: oldest,
	})

	_, err = s.Sweep(ctx, 3)
	require.NoError(t, err)
	count(t, s, storage.Counts{
		Records: map[storage.Kind]int64{storage.KindGrant: 7, storage.KindClient: 9}, Expired: 2, OldestExpiry: oldest.Add(3 * time.Minute),
	})
	for i := range 10 {
		require.NoError(t, s.Delete(ctx, storage.KindGrant, fmt.Sprint("key", i)))
	}
	count(t, s, storage.Counts{Records: map[storage.Kind]int64{storage.KindClient: 9}})

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.Count(ended)
	require.ErrorIs(t, err, context.Canceled)
}

func count(t *testing.T, s storage.Counter, want storage.Counts) {
	t.Helper()
	got, err := s.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

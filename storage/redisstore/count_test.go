package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/redisstore"
)

func TestCount(t *testing.T) {
	s := open(t, redisstore.Config{Options: at(testservers.RedisCluster(t)...)})
	c, err := s.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, storage.Counts{Records: map[storage.Kind]int64{}}, c)

	oldest := time.Now().Add(-time.Hour).Truncate(time.Millisecond).UTC()
	for kind, n := range map[storage.Kind]int{"grant": 300, "grants": 20, "key": 1} {
		for i := range n {
			r := record(fmt.Sprint(i))
			r.Kind = kind
			if i < 10 && kind == "grant" {
				r.ExpiresAt = oldest.Add(time.Duration(i) * time.Minute)
			}
			_, err := s.Create(t.Context(), r)
			require.NoError(t, err)
		}
	}
	require.NoError(t, s.Health(t.Context()), "which counts as nothing")
	c, err = s.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, storage.Counts{
		Records: map[storage.Kind]int64{"grant": 300, "grants": 20, "key": 1},
		Expired: 10, OldestExpiry: oldest,
	}, c)
	for removed := 1; removed > 0; {
		removed, err = s.Sweep(t.Context(), 100)
		require.NoError(t, err)
	}
	c, err = s.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, storage.Counts{Records: map[storage.Kind]int64{"grant": 290, "grants": 20, "key": 1}}, c)
}

package authserver_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// What has expired leaves the store by itself, while the server is used.
func TestExpiredRecordsAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &watchedSweeper{Store: memory.New()}
		h := newHarness(t, withStore(store))
		for range 700 {
			h.code()
		}
		time.Sleep(100 * 24 * time.Hour)
		h.code()
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		require.GreaterOrEqual(t, store.removed, 700)
		require.Len(t, listAll(t, store), 1)
	})
}

type watchedSweeper struct {
	*memory.Store
	removed int
}

func (w *watchedSweeper) Sweep(ctx context.Context, limit int) (int, error) {
	n, err := w.Store.Sweep(ctx, limit)
	w.removed += n
	return n, err
}

func listAll(t *testing.T, st storage.Storage) []storage.Record {
	t.Helper()
	page, err := st.List(t.Context(), storage.Query{Kind: storage.KindGrant, Limit: 1000})
	require.NoError(t, err)
	return page.Records
}

// A pacedSweeper has so much to remove, and takes so long for each record.
type pacedSweeper struct {
	*memory.Store
	left   int
	pace   time.Duration
	limits []int
}

func (p *pacedSweeper) Sweep(ctx context.Context, limit int) (int, error) {
	p.limits = append(p.limits, limit)
	removed := min(limit, p.left)
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Duration(removed) * p.pace):
	}
	p.left -= removed
	return removed, nil
}

// A batch takes a moment, whatever the backend: requests are never behind a
// long one.
func TestSweepFitsItsBatches(t *testing.T) {
	for pace, size := range map[time.Duration]int{10 * time.Microsecond: 500, 100 * time.Microsecond: 50, time.Second: 10} {
		t.Run(pace.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &pacedSweeper{Store: memory.New(), left: 20_000, pace: pace}
				h := newHarness(t, withStore(store))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				_, err := h.srv.Sweep(ctx)
				require.NoError(t, err)
				late := store.limits[len(store.limits)/2:]
				require.InDelta(t, size, slices.Max(late), float64(size)/2)
				require.InDelta(t, size, slices.Min(late), float64(size)/2)
			})
		})
	}
}

// A sweep is bounded. What it leaves is taken up soon, and nothing is left
// half done.
func TestSweepIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &pacedSweeper{Store: memory.New(), left: 1_000_000, pace: 100 * time.Microsecond}
		h := newHarness(t, withStore(store))
		swept := func(wait time.Duration) int {
			time.Sleep(wait)
			before := store.left
			h.code()
			time.Sleep(time.Minute)
			synctest.Wait()
			return before - store.left
		}
		first := swept(2 * time.Minute)
		require.NotZero(t, first)
		require.LessOrEqual(t, first, 200_000, "in 20 seconds")
		require.NotZero(t, swept(0), "40 seconds after it ended")
		store.left = 10
		require.Equal(t, 10, swept(0))
		store.left = 10
		require.Zero(t, swept(0), "less than a minute after all was done")
	})
}

func TestStorageCounts(t *testing.T) {
	h := newHarness(t)
	h.code()
	h.code()
	c, err := h.srv.StorageCounts(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, c.Records[storage.KindGrant])
	require.Zero(t, c.Expired)

	h = newHarness(t, withStore(around(memory.New())))
	_, err = h.srv.StorageCounts(t.Context())
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

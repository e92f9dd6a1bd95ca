package authserver_test

import (
	"context"
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

package authserver_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/storage/redisstore"
	"github.com/seed36673005/authserver/storage/sqlstore/mysql"
	"github.com/seed36673005/authserver/storage/sqlstore/postgres"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

// An opener opens one storage again and again, as the replicas of a server and
// its restarts do.
type opener func() storage.Storage

// slowly says that tests may take their time (AUTHSERVER_SLOW=1).
var slowly = os.Getenv("AUTHSERVER_SLOW") == "1"

// sharedStores are the backends: those that need no service, and with
// AUTHSERVER_SLOW=1 real servers too, unless the race detector is on.
func sharedStores(t *testing.T) map[string]opener {
	t.Helper()
	inMemory := memory.New()
	path := filepath.Join(t.TempDir(), "shared.db")
	all := map[string]opener{
		"memory": func() storage.Storage { return inMemory },
		"sqlite": opens(t, func(ctx context.Context) (storage.Storage, error) { return sqlite.Open(ctx, path) }),
	}
	if slowly && !raceDetector {
		maps.Copy(all, serverStores(t))
	}
	return all
}

func serverStores(t *testing.T) map[string]opener {
	t.Helper()
	pg, maria := testservers.Postgres(t), testservers.MariaDB(t)
	one, many := []string{testservers.Redis(t)}, testservers.RedisCluster(t)
	return map[string]opener{
		"postgres": opens(t, func(ctx context.Context) (storage.Storage, error) { return postgres.Open(ctx, pg) }),
		"mariadb":  opens(t, func(ctx context.Context) (storage.Storage, error) { return mysql.Open(ctx, maria) }),
		"redis": opens(t, func(ctx context.Context) (storage.Storage, error) {
			return redisstore.Open(ctx, redisConfig(one, "one:"+t.Name()))
		}),
		"redis cluster": opens(t, func(ctx context.Context) (storage.Storage, error) {
			return redisstore.Open(ctx, redisConfig(many, "many:"+t.Name()))
		}),
	}
}

func redisConfig(addrs []string, prefix string) redisstore.Config {
	return redisstore.Config{Options: &redis.UniversalOptions{Addrs: addrs}, Prefix: prefix}
}

// opens is an opener whose storages are closed after the test.
func opens(t *testing.T, open func(context.Context) (storage.Storage, error)) opener {
	return func() storage.Storage {
		store, err := open(context.WithoutCancel(t.Context()))
		require.NoError(t, err)
		t.Cleanup(func() { _ = store.(interface{ Close() error }).Close() })
		return store
	}
}

// onEachStore runs a test on every backend.
func onEachStore(t *testing.T, test func(t *testing.T, store storage.Storage)) {
	t.Helper()
	stores := sharedStores(t)
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		t.Run(name, func(t *testing.T) { test(t, stores[name]()) })
	}
}

func openSQLite(t testing.TB) storage.Storage {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

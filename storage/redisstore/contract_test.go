package redisstore_test

import (
	"crypto/rand"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/redisstore"
	"github.com/seed36673005/authserver/storage/storagetest"
)

// open opens a Store under a prefix of its own, unless cfg has one.
func open(t *testing.T, cfg redisstore.Config) *redisstore.Store {
	t.Helper()
	if cfg.Prefix == "" {
		cfg.Prefix = rand.Text() + ":"
	}
	s, err := redisstore.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func at(addrs ...string) *redis.UniversalOptions { return &redis.UniversalOptions{Addrs: addrs} }

// contract runs every clause on the same Store.
func contract(t *testing.T, cfg redisstore.Config) {
	s := open(t, cfg)
	storagetest.Run(t, func(*testing.T) storage.Storage { return s })
}

func TestContractOnRedis(t *testing.T) {
	t.Parallel()
	contract(t, redisstore.Config{Options: at(testservers.Redis(t))})
}

func TestContractOnCluster(t *testing.T) {
	t.Parallel()
	contract(t, redisstore.Config{Options: at(testservers.RedisCluster(t)...)})
}

func TestContractOnClusterWithReplicas(t *testing.T) {
	t.Parallel()
	contract(t, redisstore.Config{Options: at(testservers.RedisCluster(t)...), WaitReplicas: 1})
}

// TestContractOnMiniredis runs on every machine.
func TestContractOnMiniredis(t *testing.T) {
	t.Parallel()
	contract(t, redisstore.Config{Options: at(miniredis.RunT(t).Addr()), InsecureSkipEvictionCheck: true})
}

//go:build unix

package testservers_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
)

func newClient(t *testing.T, addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func TestRedisIsShared(t *testing.T) {
	addr := testservers.Redis(t)
	require.Equal(t, addr, testservers.Redis(t))
	require.NoError(t, newClient(t, addr).Set(t.Context(), "key", "value", 0).Err())
}

func TestRedisStopsAndStarts(t *testing.T) {
	s := testservers.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	client := newClient(t, s.Addr)
	for name, end := range map[string]func(testing.TB){"Stop": s.Stop, "Kill": s.Kill} {
		require.NoError(t, client.Set(t.Context(), name, "value", 0).Err())
		end(t)
		require.Error(t, client.Ping(t.Context()).Err())
		s.Start(t)
		require.NoError(t, client.Get(t.Context(), name).Err(), "what was written before %s", name)
	}
}

func TestRedisHangs(t *testing.T) {
	s := testservers.NewRedis(t)
	client := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, ReadTimeout: 50 * time.Millisecond})
	defer func() { _ = client.Close() }()
	s.Signal(t, syscall.SIGSTOP)
	require.Error(t, client.Ping(t.Context()).Err())
	s.Signal(t, syscall.SIGCONT)
	require.Eventually(t, func() bool { return client.Ping(t.Context()).Err() == nil }, 10*time.Second, 10*time.Millisecond)
	s.Signal(t, syscall.SIGSTOP) // it is ended all the same
}

func TestRedisCluster(t *testing.T) {
	addrs := testservers.RedisCluster(t)
	require.Equal(t, addrs, testservers.RedisCluster(t))
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs[:1], MaxRedirects: -1})
	defer func() { _ = client.Close() }()
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		require.NoError(t, client.Set(t.Context(), key, "value", 0).Err())
	}
}

// TestRedisClusterFailsOver: a replica takes the place of its master.
func TestRedisClusterFailsOver(t *testing.T) {
	nodes := testservers.NewRedisCluster(t)
	nodes[0].Kill(t)
	replica := newClient(t, nodes[3].Addr)
	require.Eventually(t, func() bool {
		info, err := replica.ClusterInfo(t.Context()).Result()
		role, roleErr := replica.Info(t.Context(), "replication").Result()
		return err == nil && roleErr == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(role, "role:master")
	}, 30*time.Second, 20*time.Millisecond)
	nodes[0].Start(t)
}

package redisstore_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage/redisstore"
)

func newClient(t *testing.T, addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func TestOpenReportsEveryFault(t *testing.T) {
	_, err := redisstore.Open(t.Context(), redisstore.Config{Prefix: "{a}", WaitReplicas: -1, WaitTimeout: 1})
	for _, fault := range []string{"Options or Client", "Config.Prefix", "Config.WaitReplicas", "Config.WaitTimeout"} {
		require.ErrorContains(t, err, fault)
	}
}

func TestOpenRefusesClients(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer func() { _ = ring.Close() }()
	_, err := redisstore.Open(t.Context(), redisstore.Config{Client: ring})
	require.ErrorContains(t, err, "*redis.Ring")

	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, RouteRandomly: true})
	defer func() { _ = cluster.Close() }()
	_, err = redisstore.Open(t.Context(), redisstore.Config{Client: cluster})
	require.ErrorContains(t, err, "replicas, which are behind")

	_, err = redisstore.Open(t.Context(), redisstore.Config{Options: &redis.UniversalOptions{ReadOnly: true}})
	require.ErrorContains(t, err, "replicas, which are behind")
}

func TestOpenRefusesOneNodeOfACluster(t *testing.T) {
	_, err := redisstore.Open(t.Context(), redisstore.Config{Options: at(testservers.RedisCluster(t)[0])})
	require.ErrorContains(t, err, "IsClusterMode")
	options := at(testservers.RedisCluster(t)[0])
	options.IsClusterMode = true
	require.NoError(t, open(t, redisstore.Config{Options: options}).Health(t.Context()))
}

// TestClientOfTheHost is used and left open.
func TestClientOfTheHost(t *testing.T) {
	client := newClient(t, testservers.Redis(t))
	s, err := redisstore.Open(t.Context(), redisstore.Config{Client: client})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, client.Ping(t.Context()).Err())
}

func TestEvictionIsRefused(t *testing.T) {
	server := testservers.NewRedis(t)
	admin := newClient(t, server.Addr)
	for _, tc := range []struct {
		memory, policy string
		refused        bool
	}{
		{"0", "noeviction", false},
		{"100mb", "noeviction", false},
		{"0", "allkeys-lru", false}, // nothing to evict for
		{"100mb", "allkeys-lru", true},
		{"100mb", "allkeys-random", true},
		{"100mb", "volatile-lfu", true},
		{"100mb", "volatile-ttl", true},
	} {
		require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory-policy", tc.policy).Err())
		require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory", tc.memory).Err())
		for _, skip := range []bool{false, true} {
			s, err := redisstore.Open(t.Context(), redisstore.Config{Options: at(server.Addr), InsecureSkipEvictionCheck: skip})
			if tc.refused {
				require.ErrorContains(t, err, "maxmemory-policy is "+tc.policy+", which drops live records")
				continue
			}
			require.NoError(t, err)
			require.NoError(t, s.Close())
		}
	}
}

func TestEvictionNotTold(t *testing.T) {
	server := testservers.NewRedis(t, "--appendonly", "yes")
	admin := newClient(t, server.Addr)
	options := at(server.Addr)
	options.Username, options.Password = "app", "password"
	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">password", "~*", "+@all", "-config").Err())
	d, err := open(t, redisstore.Config{Options: options}).Durability(t.Context())
	require.NoError(t, err, "without CONFIG")
	require.Equal(t, redisstore.Durability{AppendOnly: true}, d)
	require.Contains(t, d.String(), "does not tell how soon")

	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", "app", "-info").Err())
	_, err = redisstore.Open(t.Context(), redisstore.Config{Options: options})
	require.ErrorContains(t, err, "read INFO, which tells whether records could be evicted")
	open(t, redisstore.Config{Options: options, InsecureSkipEvictionCheck: true})
}

func TestDurability(t *testing.T) {
	server := testservers.NewRedis(t, "--appendonly", "yes")
	admin := newClient(t, server.Addr)
	for _, tc := range []struct{ appendOnly, fsync, level, words string }{
		{"yes", "no", "WARN", "what its system had not yet written"},
		{"yes", "everysec", "INFO", "about its last second"},
		{"yes", "always", "INFO", "on the server's disk"},
		{"no", "always", "WARN", "since its last snapshot"},
	} {
		require.NoError(t, admin.ConfigSet(t.Context(), "appendonly", tc.appendOnly).Err())
		require.NoError(t, admin.ConfigSet(t.Context(), "appendfsync", tc.fsync).Err())
		var log bytes.Buffer
		s := open(t, redisstore.Config{Options: at(server.Addr), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.Contains(t, log.String(), "level="+tc.level)
		require.Contains(t, log.String(), tc.words)
		require.Contains(t, log.String(), "failover")
		d, err := s.Durability(t.Context())
		require.NoError(t, err)
		require.Equal(t, tc.appendOnly == "yes", d.AppendOnly)
	}
	d, err := open(t, redisstore.Config{
		Options: at(testservers.RedisCluster(t)...), WaitReplicas: 1,
	}).Durability(t.Context())
	require.NoError(t, err)
	require.Equal(t, redisstore.Durability{Replicas: 1, WaitReplicas: 1}, d)
	require.Contains(t, d.String(), "received by 1 of 1 replicas")
}

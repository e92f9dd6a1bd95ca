package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/redisstore"
)

// inParallel calls do for 0 to n-1 from some goroutines.
func inParallel(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	const workers = 16
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = do(i)
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}

// A lossy client's connection breaks, when told to, in place of an answer to
// a script.
type lossy struct {
	lose    atomic.Bool
	scripts atomic.Int32 // how many were sent
}

func (l *lossy) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &lossyConn{Conn: conn, lossy: l}, err
}

type lossyConn struct {
	net.Conn
	*lossy
	script bool
}

func (c *lossyConn) Write(b []byte) (int, error) {
	if c.script = bytes.Contains(b, []byte("eval")); c.script {
		c.scripts.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.script && err == nil && c.lose.CompareAndSwap(true, false) {
		_ = c.Conn.Close()
		return 0, io.EOF
	}
	return n, err
}

// TestLostAnswer: with a client that sends again whatever it can, a write
// whose answer was lost is still sent once and reported as unknown.
func TestLostAnswer(t *testing.T) {
	for name, connect := range map[string]func(*lossy) redis.UniversalClient{
		"server": func(l *lossy) redis.UniversalClient {
			return redis.NewClient(&redis.Options{Addr: testservers.Redis(t), Dialer: l.dial, MaxRetries: 3})
		},
		"cluster": func(l *lossy) redis.UniversalClient {
			return redis.NewClusterClient(&redis.ClusterOptions{Addrs: testservers.RedisCluster(t), Dialer: l.dial, MaxRetries: 3})
		},
	} {
		for _, waitReplicas := range []int{0, 1} {
			if waitReplicas == 1 && name == "server" {
				continue // it has none
			}
			t.Run(fmt.Sprintf("%s, %d replicas", name, waitReplicas), func(t *testing.T) {
				var l lossy
				client := connect(&l)
				defer func() { _ = client.Close() }()
				losesAnswers(t, &l, open(t, redisstore.Config{Client: client, WaitReplicas: waitReplicas}))
			})
		}
	}
}

func losesAnswers(t *testing.T, l *lossy, s *redisstore.Store) {
	ctx := t.Context()
	r, err := s.Create(ctx, record("loads the scripts"))
	require.NoError(t, err)
	_, err = s.Replace(ctx, r)
	require.NoError(t, err)
	require.NoError(t, s.Delete(ctx, r.Kind, r.Key))

	lost := func(write func() error) {
		t.Helper()
		before := l.scripts.Load()
		l.lose.Store(true)
		isUnknown(t, write())
		require.False(t, l.lose.Load(), "an answer was lost")
		require.EqualValues(t, 1, l.scripts.Load()-before, "times sent")
	}
	r = record(r.Key)
	lost(func() error { _, err := s.Create(ctx, r); return err })
	r, err = s.Get(ctx, r.Kind, r.Key)
	require.NoError(t, err, "it was done")
	r.Data = []byte(`{"v":2}`)
	lost(func() error { _, err := s.Replace(ctx, r); return err })
	r, err = s.Get(ctx, r.Kind, r.Key)
	require.NoError(t, err)
	require.Equal(t, `{"v":2}`, string(r.Data))
	lost(func() error { return s.Delete(ctx, r.Kind, r.Key) })
	_, err = s.Get(ctx, r.Kind, r.Key)
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// A twice sends every command a second time and keeps the second answer.
type twice struct{}

func (twice) DialHook(next redis.DialHook) redis.DialHook { return next }

func (twice) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		_ = next(ctx, cmd)
		return next(ctx, cmd)
	}
}

func (twice) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		_ = next(ctx, cmds)
		return next(ctx, cmds)
	}
}

// TestSentTwice: a write that arrives again knows itself.
func TestSentTwice(t *testing.T) {
	client := newClient(t, testservers.Redis(t))
	client.AddHook(twice{})
	s := open(t, redisstore.Config{Client: client})
	ctx := t.Context()
	first, err := s.Create(ctx, record("key"))
	require.NoError(t, err)
	second, err := s.Replace(ctx, first)
	require.NoError(t, err)
	got, err := s.Get(ctx, "grant", "key")
	require.NoError(t, err)
	require.Equal(t, second, got)
	_, err = s.Create(ctx, record("key"))
	require.ErrorIs(t, err, storage.ErrExists)
	_, err = s.Replace(ctx, first)
	require.ErrorIs(t, err, storage.ErrConflict)
	require.NoError(t, s.Delete(ctx, "grant", "key"))
	_, err = s.Replace(ctx, second)
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// TestMemoryFull: a server without memory refuses a write as a whole.
func TestMemoryFull(t *testing.T) {
	server := testservers.NewRedis(t, "--maxmemory", "100mb", "--maxmemory-policy", "noeviction")
	admin := newClient(t, server.Addr)
	s := open(t, redisstore.Config{Options: at(server.Addr), Prefix: "full:"})
	r, err := s.Create(t.Context(), record("key"))
	require.NoError(t, err)
	before := keysWith(t, admin, "full:")
	require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err = s.Create(t.Context(), record("another"))
	isUnknown(t, err)
	_, err = s.Replace(t.Context(), r)
	isUnknown(t, err)
	require.ElementsMatch(t, before, keysWith(t, admin, "full:"))
	require.NoError(t, s.Delete(t.Context(), r.Kind, r.Key), "which makes room")
	require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory", "0").Err())
	_, err = s.Create(t.Context(), r)
	require.NoError(t, err)
}

// TestTooFewReplicas: a write that replicas have not received is no success.
func TestTooFewReplicas(t *testing.T) {
	s := open(t, redisstore.Config{
		Options: at(testservers.Redis(t)), WaitReplicas: 1, WaitTimeout: time.Millisecond,
	})
	_, err := s.Create(t.Context(), record("key"))
	isUnknown(t, err)
	require.ErrorContains(t, err, "received by 0 replicas of 1")
	r, err := s.Get(t.Context(), "grant", "key")
	require.NoError(t, err)
	_, err = s.Create(t.Context(), r)
	require.ErrorIs(t, err, storage.ErrExists, "what wrote nothing waits for none")
}

// TestRestart: a server with "appendfsync always" that crashes loses nothing
// acknowledged.
func TestRestart(t *testing.T) {
	server := testservers.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	tr := startTraffic(t, open(t, redisstore.Config{Options: at(server.Addr)}), 16)
	for range 3 {
		tr.goesOn(t)
		server.Kill(t)
		server.Start(t)
	}
	tr.goesOn(t)
	tr.end(t)
}

// TestFailover: a master of a cluster dies, and a replica that lacks its last
// writes takes over. With WaitReplicas none of those was acknowledged.
func TestFailover(t *testing.T) {
	nodes := testservers.NewRedisCluster(t)
	var addrs []string
	for _, node := range nodes {
		addrs = append(addrs, node.Addr)
	}
	s := open(t, redisstore.Config{Options: at(addrs...), WaitReplicas: 1, WaitTimeout: 100 * time.Millisecond})
	tr := startTraffic(t, s, 24)
	tr.goesOn(t)
	refusesReplica(t, addrs)
	moveSlot(t, addrs)
	tr.goesOn(t)
	nodes[3].Signal(t, syscall.SIGSTOP) // or it would come back at once
	require.NoError(t, newClient(t, nodes[0].Addr).ClientKillByFilter(t.Context(), "TYPE", "replica").Err())
	tr.writesInVain(t)
	nodes[0].Kill(t)
	nodes[3].Signal(t, syscall.SIGCONT)
	replica := newClient(t, nodes[3].Addr)
	require.Eventually(t, func() bool {
		return strings.Contains(replica.Info(t.Context(), "replication").Val(), "role:master")
	}, 30*time.Second, 10*time.Millisecond)
	nodes[0].Start(t) // as the replica that WAIT wants
	tr.goesOn(t)
	tr.end(t)
	require.NoError(t, s.Health(t.Context()))
}

// refusesReplica: what a master may be tomorrow must not evict either.
func refusesReplica(t *testing.T, addrs []string) {
	replica := newClient(t, addrs[4])
	require.NoError(t, replica.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	require.NoError(t, replica.ConfigSet(t.Context(), "maxmemory", "100mb").Err())
	require.Eventually(t, func() bool { // once replicas have told the nodes that they have something
		s, err := redisstore.Open(t.Context(), redisstore.Config{Options: at(addrs...)})
		if err == nil {
			require.NoError(t, s.Close())
		}
		return err != nil && strings.Contains(err.Error(), "allkeys-lru")
	}, 10*time.Second, 50*time.Millisecond)
	require.NoError(t, replica.ConfigSet(t.Context(), "maxmemory", "0").Err())
}

// moveSlot moves the slot of a counter from the second master to the third.
func moveSlot(t *testing.T, addrs []string) {
	from, to := newClient(t, addrs[1]), newClient(t, addrs[2])
	id := func(c *redis.Client) string { return c.Do(t.Context(), "CLUSTER", "MYID").Val().(string) }
	keys, err := from.Keys(t.Context(), "*:grant:counter*").Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	slot, err := from.ClusterKeySlot(t.Context(), keys[0]).Result()
	require.NoError(t, err)
	require.NoError(t, to.Do(t.Context(), "CLUSTER", "SETSLOT", slot, "IMPORTING", id(from)).Err())
	require.NoError(t, from.Do(t.Context(), "CLUSTER", "SETSLOT", slot, "MIGRATING", id(to)).Err())
	host, port, _ := strings.Cut(addrs[2], ":")
	for {
		keys, err := from.ClusterGetKeysInSlot(t.Context(), int(slot), 1).Result()
		require.NoError(t, err)
		if len(keys) == 0 {
			break
		}
		require.NoError(t, from.Migrate(t.Context(), host, port, keys[0], 0, 5*time.Second).Err())
	}
	for _, node := range []*redis.Client{to, from, newClient(t, addrs[0])} {
		require.NoError(t, node.Do(t.Context(), "CLUSTER", "SETSLOT", slot, "NODE", id(to)).Err())
	}
}

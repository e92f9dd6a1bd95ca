package faulttest

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage/redisstore"
)

// quiet keeps what the client library prints about lost connections out of
// the figures.
type quiet struct{}

// Printf implements the library's logger.
func (quiet) Printf(context.Context, string, ...any) {}

// F-11: Redis, with each write on its disk, is killed and started again.
func TestRedisRestart(t *testing.T) {
	redis.SetLogger(quiet{})
	server := testservers.NewRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	nodes := replicas(t, func() (*redisstore.Store, error) {
		return redisstore.Open(t.Context(), redisstore.Config{Options: &redis.UniversalOptions{Addrs: []string{server.Addr}}})
	})
	clients := start(8, nodes[0], nodes[1])
	outages(t, clients, by(1, 4, 10), func() { server.Kill(t) }, func() { server.Start(t) })
	clients.stop(t)
}

// F-13: a master of a Redis Cluster is killed, its replica takes over, and it
// comes back as a replica. Writes are acknowledged once the replica has them,
// so none is lost.
func TestClusterFailover(t *testing.T) {
	redis.SetLogger(quiet{})
	servers := testservers.NewRedisCluster(t, "--appendonly", "yes")
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr)
	}
	nodes := replicas(t, func() (*redisstore.Store, error) {
		return redisstore.Open(t.Context(), redisstore.Config{
			Options:      &redis.UniversalOptions{Addrs: addrs, IsClusterMode: true},
			WaitReplicas: 1,
		})
	})
	clients := start(8, nodes[0], nodes[1])
	for i := range by(1, 2, 3) {
		time.Sleep(time.Second)
		killed := time.Now()
		servers[i].Kill(t)
		time.Sleep(6 * time.Second) // its replica takes over within about three
		failed := clients.between(killed, time.Now())[unknown]
		servers[i].Start(t)
		back := time.Now()
		time.Sleep(3 * time.Second)
		t.Logf("a master was killed: %d requests failed; once it was back as a replica, %v", failed, clients.between(back, time.Now()))
	}
	clients.stop(t)
}

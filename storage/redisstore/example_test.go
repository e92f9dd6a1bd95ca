package redisstore_test

import (
	"context"
	"log"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage/redisstore"
)

// A Redis Cluster of masters with one replica each, where no acknowledged
// revocation may be undone by a failover.
func ExampleOpen() {
	store, err := redisstore.Open(context.Background(), redisstore.Config{
		Options: &redis.UniversalOptions{
			Addrs: []string{"redis-0:6379", "redis-1:6379", "redis-2:6379"},
		},
		WaitReplicas: 1,
		Logger:       slog.Default(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	// authserver.New(authserver.Config{Storage: store, …})
}

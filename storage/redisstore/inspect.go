package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// inspect refuses servers on which the promises cannot be kept, and logs what
// those of the others are worth.
func (s *Store) inspect(ctx context.Context, cfg Config) error {
	_, err := promptly(ctx, func() (struct{}, error) {
		return struct{}{}, s.eachNode(ctx, func(ctx context.Context, node *redis.Client) error {
			return s.suits(ctx, node, cfg.InsecureSkipEvictionCheck)
		})
	})
	if err != nil || cfg.Logger == nil {
		return err
	}
	s.logDurability(ctx, cfg.Logger)
	return nil
}

// eachNode calls do for the masters and for those replicas that can be
// reached, as each may be a master tomorrow.
func (s *Store) eachNode(ctx context.Context, do func(context.Context, *redis.Client) error) error {
	err := s.eachMaster(ctx, do)
	cluster, ok := s.client.(*redis.ClusterClient)
	if err != nil || !ok {
		return err
	}
	return cluster.ForEachSlave(ctx, func(ctx context.Context, node *redis.Client) error {
		if err := do(ctx, node); !unanswered(err) {
			return err
		}
		return nil
	})
}

// suits returns why node cannot be used.
func (s *Store) suits(ctx context.Context, node *redis.Client, skipEviction bool) error {
	i, err := s.info(ctx, node)
	if err != nil && !(skipEviction && isReply(err)) {
		return fmt.Errorf("read INFO, which tells whether records could be evicted: %w", err)
	}
	if i["cluster_enabled"] == "1" && !s.clustered() {
		return errors.New("the server is one of a Redis Cluster: set Options.IsClusterMode")
	}
	if major, _, _ := strings.Cut(i["redis_version"], "."); major != "" && len(major) == 1 && major < "6" {
		return fmt.Errorf("the server is Redis %s, and 6 is the oldest that will do", i["redis_version"])
	}
	return evicts(i, skipEviction)
}

// evicts returns an error if a server with that INFO may drop live records
// when memory is short, or does not say.
func evicts(i info, skip bool) error {
	memory, policy := i["maxmemory"], i["maxmemory_policy"]
	switch {
	case memory == "0" || policy == "noeviction":
		return nil
	case policy != "":
		return fmt.Errorf("the server's maxmemory-policy is %s, which drops live records when memory is short: "+
			"set it to noeviction, or maxmemory to 0", policy)
	case skip:
		return nil
	}
	return errors.New("the server does not tell its maxmemory-policy, which must be noeviction: see Config.InsecureSkipEvictionCheck")
}

func (s *Store) clustered() bool {
	_, ok := s.client.(*redis.ClusterClient)
	return ok
}

// isReply tells an error that the server answered with.
func isReply(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// info is what a server says of itself.
type info map[string]string

func (s *Store) info(ctx context.Context, node *redis.Client) (info, error) {
	var text string
	err := s.patiently(ctx, unanswered, func() (err error) {
		text, err = node.Info(ctx).Result()
		return err
	})
	if err != nil {
		return nil, err
	}
	i := make(info)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			i[name] = value
		}
	}
	return i, nil
}

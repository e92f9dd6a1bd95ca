package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
)

// A Durability says what becomes of acknowledged writes. Of a cluster it is
// that of the master with the least.
type Durability struct {
	// AppendOnly says that writes go to an append-only file; without, only
	// snapshots, if any, outlast the process.
	AppendOnly bool
	// Fsync is the setting appendfsync: always, everysec or no. Empty if the
	// server does not tell (CONFIG is forbidden), or without AppendOnly.
	Fsync string
	// Replicas is how many replicas are connected.
	Replicas int
	// WaitReplicas is that of the Config.
	WaitReplicas int
}

// String says it in words.
func (d Durability) String() string {
	crash := "a restart of a server loses what was written since its last snapshot (appendonly no)"
	if d.AppendOnly {
		crash = map[string]string{
			"always":   "acknowledged writes are on the server's disk (appendfsync always)",
			"everysec": "a crash of a server may lose about its last second (appendfsync everysec)",
			"no":       "a crash of a machine may lose what its system had not yet written (appendfsync no)",
			"":         "acknowledged writes are appended to a file, and the server does not tell how soon it is on disk",
		}[d.Fsync]
	}
	if d.WaitReplicas > 0 {
		return fmt.Sprintf("%s; acknowledged writes have been received by %d of %d replicas", crash, d.WaitReplicas, d.Replicas)
	}
	return fmt.Sprintf("%s; a failover to one of %d replicas may lose the last acknowledged writes", crash, d.Replicas)
}

// ranks orders what fsync is worth.
var ranks = map[string]int{"": 0, "no": 0, "everysec": 1, "always": 2}

// compare is negative if d survives less than other does.
func (d Durability) compare(other Durability) int {
	rank := func(d Durability) int {
		if !d.AppendOnly {
			return -1
		}
		return ranks[d.Fsync]
	}
	return cmp.Compare(rank(d), rank(other))
}

// Durability asks the servers how durable they are just now.
func (s *Store) Durability(ctx context.Context) (Durability, error) {
	d, err := promptly(ctx, func() (Durability, error) { return s.durability(ctx) })
	if err != nil {
		return Durability{}, failed("durability", err)
	}
	return d, nil
}

func (s *Store) durability(ctx context.Context) (least Durability, err error) {
	var all []Durability
	var mu sync.Mutex // masters answer at the same time
	err = s.eachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		d, err := s.durabilityOf(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, d)
		return err
	})
	if err != nil || len(all) == 0 {
		return Durability{}, err
	}
	least = slices.MinFunc(all, Durability.compare)
	for _, d := range all {
		least.Replicas = min(least.Replicas, d.Replicas)
	}
	return least, nil
}

func (s *Store) durabilityOf(ctx context.Context, node *redis.Client) (Durability, error) {
	i, err := s.info(ctx, node)
	if err != nil {
		return Durability{}, err
	}
	d := Durability{AppendOnly: i["aof_enabled"] == "1", WaitReplicas: s.waitReplicas}
	d.Replicas, _ = strconv.Atoi(i["connected_slaves"])
	if !d.AppendOnly {
		return d, nil
	}
	settings, err := node.ConfigGet(ctx, "appendfsync").Result()
	if err != nil && !isReply(err) {
		return Durability{}, err
	}
	d.Fsync = settings["appendfsync"]
	return d, nil
}

func (s *Store) logDurability(ctx context.Context, logger *slog.Logger) {
	d, err := s.Durability(ctx)
	switch {
	case err != nil:
		logger.WarnContext(ctx, "redisstore: the server does not tell how durable it is", "error", err)
	case d.compare(Durability{AppendOnly: true, Fsync: "everysec"}) < 0:
		logger.WarnContext(ctx, "redisstore: "+d.String())
	default:
		logger.InfoContext(ctx, "redisstore: "+d.String())
	}
}

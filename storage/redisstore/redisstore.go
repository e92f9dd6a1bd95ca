// Package redisstore keeps the server's records in Redis 6 or later or in
// Redis Cluster (or in what speaks their protocol), each write one script
// that decides alone.
//
// It owns the keys that begin with its prefix and nothing else. A record's
// key, its entries in the index and in the list of what will expire lie in
// one of 128 partitions, each in one slot of a cluster, and change together.
//
// # What is promised
//
// All that package storage promises, on one server or a healthy cluster,
// List included: an acknowledged write is in the lists when it returns.
// Records expire by Redis itself, and are not found from that time on by the
// clock of this process either. What Redis expires leaves entries in the
// index behind; List passes over them and removes them, and Sweep removes
// the rest without looking at what is live.
//
// A version is 63 random bits, so that none comes again after a deletion, a
// failover or the restoring of a backup. It also tells the write that made
// it: a Create or Replace that arrives twice in a row, sent again by something
// between this package and the server, takes effect once and is answered as
// the first time. What happened to the record between the two it cannot see:
// a second Create then finds no record where there was a Delete, and a second
// Delete may remove what was created meanwhile. So this package itself sends
// no write again once it may have arrived, whatever the settings of a client
// that the host hands over: when the answer to a write is lost the caller
// gets an error that is none of package storage's. What was surely not done,
// because the server could not be reached or is loading, failing over or
// moving the slot, is tried again for some seconds.
//
// A List looks into every partition, in one or two round trips more than its
// records take: about a millisecond. Beside its own bytes and those of its
// names a record takes about a kilobyte of memory, most of it for the lists.
//
// # How durable it is
//
// As durable as the server's settings, which [Store.Durability] reads and
// Open logs. With "appendonly yes" and "appendfsync always" an acknowledged
// write is on the server's disk; with "everysec" a crash may lose about the
// last second, and without "appendonly" a restart loses what came after the
// last snapshot. A master without it that is started again before a replica
// has taken over comes back empty, and its replicas then empty themselves.
//
// When a replica takes over, the writes that it had not received are lost,
// acknowledged or not: a revocation could be undone. With Config.WaitReplicas
// a write is acknowledged only once so many replicas have received it, and is
// otherwise an error. If it is the number of all replicas of a master (one
// each, say), no acknowledged write is lost when one of them takes over; if it
// is less, Redis promotes the replica that is ahead most likely but not
// surely. WAIT does not tell whether a replica has written to its disk. A
// master cut off from the others goes on answering for up to
// cluster-node-timeout (with Sentinel, until clients are told): reads from it
// may miss the newest writes that long, and its own writes will be lost,
// unless WaitReplicas, or min-replicas-to-write at the server, stops them.
//
// A server that evicts records when memory is short breaks every promise:
// Open refuses it. It wants "maxmemory-policy noeviction", with which writes
// fail instead.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage"
)

// A Config says where a Store keeps its records: in Options or in Client.
type Config struct {
	// Options are the servers' addresses and how to reach them: one address,
	// those of Sentinels with a MasterName, or those of a cluster. A cluster
	// known by a single address needs IsClusterMode. MaxRetries and
	// ContextTimeoutEnabled are set by this package. ReadOnly,
	// RouteByLatency and RouteRandomly must be unset: replicas are behind.
	Options *redis.UniversalOptions
	// Client is used instead of a new one if Options is nil: a *redis.Client
	// or *redis.ClusterClient, which remains the host's to close. Of a
	// cluster, let its ClusterStateReloadInterval be a second; the default of
	// a minute may keep it calling a dead master for as long.
	Client redis.UniversalClient
	// Prefix begins every key: at most 64 printable ASCII characters without
	// braces. If empty, "authserver:".
	Prefix string
	// WaitReplicas is how many replicas must have received a write before it
	// is acknowledged (WAIT). Zero asks for none.
	WaitReplicas int
	// WaitTimeout is how long a write waits for them and then fails, its
	// effect unknown. It must be less than the client's ReadTimeout. If zero,
	// one second.
	WaitTimeout time.Duration
	// InsecureSkipEvictionCheck lets Open go on when it cannot tell whether
	// the server evicts records, because INFO is forbidden or incomplete. It
	// is sound where that is known to be off, and with imitations of Redis in
	// tests. What is found to evict is refused all the same.
	InsecureSkipEvictionCheck bool
	// Logger receives how durable the server is. If nil, nothing is logged.
	Logger *slog.Logger
}

const (
	defaultPrefix      = "authserver:"
	defaultWaitTimeout = time.Second
)

var prefixPattern = regexp.MustCompile(`^[!-z|~]{1,64}$`)

// A Store is a storage.Storage, storage.Sweeper and storage.Health in Redis.
// It may be used by any number of goroutines, and any number of Stores in any
// number of processes may share a Prefix.
type Store struct {
	client       redis.UniversalClient
	owned        bool // client is this Store's to close
	prefix       string
	waitReplicas int
	waitTimeout  time.Duration
}

var (
	_ storage.Storage = (*Store)(nil)
	_ storage.Sweeper = (*Store)(nil)
	_ storage.Health  = (*Store)(nil)
)

// Open returns a Store once it has seen that every server can be used: it
// refuses those that evict records. Close the Store when it is no longer
// needed.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	s := newStore(cfg)
	if err := s.inspect(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("redisstore: %w", err), s.Close())
	}
	return s, nil
}

func newStore(cfg Config) *Store {
	s := &Store{
		client: cfg.Client, prefix: cfg.Prefix,
		waitReplicas: cfg.WaitReplicas, waitTimeout: cfg.WaitTimeout,
	}
	if s.client == nil {
		s.client, s.owned = connect(*cfg.Options), true
	}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	if s.waitTimeout == 0 {
		s.waitTimeout = defaultWaitTimeout
	}
	return s
}

// check returns every fault of cfg.
func (cfg *Config) check() error {
	var faults []error
	if (cfg.Options == nil) == (cfg.Client == nil) {
		faults = append(faults, errors.New("Config: needs either Options or Client"))
	}
	if readsReplicas(cfg) {
		faults = append(faults, errors.New("Config: the client must not read from replicas, which are behind"))
	}
	switch cfg.Client.(type) {
	case nil, *redis.Client, *redis.ClusterClient:
	default:
		faults = append(faults, fmt.Errorf("Config.Client: is a %T, not a *redis.Client or *redis.ClusterClient", cfg.Client))
	}
	if cfg.Prefix != "" && !prefixPattern.MatchString(cfg.Prefix) {
		faults = append(faults, errors.New("Config.Prefix: not at most 64 printable ASCII characters without braces"))
	}
	if cfg.WaitReplicas < 0 {
		faults = append(faults, errors.New("Config.WaitReplicas: negative"))
	}
	// WAIT counts in milliseconds and takes none for ever.
	if cfg.WaitTimeout != 0 && cfg.WaitTimeout < time.Millisecond {
		faults = append(faults, errors.New("Config.WaitTimeout: less than a millisecond"))
	}
	return errors.Join(faults...)
}

// Close closes the connections, unless they are of a Config.Client. Calls
// under way fail.
func (s *Store) Close() error {
	if !s.owned {
		return nil
	}
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("redisstore: close: %w", err)
	}
	return nil
}

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// connect makes the client for Options.
func connect(o redis.UniversalOptions) redis.UniversalClient {
	o.MaxRetries = -1 // this package knows better what may be sent again
	o.ContextTimeoutEnabled = true
	if o.MasterName != "" || len(o.Addrs) < 2 && !o.IsClusterMode {
		return redis.NewUniversalClient(&o)
	}
	cluster := o.Cluster()
	cluster.ClusterStateReloadInterval = time.Second // or it calls a dead master for a minute
	return redis.NewClusterClient(cluster)
}

func readsReplicas(cfg *Config) bool {
	if o := cfg.Options; o != nil && (o.ReadOnly || o.RouteByLatency || o.RouteRandomly) {
		return true
	}
	cluster, ok := cfg.Client.(*redis.ClusterClient)
	return ok && cluster.Options().ReadOnly // the other two set it
}

// eachMaster calls do for every master: in a cluster at the same time.
func (s *Store) eachMaster(ctx context.Context, do func(context.Context, *redis.Client) error) error {
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, do)
	}
	return do(ctx, s.client.(*redis.Client))
}

// promptly returns what do returns, or sooner if ctx ends: the client library
// honours the deadline of a context and not its cancellation. It then leaves
// do to end by itself, so do must not touch what is the caller's.
func promptly[T any](ctx context.Context, do func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := do()
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		if a.err != nil && ctx.Err() != nil {
			return none, fmt.Errorf("%w: %w", ctx.Err(), a.err)
		}
		return a.value, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// How long a server that is away is tried, and the waits between.
const (
	patience  = 3 * time.Second
	firstWait = 5 * time.Millisecond
	maxWait   = 100 * time.Millisecond
)

// patiently calls do again while it fails by an error that again says may be
// gone next time.
func (s *Store) patiently(ctx context.Context, again func(error) bool, do func() error) error {
	began := time.Now()
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		err := do()
		if err == nil || !again(err) || time.Since(began) > patience {
			return err
		}
		if cluster, ok := s.client.(*redis.ClusterClient); ok {
			cluster.ReloadState(ctx)
		}
		// Spread out, so that those who wait do not come back together.
		if pause(ctx, wait/2+rand.N(wait)) != nil { //nolint:gosec // not a secret
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refused reports that a command was surely not executed: no server was
// reached, or one said that it could not just now.
func refused(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, moved := redis.IsMovedError(err)
	_, ask := redis.IsAskError(err)
	return moved || ask ||
		redis.IsLoadingError(err) || redis.IsReadOnlyError(err) || redis.IsMasterDownError(err) ||
		redis.IsClusterDownError(err) || redis.IsTryAgainError(err) || redis.IsMaxClientsError(err)
}

// unanswered reports that a command was refused or that its answer was lost,
// after which only what does not write may be sent again.
func unanswered(err error) bool {
	if refused(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && !op.Timeout() // that was patience enough
}

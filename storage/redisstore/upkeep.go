package redisstore

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/internal/page"
)

// A trace is what is known of a record from its entries: its name, and the
// marks by which it was listed.
type trace struct {
	kind       storage.Kind
	key, marks string
}

// traceInWalk is the trace of a record whose entry a walk met: it has but the
// mark that the walk looked for.
func traceInWalk(w page.Walk, key string) trace {
	r := storage.Record{}
	switch w.Field {
	case page.ClientID:
		r.ClientID = w.Value
	case page.Subject:
		r.Subject = w.Value
	case page.SessionID:
		r.SessionID = w.Value
	}
	return trace{w.Kind, key, marks(&r)}
}

// parseTrace reads a member of an expiry set.
func parseTrace(term string) (trace, error) {
	kind, rest, _ := strings.Cut(term, ":")
	marks, key, ok := strings.Cut(rest, ":")
	if !ok || strings.Count(marks, ",") != 2 {
		return trace{}, errDamaged
	}
	return trace{storage.Kind(kind), key, marks}, nil
}

// sweepBatch bounds what a Sweep asks of the servers at once. Each record is
// a step of its own there, so that other commands wait for no more than one.
const sweepBatch = 500

// Sweep implements storage.Sweeper. Redis expires records by itself; Sweep
// removes what they leave behind in the index. Its cost grows with what it
// removes, not with what is stored.
func (s *Store) Sweep(ctx context.Context, limit int) (removed int, err error) {
	removed, err = promptly(ctx, func() (int, error) { return s.sweep(ctx, limit) })
	if err != nil {
		return removed, failed("sweep", err)
	}
	return removed, nil
}

func (s *Store) sweep(ctx context.Context, limit int) (removed int, err error) {
	for removed < limit {
		ended, err := s.ended(ctx, min(limit-removed, sweepBatch))
		if err != nil || len(ended) == 0 {
			return removed, err
		}
		n, err := s.heal(ctx, ended)
		removed += n
		if err != nil || n == 0 { // none: another Sweep was faster
			return removed, err
		}
	}
	return removed, nil
}

// ended returns traces of records that have ended, at most limit, and of
// every partition its share.
func (s *Store) ended(ctx context.Context, limit int) (traces []trace, err error) {
	due := &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(time.Now().UnixMilli(), 10),
		Count: int64(limit/partitions + 8),
	}
	var ranges []*redis.StringSliceCmd
	err = s.patiently(ctx, unanswered, func() error {
		ranges = nil
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, p := range rand.Perm(partitions) { //nolint:gosec // several Sweeps, several ways
				ranges = append(ranges, pipe.ZRangeByScore(ctx, s.expiryKey(p), due))
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, terms := range ranges {
		for _, term := range terms.Val() {
			t, err := parseTrace(term)
			if err != nil {
				return nil, err
			}
			if traces = append(traces, t); len(traces) == limit {
				return traces, nil
			}
		}
	}
	return traces, nil
}

// heal removes what records that have ended left in the index. It returns how
// many of them there were, and the first error after it has tried all.
func (s *Store) heal(ctx context.Context, traces []trace) (healed int, err error) {
	if len(traces) == 0 {
		return 0, nil
	}
	replies := make([]*redis.Cmd, len(traces))
	_, err = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, t := range traces {
			replies[i] = pipe.Eval(ctx, healScript.source, s.keys(t.kind, t.key), string(t.kind), t.key, now{}, t.marks)
		}
		return nil
	})
	for _, reply := range replies {
		if n, err := reply.Int(); err == nil {
			healed += n
		}
	}
	return healed, err
}

// Health implements storage.Health: it writes and reads in every partition,
// and so on every master.
func (s *Store) Health(ctx context.Context) error {
	_, err := promptly(ctx, func() ([]redis.Cmder, error) {
		return s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for p := range partitions {
				pipe.Set(ctx, s.healthKey(p), "", time.Minute)
				pipe.Get(ctx, s.healthKey(p))
			}
			return nil
		})
	})
	if err != nil {
		return failed("health", err)
	}
	return nil
}

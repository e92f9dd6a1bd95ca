package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage"
)

// answers are those of the scripts that write.
var answers = map[string]error{
	"OK":       nil,
	"EXISTS":   storage.ErrExists,
	"NOTFOUND": storage.ErrNotFound,
	"CONFLICT": storage.ErrConflict,
}

// write runs a script on a record. The arguments hold nothing of the caller's.
func (s *Store) write(ctx context.Context, sc script, kind storage.Kind, key string, args ...any) error {
	args = append([]any{string(kind), key, now{}}, args...)
	reply, err := promptly(ctx, func() (reply string, err error) {
		err = s.patiently(ctx, refused, func() error {
			reply, err = s.run(ctx, sc, s.keys(kind, key), args)
			return err
		})
		return reply, err
	})
	if err != nil {
		return err
	}
	answer, known := answers[reply]
	if !known {
		return fmt.Errorf("answer %q not understood", reply)
	}
	return answer
}

func (s *Store) run(ctx context.Context, sc script, keys []string, args []any) (reply string, err error) {
	reply, err = s.send(ctx, newCommand(ctx, "evalsha", sc.digest, keys, args), keys[0])
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = s.send(ctx, newCommand(ctx, "eval", sc.source, keys, args), keys[0])
	}
	return reply, err
}

// A command is one that the client library does not send again, whatever its
// settings, once it may have arrived.
type command struct{ *redis.Cmd }

// NoRetry overrides the method of redis.Cmder.
func (command) NoRetry() bool { return true }

func newCommand(ctx context.Context, name, script string, keys []string, args []any) command {
	words := []any{name, script, len(keys)}
	for _, key := range keys {
		words = append(words, key)
	}
	c := command{redis.NewCmd(ctx, append(words, args...)...)}
	c.SetFirstKeyPos(3)
	return c
}

func (s *Store) send(ctx context.Context, c command, key string) (reply string, err error) {
	if s.waitReplicas > 0 {
		return s.sendAndWait(ctx, c, key)
	}
	if err := s.client.Process(ctx, c); err != nil {
		return "", err
	}
	return c.Text()
}

// sendAndWait sends c and a WAIT on one connection: WAIT is about the writes
// of its own.
func (s *Store) sendAndWait(ctx context.Context, c command, key string) (reply string, err error) {
	node, err := s.masterFor(ctx, key)
	if err != nil {
		return "", err
	}
	pipe := node.Pipeline()
	_ = pipe.Process(ctx, c) // Exec sends both
	wait := redis.NewIntCmd(ctx, "wait", s.waitReplicas, s.waitTimeout.Milliseconds())
	_ = pipe.Process(ctx, wait)
	_, _ = pipe.Exec(ctx) // each command has its own error
	if reply, err = c.Text(); err != nil || answers[reply] != nil {
		return reply, err // nothing was written that would need replicas
	}
	switch have, err := wait.Result(); {
	case err != nil:
		// Not wrapped: the write was done, so no error here may pass for a
		// refusal.
		return "", fmt.Errorf("written, but not known on how many replicas: %v", err) //nolint:errorlint // see above
	case have < int64(s.waitReplicas):
		return "", fmt.Errorf("written, but received by %d replicas of %d", have, s.waitReplicas)
	}
	return reply, nil
}

func (s *Store) masterFor(ctx context.Context, key string) (*redis.Client, error) {
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return s.client.(*redis.Client), nil
}

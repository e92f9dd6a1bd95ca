package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage"
)

var _ storage.Counter = (*Store)(nil)

// Count implements storage.Counter. It reads no record and no index from end
// to end. A record that Redis has expired counts until it is swept.
func (s *Store) Count(ctx context.Context) (storage.Counts, error) {
	c, err := promptly(ctx, func() (c storage.Counts, err error) {
		err = s.patiently(ctx, unanswered, func() error {
			c, err = s.count(ctx)
			return err
		})
		return c, err
	})
	if err != nil {
		return storage.Counts{}, failed("count", err)
	}
	return c, nil
}

func (s *Store) count(ctx context.Context) (storage.Counts, error) {
	replies := make([]*redis.Cmd, partitions)
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for p := range partitions {
			replies[p] = pipe.Eval(ctx, countLua, []string{s.indexKey(p), s.expiryKey(p)}, now{})
		}
		return nil
	})
	if err != nil {
		return storage.Counts{}, err
	}
	c := storage.Counts{Records: make(map[storage.Kind]int64)}
	for _, reply := range replies {
		words, err := reply.Slice()
		if err != nil {
			return storage.Counts{}, err
		}
		if err := add(&c, words); err != nil {
			return storage.Counts{}, err
		}
	}
	return c, nil
}

// add adds what the script said of a partition.
func add(c *storage.Counts, words []any) error {
	if len(words) < 2 {
		return errDamaged
	}
	expired, _ := words[0].(int64)
	oldest, _ := words[1].(int64)
	c.Expired += expired
	if at := instant(oldest); oldest != never && (c.OldestExpiry.IsZero() || at.Before(c.OldestExpiry)) {
		c.OldestExpiry = at
	}
	for kinds := words[2:]; len(kinds) >= 2; kinds = kinds[2:] {
		kind, isText := kinds[0].(string)
		n, isNumber := kinds[1].(int64)
		if !isText || !isNumber {
			return errDamaged
		}
		if n > 0 {
			c.Records[storage.Kind(kind)] += n
		}
	}
	return nil
}

package redisstore

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/internal/page"
)

// List implements storage.Storage. The order is that of the partitions, which
// keys tell, and in each that of the keys.
func (s *Store) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	w, err := page.Start(q)
	if err != nil {
		return storage.Page{}, failed("list", err)
	}
	records, err := promptly(ctx, func() ([]storage.Record, error) { return s.walk(ctx, w) })
	if err != nil {
		return storage.Page{}, failed("list", err)
	}
	return w.Page(records), nil
}

// firstWave is how many partitions are looked into at once, until it turns
// out that those do not fill the page.
const firstWave = 8

// walk returns up to one record more than the page takes.
func (s *Store) walk(ctx context.Context, w page.Walk) (found []storage.Record, err error) {
	at := place{after: w.After}
	if w.After != "" {
		at.partition = partitionOf(w.Kind, w.After)
	}
	for wave := firstWave; len(found) <= w.Limit && at.partition < partitions; wave = partitions {
		var records []storage.Record
		if records, at, err = s.next(ctx, w, at, wave, w.Limit+1-len(found)); err != nil {
			return nil, err
		}
		found = append(found, records...)
	}
	return found, nil
}

// A place is where a walk stands: behind a key of a partition.
type place struct {
	partition int
	after     string
}

// next returns the records of at most limit entries, and where it went on to.
func (s *Store) next(ctx context.Context, w page.Walk, at place, wave, limit int) (records []storage.Record, to place, err error) {
	err = s.patiently(ctx, unanswered, func() error {
		var keys []string
		if keys, to, err = s.listed(ctx, w, at, wave, limit); err == nil {
			records, err = s.look(ctx, w, keys)
		}
		return err
	})
	return records, to, err
}

// listed reads the index: the keys of entries, whose records may have gone.
func (s *Store) listed(ctx context.Context, w page.Walk, at place, wave, limit int) (keys []string, to place, err error) {
	prefix := entryPrefix(w.Kind, w.Field, w.Value)
	end := min(at.partition+wave, partitions)
	var ranges []*redis.StringSliceCmd
	_, err = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		after := at.after
		for p := at.partition; p < end; p++ {
			ranges = append(ranges, pipe.ZRangeByLex(ctx, s.indexKey(p), entriesAfter(prefix, after, limit)))
			after = ""
		}
		return nil
	})
	if err != nil {
		return nil, place{}, err
	}
	for i, entries := range ranges {
		for _, entry := range entries.Val() {
			key := strings.TrimPrefix(entry, prefix)
			if keys = append(keys, key); len(keys) == limit {
				return keys, place{at.partition + i, key}, nil
			}
		}
	}
	return keys, place{partition: end}, nil
}

// look returns those of the records that are there and match. Entries of
// records that are not it removes.
func (s *Store) look(ctx context.Context, w page.Walk, keys []string) (records []storage.Record, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	gets := make([]*redis.StringCmd, len(keys))
	_, err = s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range keys {
			gets[i] = pipe.Get(ctx, s.recordKey(w.Kind, key))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var gone []trace
	for i, key := range keys {
		r, err := found(gets[i], w.Kind, key)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			gone = append(gone, traceInWalk(w, key))
		case err != nil:
			return nil, err
		case w.Field.Value(&r) == w.Value:
			records = append(records, r)
		}
	}
	_, _ = s.heal(ctx, gone) // or another List does, or Sweep
	return records, nil
}

// found is what a GET returned as Get would.
func found(get *redis.StringCmd, kind storage.Kind, key string) (storage.Record, error) {
	stored, err := get.Result()
	if errors.Is(err, redis.Nil) {
		return storage.Record{}, storage.ErrNotFound
	}
	if err != nil {
		return storage.Record{}, err
	}
	r, err := decode(kind, key, stored)
	if err == nil && expired(&r) {
		err = storage.ErrNotFound
	}
	return r, err
}

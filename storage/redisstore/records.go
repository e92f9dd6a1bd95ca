package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage"
)

// Create implements storage.Storage.
func (s *Store) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	r = prepared(r, 0)
	if err := s.write(ctx, createScript, r.Kind, r.Key, fields(&r)...); err != nil {
		return storage.Record{}, failed("create", err)
	}
	return r, nil
}

// Get implements storage.Storage.
func (s *Store) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	stored, err := promptly(ctx, func() (stored string, err error) {
		err = s.patiently(ctx, unanswered, func() error {
			stored, err = s.client.Get(ctx, s.recordKey(kind, key)).Result()
			return err
		})
		return stored, err
	})
	if errors.Is(err, redis.Nil) {
		return storage.Record{}, storage.ErrNotFound
	}
	if err != nil {
		return storage.Record{}, failed("get", err)
	}
	r, err := decode(kind, key, stored)
	switch {
	case err != nil:
		return storage.Record{}, failed("get", err)
	case expired(&r):
		return storage.Record{}, storage.ErrNotFound
	}
	return r, nil
}

// Replace implements storage.Storage.
func (s *Store) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	given := r.Version
	r = prepared(r, given)
	if err := s.write(ctx, replaceScript, r.Kind, r.Key, append(fields(&r), versionText(given))...); err != nil {
		return storage.Record{}, failed("replace", err)
	}
	return r, nil
}

// Delete implements storage.Storage.
func (s *Store) Delete(ctx context.Context, kind storage.Kind, key string) error {
	if err := s.write(ctx, deleteScript, kind, key); err != nil {
		return failed("delete", err)
	}
	return nil
}

// failed is err as a method returns it: the contract's errors as they are.
func failed(method string, err error) error {
	if errors.Is(err, storage.ErrExists) || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConflict) {
		return err
	}
	return fmt.Errorf("redisstore: %s: %w", method, err)
}

// prepared is r as it will be stored: with a version other than the one it
// has now, and with a time in milliseconds.
func prepared(r storage.Record, version int64) storage.Record {
	for r.Version = newVersion(); r.Version == version; {
		r.Version = newVersion()
	}
	r.ExpiresAt = instant(millis(r.ExpiresAt))
	return r
}

func newVersion() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return int64(binary.NativeEndian.Uint64(b[:]) >> 1)
}

// fields are what the scripts that store r are given of it.
func fields(r *storage.Record) []any {
	return []any{versionText(r.Version), millis(r.ExpiresAt), marks(r), encode(r)}
}

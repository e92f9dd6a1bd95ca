package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/seed36673005/authserver/storage"
)

// A store is a storage.Storage in a bbolt file. bbolt has one writer at a
// time, and what Update did is on disk when it returns: so to look first and
// then to write, in one Update, is compare-and-swap.
type store struct{ db *bbolt.DB }

func open(path string) (*store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	return &store{db}, db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte("authserver"))
		return err
	})
}

func (s *store) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	return s.write(ctx, r, func(_ storage.Record, err error) error {
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return cmp.Or(err, storage.ErrExists)
	})
}

func (s *store) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	return s.write(ctx, r, func(old storage.Record, err error) error {
		if err == nil && old.Version != r.Version {
			return storage.ErrConflict
		}
		return err
	})
}

// write stores r if check has nothing against it, which is shown what is live
// in its place. The sequence of a bucket never goes back, even if what took a
// number is gone.
func (s *store) write(ctx context.Context, r storage.Record, check func(storage.Record, error) error) (storage.Record, error) {
	err := run(ctx, s.db.Update, func(b *bbolt.Bucket) error {
		name := name(r.Kind, r.Key)
		if err := check(get(b, name)); err != nil {
			return err
		}
		err := remove(b, name) // also what has expired
		version, err2 := b.NextSequence()
		r.Version = int64(version) //nolint:gosec // counts from 1
		data, err3 := json.Marshal(r)
		err = errors.Join(err, err2, err3, b.Put(name, data))
		for _, entry := range entries(r) {
			err = errors.Join(err, b.Put(entry, name))
		}
		return err // undoes the whole transaction
	})
	return r, err
}

func (s *store) Get(ctx context.Context, kind storage.Kind, key string) (r storage.Record, err error) {
	err = run(ctx, s.db.View, func(b *bbolt.Bucket) (err error) {
		r, err = get(b, name(kind, key))
		return err
	})
	return r, err
}

func (s *store) Delete(ctx context.Context, kind storage.Kind, key string) error {
	return run(ctx, s.db.Update, func(b *bbolt.Bucket) error { return remove(b, name(kind, key)) })
}

// List goes by the keys. Its cursor is the key that the next page begins at: a
// place that no write in between can move.
func (s *store) List(ctx context.Context, q storage.Query) (page storage.Page, err error) {
	from, err := hex.DecodeString(q.Cursor)
	if err != nil {
		return page, storage.ErrBadCursor
	}
	err = run(ctx, s.db.View, func(b *bbolt.Bucket) error {
		list, cursor := listOf(q), b.Cursor()
		for k, name := cursor.Seek(append(list, from...)); bytes.HasPrefix(k, list); k, name = cursor.Next() {
			switch r, err := get(b, name); {
			case errors.Is(err, storage.ErrNotFound): // it has expired
			case err != nil:
				return err
			case len(page.Records) == cmp.Or(q.Limit, 100):
				page.Next = hex.EncodeToString([]byte(r.Key))
				return nil
			default:
				page.Records = append(page.Records, r)
			}
		}
		return nil
	})
	return page, err
}

// run does something in a transaction, unless ctx has ended.
func run(ctx context.Context, transaction func(func(*bbolt.Tx) error) error, do func(*bbolt.Bucket) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return transaction(func(tx *bbolt.Tx) error { return do(tx.Bucket([]byte("authserver"))) })
}

// get copies a record: what bbolt hands out ends with the transaction.
func get(b *bbolt.Bucket, name []byte) (r storage.Record, err error) {
	data := b.Get(name)
	if data == nil {
		return r, storage.ErrNotFound
	}
	if err = json.Unmarshal(data, &r); err == nil && !r.ExpiresAt.IsZero() && !time.Now().Before(r.ExpiresAt) {
		err = storage.ErrNotFound
	}
	return r, err
}

// name is where a record is: a kind has no zero byte in it.
func name(kind storage.Kind, key string) []byte {
	return fmt.Appendf(nil, "record\x00%s\x00%s", kind, key)
}

// listOf begins the places where the names are of what a query finds.
func listOf(q storage.Query) []byte {
	return fmt.Appendf(nil, "list\x00%s\x00%s\x00%s\x00%s\x00", q.Kind, q.ClientID, q.Subject, q.SessionID)
}

// entries are all the places where a record's name is.
func entries(r storage.Record) (all [][]byte) {
	for _, q := range []storage.Query{{}, {ClientID: r.ClientID}, {Subject: r.Subject}, {SessionID: r.SessionID}} {
		q.Kind = r.Kind
		all = append(all, append(listOf(q), r.Key...))
	}
	if !r.ExpiresAt.IsZero() {
		all = append(all, append(endOf(r.ExpiresAt), name(r.Kind, r.Key)...))
	}
	return all
}

// endOf begins the places of the names of what expires at a time, in the
// order of time.
func endOf(t time.Time) []byte { return fmt.Appendf(nil, "end\x00%019d\x00", t.UnixMilli()+1<<62) }

// remove also removes what has expired; there may be nothing to remove.
func remove(b *bbolt.Bucket, name []byte) error {
	old, _ := get(b, name)
	err := b.Delete(name)
	for _, entry := range entries(old) {
		err = errors.Join(err, b.Delete(entry))
	}
	return err
}

// Health has bbolt write, if only its own page.
func (s *store) Health(ctx context.Context) error { return run(ctx, s.db.Update, nothing) }

func nothing(*bbolt.Bucket) error { return nil }

// Sweep removes first what expired first, and looks at nothing else.
func (s *store) Sweep(ctx context.Context, limit int) (removed int, err error) {
	err = run(ctx, s.db.Update, func(b *bbolt.Bucket) error {
		for now := endOf(time.Now()); removed < limit; removed++ {
			k, name := b.Cursor().Seek([]byte("end\x00"))
			if k == nil || bytes.Compare(k, now) > 0 {
				return nil
			}
			if err := remove(b, name); err != nil {
				return err
			}
		}
		return nil
	})
	return removed, err
}

package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// Create implements storage.Storage.
func (s *Store) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	r = prepared(r, 0)
	created, err := s.dialect.insert(s, ctx, r)
	switch {
	case err != nil:
		return storage.Record{}, fmt.Errorf("sqlstore: create: %w", err)
	case !created:
		return storage.Record{}, storage.ErrExists
	}
	return r, nil
}

// upsert creates by one statement.
func (s *Store) upsert(ctx context.Context, r storage.Record) (created bool, err error) {
	n, err := s.exec(ctx, s.do.create, append(values(r), now{})...)
	return n > 0, err
}

// insertOrOverwrite creates by two statements, each of which decides alone:
// one that fails if there is a record, and one that does nothing unless that
// has expired. If neither was done, there is a live record, or there was an
// expired one that has been removed since.
func (s *Store) insertOrOverwrite(ctx context.Context, r storage.Record) (created bool, err error) {
	for {
		_, err := s.exec(ctx, s.do.create, values(r)...)
		if err == nil || mysqlNumber(err) != mysqlDuplicate {
			return err == nil, err
		}
		n, err := s.exec(ctx, s.do.overwrite,
			r.Version, r.ClientID, r.Subject, r.SessionID, millis(r.ExpiresAt), blob(r.Data), r.Kind, r.Key, now{})
		if err != nil || n > 0 {
			return n > 0, err
		}
		if live, err := s.exists(ctx, r); err != nil || live {
			return false, err
		}
	}
}

// exists reports whether there is a live record of r's kind and key.
func (s *Store) exists(ctx context.Context, r storage.Record) (live bool, err error) {
	var one int
	err = s.read(ctx, func() error {
		return s.do.exists.queryRow(ctx, r.Kind, r.Key, now{}).Scan(&one)
	})
	if errors.Is(err, sql.ErrNoRows) && ctx.Err() == nil {
		return false, nil
	}
	return err == nil, err
}

// Get implements storage.Storage.
func (s *Store) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	var r storage.Record
	err := s.read(ctx, func() (err error) {
		r, err = scan(s.do.get.queryRow(ctx, kind, key, now{}))
		return err
	})
	switch {
	case errors.Is(err, sql.ErrNoRows) && ctx.Err() == nil:
		return storage.Record{}, storage.ErrNotFound
	case err != nil:
		return storage.Record{}, fmt.Errorf("sqlstore: get: %w", err)
	}
	return r, nil
}

// Replace implements storage.Storage.
func (s *Store) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	given := r.Version
	r = prepared(r, given)
	n, err := s.exec(ctx, s.do.replace,
		r.Version, r.ClientID, r.Subject, r.SessionID, millis(r.ExpiresAt), blob(r.Data),
		r.Kind, r.Key, given, now{})
	if err == nil && n == 0 {
		return storage.Record{}, s.whyNotReplaced(ctx, r)
	}
	if err != nil {
		return storage.Record{}, fmt.Errorf("sqlstore: replace: %w", err)
	}
	return r, nil
}

// whyNotReplaced tells what the update does not: whether there is a record.
// It may have come or gone since, which makes neither answer wrong: no record
// after the update has the version that the update did not find.
func (s *Store) whyNotReplaced(ctx context.Context, r storage.Record) error {
	live, err := s.exists(ctx, r)
	switch {
	case err != nil:
		return fmt.Errorf("sqlstore: replace: %w", err)
	case live:
		return storage.ErrConflict
	}
	return storage.ErrNotFound
}

// Delete implements storage.Storage.
func (s *Store) Delete(ctx context.Context, kind storage.Kind, key string) error {
	if _, err := s.exec(ctx, s.do.delete, kind, key); err != nil {
		return fmt.Errorf("sqlstore: delete: %w", err)
	}
	return nil
}

// exec runs a statement that writes and returns how many rows it affected.
func (s *Store) exec(ctx context.Context, st statement, args ...any) (rows int64, err error) {
	err = s.patiently(ctx, func() error {
		result, err := st.exec(ctx, args...)
		if err != nil {
			return err
		}
		rows, err = result.RowsAffected()
		return err
	})
	return rows, err
}

// prepared is r as it will be stored: with a version other than the one it
// has now, and with a time that the table can hold.
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

// values are r as a row of columns.
func values(r storage.Record) []any {
	return []any{
		r.Kind, r.Key, r.Version, r.ClientID, r.Subject, r.SessionID, millis(r.ExpiresAt), blob(r.Data),
	}
}

// scan reads a row of columns; what it returns belongs to the caller.
func scan(row interface{ Scan(to ...any) error }) (storage.Record, error) {
	var r storage.Record
	var expiresAt int64
	err := row.Scan(&r.Kind, &r.Key, &r.Version, &r.ClientID, &r.Subject, &r.SessionID, &expiresAt, &r.Data)
	r.ExpiresAt = instant(expiresAt)
	return r, err
}

// never is the time of what does not expire. As the greatest of all it lets
// every statement compare without a special case.
const never = math.MaxInt64

// now is the time as an argument of a statement: read when a connection is
// about to run it, not before the wait for one, or else Replace could bring
// back a record that expired meanwhile.
type now struct{}

// Value implements driver.Valuer.
func (now) Value() (driver.Value, error) { return time.Now().UnixMilli(), nil }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return min(t.UnixMilli(), never-1)
}

func instant(millis int64) time.Time {
	if millis == never {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// blob is never nil, which would be NULL.
func blob(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/storage"
)

var _ storage.Counter = (*Store)(nil)

const (
	countSQL = `SELECT kind, COUNT(*) FROM {records} GROUP BY kind`
	// Within the index of what expires. The bounds leave the record of Health
	// out, which has always expired.
	countExpiredSQL = `SELECT COUNT(*), MIN(expires_at) FROM {records}
		WHERE expires_at > ? AND expires_at <= ? AND expires_at < 9223372036854775807`
)

// Count implements storage.Counter. It reads two indexes, that of all names
// from end to end.
func (s *Store) Count(ctx context.Context) (c storage.Counts, err error) {
	err = s.read(ctx, func() error {
		if c.Records, err = s.countKinds(ctx); err != nil {
			return err
		}
		var oldest sql.NullInt64
		row := s.readDB.QueryRowContext(ctx, s.render(countExpiredSQL), millis(probe.ExpiresAt), now{})
		err = row.Scan(&c.Expired, &oldest)
		if oldest.Valid {
			c.OldestExpiry = time.UnixMilli(oldest.Int64).UTC()
		}
		return err
	})
	if err != nil {
		return storage.Counts{}, fmt.Errorf("sqlstore: count: %w", err)
	}
	return c, nil
}

func (s *Store) countKinds(ctx context.Context) (map[storage.Kind]int64, error) {
	rows, err := s.readDB.QueryContext(ctx, s.render(countSQL))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	kinds := make(map[storage.Kind]int64)
	for rows.Next() {
		var kind storage.Kind
		var n int64
		if err := rows.Scan(&kind, &n); err != nil {
			return nil, err
		}
		if kind != probe.Kind {
			kinds[kind] = n
		}
	}
	return kinds, rows.Err()
}

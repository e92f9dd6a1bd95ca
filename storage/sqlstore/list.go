package sqlstore

import (
	"context"
	"fmt"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/internal/page"
)

// List implements storage.Storage. The order is that of the keys.
func (s *Store) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	w, err := page.Start(q)
	if err != nil {
		return storage.Page{}, fmt.Errorf("sqlstore: list: %w", err)
	}
	var records []storage.Record
	err = s.read(ctx, func() (err error) {
		records, err = s.walk(ctx, w)
		return err
	})
	if err != nil {
		return storage.Page{}, fmt.Errorf("sqlstore: list: %w", err)
	}
	return w.Page(records), nil
}

// walk returns up to one record more than the page takes.
func (s *Store) walk(ctx context.Context, w page.Walk) (records []storage.Record, err error) {
	args := []any{w.Kind, w.After, now{}}
	if w.Field != page.All {
		args = append(args, w.Value)
	}
	args = append(args, w.Limit+1)
	rows, err := s.do.list[w.Field].query(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

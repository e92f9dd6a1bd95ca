package memory

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/internal/page"
)

// A list names the records of a kind with one value in one field.
type list struct {
	kind  storage.Kind
	field page.Field
	value string
}

// List implements storage.Storage.
func (s *Store) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	if err := ended(ctx); err != nil {
		return storage.Page{}, err
	}
	w, err := page.Start(q)
	if err != nil {
		return storage.Page{}, fmt.Errorf("memory: %w", err)
	}
	p := w.Page(s.walk(w))
	for i := range p.Records {
		p.Records[i].Data = bytes.Clone(p.Records[i].Data)
	}
	return p, nil
}

// walk returns up to one record more than the page takes, with the Data that
// the store keeps.
func (s *Store) walk(w page.Walk) []storage.Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []storage.Record
	for r := range s.lists[list{w.Kind, w.Field, w.Value}].after(w.After) {
		if !r.live() {
			continue
		}
		found = append(found, r.Record)
		if len(found) > w.Limit {
			break
		}
	}
	return found
}

func (s *Store) enlist(r *record) {
	for l := range listsOf(r) {
		o := s.lists[l]
		if o == nil {
			if s.lists == nil {
				s.lists = make(map[list]*ordered)
			}
			o = new(ordered)
			s.lists[l] = o
		}
		o.insert(r)
	}
}

func (s *Store) delist(r *record) {
	for l := range listsOf(r) {
		o := s.lists[l]
		o.remove(r.Key)
		if len(o.chunks) == 0 {
			delete(s.lists, l)
		}
	}
}

func listsOf(r *record) iter.Seq[list] {
	return func(yield func(list) bool) {
		for _, f := range page.Fields {
			value := f.Value(&r.Record)
			if f != page.All && value == "" {
				continue
			}
			if !yield(list{r.Kind, f, value}) {
				return
			}
		}
	}
}

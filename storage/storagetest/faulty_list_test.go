package storagetest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/seed36673005/authserver/storage"
)

func (f *faulty) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	if err := f.ended(ctx); err != nil {
		return storage.Page{}, err
	}
	after, err := f.parse(q.Cursor)
	if err != nil {
		return storage.Page{}, err
	}
	limit := cmp.Or(q.Limit, 100)
	if f.has(limitIgnored) && q.Limit == 0 {
		limit = 1000
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.matching(q)
	for len(rest) > 0 && q.Cursor != "" && f.position(rest[0]) <= after {
		rest = rest[1:]
	}
	if f.has(cursorOffset) {
		offset, _ := strconv.Atoi(after)
		rest = f.matching(q)
		return f.page(rest[min(offset, len(rest)):], limit, offset), nil
	}
	return f.page(rest, limit, 0), nil
}

func (f *faulty) page(rest []storage.Record, limit, offset int) storage.Page {
	p := storage.Page{Records: rest[:min(limit, len(rest))]}
	switch {
	case len(rest) > limit && f.has(cursorOffset):
		p.Next = "after " + strconv.Itoa(offset+limit)
	case len(rest) > limit && f.has(pageSkips):
		p.Next = "after " + f.position(rest[limit])
	case len(rest) > limit, f.has(nextForever):
		p.Next = "after "
		if len(p.Records) > 0 {
			p.Next += f.position(p.Records[len(p.Records)-1])
		}
	}
	return p
}

func (f *faulty) parse(cursor string) (after string, err error) {
	after, ok := strings.CutPrefix(cursor, "after ")
	if cursor != "" && !ok && !f.has(cursorLenient) {
		return "", storage.ErrBadCursor
	}
	return after, nil
}

// position is where r is in the order of List.
func (f *faulty) position(r storage.Record) string {
	if f.has(orderOfWrites) {
		return string(rune('0'+len(strconv.FormatInt(r.Version, 10)))) + strconv.FormatInt(r.Version, 10)
	}
	return r.Key
}

func (f *faulty) matching(q storage.Query) []storage.Record {
	var all []storage.Record
	for _, r := range f.records {
		if r.Kind == q.Kind && (!f.expired(r) || f.has(listExpired)) && f.matches(r, q) {
			all = append(all, f.handOut(r.Record))
		}
	}
	slices.SortFunc(all, func(a, b storage.Record) int { return strings.Compare(f.position(a), f.position(b)) })
	if f.has(orderRandom) {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	if f.has(listNoData) {
		for i := range all {
			all[i].Data = nil
		}
	}
	return all
}

func (f *faulty) matches(e *entry, q storage.Query) bool {
	r := e.Record
	if f.has(indexStale) {
		r = e.created
	}
	switch {
	case f.has(emptyNotIndexed) && r.ClientID == "":
		return false
	case f.has(indexFolded) && strings.EqualFold(q.Subject, r.Subject):
		return true
	case f.has(matchesAny) && q.Subject != "" && q.Subject == r.ClientID:
		return true
	}
	return (q.ClientID == "" || q.ClientID == r.ClientID) &&
		(q.Subject == "" || q.Subject == r.Subject) &&
		(q.SessionID == "" || q.SessionID == r.SessionID)
}

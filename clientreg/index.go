package clientreg

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

const (
	maxPage     = 1000
	defaultPage = 50
	// fewClients are so few that all are read for every list. Where there are
	// more, lists come from the last walk while another goes on beside them,
	// which rests walkRest times as long as it took.
	fewClients = 2000
	walkRest   = 20
	walkLimit  = time.Minute
)

// An index is what lists are searched and sorted by: a few words of every
// client, in memory. It finds which clients are on a page; what they are is
// read from the storage. What this Service changes is in it at once, what
// another process changes with the next walk.
type index struct {
	mu      sync.Mutex
	rows    map[string]row // by client_id; nil before the first walk
	changes uint64         // counts put and remove
	walked  time.Time
	took    time.Duration
	walking bool
}

// A row is one client in an index.
type row struct {
	id, name, owner, tenant string
	text                    string // what is searched
	typ                     oauth.ClientType
	state                   oauth.ClientState
	created                 string // sorts as the time
	version                 int64
	changed                 uint64 // when this Service changed it, by index.changes
}

func rowOf(st stored) row {
	c := &st.client
	words := append([]string{c.Name, c.ID, c.Owner}, c.RedirectURIs...)
	return row{
		id: c.ID, name: strings.ToLower(c.Name), owner: c.Owner, tenant: c.Tenant,
		text: strings.ToLower(strings.Join(words, "\n")), typ: c.Kind(), state: c.Standing(),
		created: c.CreatedAt.UTC().Format("2006-01-02T15:04:05"), version: st.version,
	}
}

// put notes a client that was stored.
func (x *index) put(st stored) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.changes++
	if x.rows != nil {
		r := rowOf(st)
		r.changed = x.changes
		x.rows[r.id] = r
	}
}

// remove notes a client that is gone.
func (x *index) remove(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.changes++
	delete(x.rows, id)
}

// refresh walks over all clients if they are few or it was never done, and else
// lets it be done beside the caller.
func (s *Service) refresh(ctx context.Context) error {
	x := &s.index
	x.mu.Lock()
	fresh := x.rows != nil
	many := len(x.rows) > fewClients
	rested := time.Since(x.walked) > walkRest*x.took
	start := fresh && many && rested && !x.walking
	x.walking = x.walking || start
	x.mu.Unlock()
	if fresh && many {
		if start {
			go s.walkBeside() //nolint:gosec // it outlives the request on purpose
		}
		return nil
	}
	return s.walk(ctx)
}

func (s *Service) walkBeside() {
	ctx, cancel := context.WithTimeout(context.Background(), walkLimit)
	defer cancel()
	_ = s.walk(ctx) // the next list tries again
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	s.index.walking, s.index.walked = false, time.Now()
}

// walk reads all clients, those whose version is known without parsing them.
func (s *Service) walk(ctx context.Context) error {
	x := &s.index
	began := time.Now()
	x.mu.Lock()
	known, changes := x.rows, x.changes
	rows := make(map[string]row, len(known))
	x.mu.Unlock()
	err := s.each(ctx, storage.Query{Kind: storage.KindClient}, func(r storage.Record) (bool, error) {
		x.mu.Lock()
		have, found := known[r.Key]
		x.mu.Unlock()
		if found && have.version == r.Version {
			rows[r.Key] = have
			return true, nil
		}
		if st, err := decode(r); err == nil {
			rows[r.Key] = rowOf(st)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.adopt(rows, changes)
	x.walked, x.took = time.Now(), time.Since(began)
	return nil
}

// adopt takes over what a walk found, but for what was changed while it went
// on: that is newer.
func (x *index) adopt(rows map[string]row, since uint64) {
	if x.changes != since {
		for id, r := range x.rows {
			if r.changed > since {
				rows[id] = r
			}
		}
		for id := range rows {
			if _, kept := x.rows[id]; x.rows != nil && !kept {
				delete(rows, id) // removed meanwhile, or the next walk finds it
			}
		}
	}
	x.rows = rows
}

// cursor is where a page ended, in the order of its query.
type cursor struct {
	Query string `json:"q"` // the query it is of
	Value string `json:"v"` // of the sort key
	ID    string `json:"i"`
}

func (q ListQuery) valueOf(r row) string {
	switch q.Sort {
	case SortID:
		return r.id
	case SortType:
		return string(r.typ)
	case SortState:
		return string(r.state)
	case SortOwner:
		return r.owner
	case SortCreated:
		return r.created
	}
	return r.name
}

// name tells queries apart whose cursors must not be mixed.
func (q ListQuery) name() string {
	q.Cursor, q.Limit = "", 0
	text, _ := json.Marshal(q) // strings always can
	return digestOf(string(text))[:12]
}

func (q ListQuery) after() (cursor, error) {
	var c cursor
	if q.Cursor == "" {
		return c, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil || len(q.Cursor) > 4096 || json.Unmarshal(text, &c) != nil || c.Query != q.name() || c.ID == "" {
		return c, storage.ErrBadCursor
	}
	return c, nil
}

func (q ListQuery) validate() error {
	var f faults
	want(&f, "sort", q.Sort, SortName, SortID, SortType, SortState, SortOwner, SortCreated)
	want(&f, "type", q.Type, "", oauth.TypeOAuth2, oauth.TypeOpenID, oauth.TypeOAuth1)
	want(&f, "state", q.State, "", oauth.StateApproved, oauth.StatePending, oauth.StateDisapproved)
	if q.Limit < 0 || q.Limit > maxPage {
		f.add("limit", "want 1 to 1000")
	}
	if len(q.Text) > maxName {
		f.add("text", "want at most 200 bytes")
	}
	return joined(f)
}

// matches reports whether a row is of the query; text is in lower case.
func (q ListQuery) matches(r row, text string) bool {
	return (q.Type == "" || r.typ == q.Type) && (q.State == "" || r.state == q.State) &&
		(q.Owner == "" || r.owner == q.Owner) && (q.Tenant == "" || r.tenant == q.Tenant) &&
		(text == "" || strings.Contains(r.text, text))
}

func (q ListQuery) compare(a, b row) int {
	c := cmp.Or(strings.Compare(q.valueOf(a), q.valueOf(b)), strings.Compare(a.id, b.id))
	if q.Descending {
		return -c
	}
	return c
}

func (s *Service) list(ctx context.Context, actor Actor, q ListQuery) (ListPage, error) {
	if err := q.validate(); err != nil {
		return ListPage{}, err
	}
	if err := s.permit(ctx, actor, ActionList, &oauth.Client{Tenant: q.Tenant, Owner: q.Owner}); err != nil {
		return ListPage{}, err
	}
	after, err := q.after()
	if err != nil {
		return ListPage{}, err
	}
	if err := s.refresh(ctx); err != nil {
		return ListPage{}, err
	}
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	rows, more, total := s.index.page(q, after)
	page := ListPage{Total: total}
	if more {
		last := rows[len(rows)-1]
		page.Next = cursor{q.name(), q.valueOf(last), last.id}.String()
	}
	page.Entries, err = s.entries(ctx, q, rows)
	return page, err
}

// String is the cursor as it is handed out.
func (c cursor) String() string {
	text, _ := json.Marshal(c) // strings always can
	return base64.RawURLEncoding.EncodeToString(text)
}

// page are the rows of a page, in order, whether there are more after it, and
// how many match on all pages.
func (x *index) page(q ListQuery, after cursor) (rows []row, more bool, total int) {
	text := strings.ToLower(q.Text)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.rows {
		if !q.matches(r, text) {
			continue
		}
		total++
		if after.ID == "" || q.isAfter(r, after) {
			rows = q.insert(rows, r)
		}
	}
	if len(rows) > q.Limit {
		return rows[:q.Limit], true, total
	}
	return rows, false, total
}

// insert puts a row where it belongs among the first of a page, and one more:
// sorting all to show a few would take ten times as long.
func (q ListQuery) insert(rows []row, r row) []row {
	if len(rows) > q.Limit && q.compare(r, rows[q.Limit]) > 0 {
		return rows
	}
	i, _ := slices.BinarySearchFunc(rows, r, q.compare)
	rows = slices.Insert(rows, i, r)
	return rows[:min(len(rows), q.Limit+1)]
}

func (q ListQuery) isAfter(r row, c cursor) bool {
	order := cmp.Or(strings.Compare(q.valueOf(r), c.Value), strings.Compare(r.id, c.ID))
	return order > 0 != q.Descending && order != 0
}

// entries are the clients of rows, as they are now. One that is gone, or no
// longer of the query, is left out.
func (s *Service) entries(ctx context.Context, q ListQuery, rows []row) ([]Entry, error) {
	entries := make([]Entry, 0, len(rows))
	text := strings.ToLower(q.Text)
	for _, r := range rows {
		st, err := s.clients.load(ctx, r.id)
		if ignoring(err, storage.ErrNotFound) != nil {
			return nil, err
		}
		if err == nil && q.matches(rowOf(st), text) {
			entries = append(entries, st.entry())
		}
	}
	return entries, nil
}

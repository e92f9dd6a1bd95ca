package clientreg

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

func TestList(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		s, _ := newService(t, store)
		for i := range 30 {
			c := web(fmt.Sprintf("App %02d", i))
			c.ID = fmt.Sprintf("id-%02d", 29-i)
			c.Tenant = []string{"t", "u"}[i%2]
			c.Owner = fmt.Sprintf("owner-%d", i%3)
			c.Type = []oauth.ClientType{oauth.TypeOpenID, oauth.TypeOAuth2}[i%2]
			c.State = []oauth.ClientState{"", oauth.StatePending, oauth.StateDisapproved}[i%3]
			c.CreatedAt = time.Unix(int64(1000+i), 0)
			s.mustCreate(t, c)
		}
		walk := func(q ListQuery) (ids []string) {
			for {
				page, err := s.List(t.Context(), root, q)
				require.NoError(t, err)
				for _, e := range page.Entries {
					require.Empty(t, e.Client.Secrets[0].Digest)
					ids = append(ids, e.Client.ID)
				}
				if q.Cursor = page.Next; page.Next == "" {
					return ids
				}
			}
		}
		for _, key := range []SortKey{SortName, SortID, SortType, SortState, SortOwner, SortCreated} {
			up, down := walk(ListQuery{Sort: key, Limit: 7}), walk(ListQuery{Sort: key, Limit: 7, Descending: true})
			require.Len(t, up, 30, key)
			slices.Reverse(down)
			require.Equal(t, up, down, key)
			require.Equal(t, up, walk(ListQuery{Sort: key}), key)
		}
		require.Equal(t, "id-29", walk(ListQuery{})[0])
		require.Equal(t, "id-00", walk(ListQuery{Sort: SortID})[0])
		require.Equal(t, []string{"id-22"}, walk(ListQuery{Text: "aPP 07"}))
		require.Len(t, walk(ListQuery{Text: "app.example"}), 30)
		require.Empty(t, walk(ListQuery{Text: "%"}))
		require.Len(t, walk(ListQuery{State: oauth.StateApproved}), 10)
		require.Len(t, walk(ListQuery{Type: oauth.TypeOAuth2, Tenant: "t"}), 0)
		require.Len(t, walk(ListQuery{Type: oauth.TypeOAuth2, Owner: "owner-1", State: oauth.StatePending}), 5)
		page, err := s.List(t.Context(), root, ListQuery{Tenant: "u", Limit: 4})
		require.NoError(t, err)
		require.Equal(t, 15, page.Total)

		// AD-07: what was made for another query, or by nobody.
		other := ListQuery{Tenant: "t", Limit: 4, Cursor: page.Next}
		for _, q := range []ListQuery{other, {Cursor: "x"}, {Cursor: "' OR 1=1--"}, {Cursor: strings.Repeat("A", 5000)}} {
			_, err = s.List(t.Context(), root, q)
			require.ErrorIs(t, err, storage.ErrBadCursor)
		}
		for want, q := range map[string]ListQuery{
			"sort: want": {Sort: "name; DROP"}, "type: want": {Type: "x"}, "state: want": {State: "x"}, "limit: want": {Limit: 1001}, "text: want": {Text: strings.Repeat("x", 201)},
		} {
			_, err = s.List(t.Context(), root, q)
			require.ErrorContains(t, err, want)
		}

		// A page between others that come and go.
		first, err := s.List(t.Context(), root, ListQuery{Sort: SortID, Limit: 10})
		require.NoError(t, err)
		require.NoError(t, s.Remove(t.Context(), root, "id-03"))
		require.NoError(t, s.Remove(t.Context(), root, "id-10"))
		_, err = s.Disapprove(t.Context(), root, "id-12", 0)
		require.NoError(t, err)
		other2, _ := newService(t, store)
		added := web("elsewhere")
		added.ID = "id-99"
		other2.mustCreate(t, added)
		rest := walk(ListQuery{Sort: SortID, Limit: 10, Cursor: first.Next})
		require.Equal(t, "id-11", rest[0])
		require.Len(t, rest, 20)
		require.Contains(t, walk(ListQuery{}), "id-99", "what another process added")
		require.NoError(t, other2.Remove(t.Context(), root, "id-99"))
		require.NotContains(t, walk(ListQuery{}), "id-99")
	})
}

// What this process changes while all are read again is not undone by it.
func TestIndexKeepsWhatIsNewer(t *testing.T) {
	x := &index{rows: map[string]row{"a": {id: "a"}, "b": {id: "b"}}}
	since := x.changes
	x.put(stored{version: 2, client: oauth.Client{ID: "a", Name: "new"}})
	x.put(stored{version: 1, client: oauth.Client{ID: "c"}})
	x.remove("b")
	x.adopt(map[string]row{"a": {id: "a", version: 1}, "b": {id: "b"}}, since)
	require.Len(t, x.rows, 2)
	require.Equal(t, "new", x.rows["a"].name)
	require.Contains(t, x.rows, "c")
}

// A page of 100,000 clients, searched and sorted.
func BenchmarkList(b *testing.B) {
	for name, store := range map[string]storage.Storage{"memory": memory.New(), "sqlite": openSQLite(b)} {
		s, _ := newService(b, store)
		for i := range 100_000 {
			c := web(fmt.Sprintf("App %d", i*7919%100_000))
			c.ID, c.TokenEndpointAuthMethod = fmt.Sprintf("client-%06d", i), oauth.AuthMethodNone
			_, err := s.clients.insert(b.Context(), stored{client: c})
			require.NoError(b, err)
		}
		began := time.Now()
		require.NoError(b, s.walk(b.Context()))
		b.Logf("%s: first walk %v", name, time.Since(began))
		for what, q := range map[string]ListQuery{"all": {}, "search": {Text: "app 4242"}, "filter": {State: oauth.StateApproved, Sort: SortCreated, Descending: true}} {
			b.Run(name+"/"+what, func(b *testing.B) {
				for b.Loop() {
					_, err := s.List(b.Context(), root, q)
					require.NoError(b, err)
				}
			})
		}
	}
}

// With many clients a list waits for no walk: what another process added comes
// with the walk that this list began.
func TestIndexOfManyIsReadBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		s, _ := newService(t, store)
		elsewhere := New(store)
		for range fewClients + 1 {
			_, _, err := elsewhere.Create(t.Context(), public())
			require.NoError(t, err)
		}
		total := func() int {
			page, err := s.List(t.Context(), root, ListQuery{Limit: 1})
			require.NoError(t, err)
			return page.Total
		}
		require.Equal(t, fewClients+1, total())
		s.mustCreate(t, web("mine"))
		require.Equal(t, fewClients+2, total(), "its own at once")
		_, _, err := elsewhere.Create(t.Context(), public())
		require.NoError(t, err)
		time.Sleep(time.Second) // fake time: the bubble's clock
		total()
		synctest.Wait()
		require.Equal(t, fewClients+3, total())
	})
}

package storagetest

import (
	"fmt"
	"slices"

	"github.com/seed36673005/authserver/storage"
)

var listClauses = []clause{
	{
		name:     "List/Matches",
		sentence: "At most one of ClientID, Subject and SessionID may be set; with none, all records of the kind match.",
		check:    listMatches,
	},
	{
		name:     "List/WholeRecords",
		sentence: "List returns live records that match q",
		check:    listWholeRecords,
	},
	{
		name:     "List/FollowsReplace",
		sentence: "ClientID, Subject and SessionID are indexed for List.",
		check:    listFollowsReplace,
	},
	{
		name:     "List/Live",
		sentence: "List returns live records that match q",
		check:    listLive,
	},
	{
		name:     "List/FixedOrder",
		sentence: "in a fixed order of the backend's choosing.",
		check:    listFixedOrder,
	},
	{
		name:     "List/EachOnce",
		sentence: "A record that exists unchanged during a whole walk over the pages is returned exactly once in it",
		check:    listEachOnce,
	},
	{
		name:     "List/UnchangedOnce",
		sentence: "A record that exists unchanged during a whole walk over the pages is returned exactly once in it; one that is created, changed or removed meanwhile may or may not appear",
		check:    func(k *kit) { listChanging(k, unchangedOnce) },
	},
	{
		name:     "List/NeverTwice",
		sentence: "one that is created, changed or removed meanwhile may or may not appear, but never twice.",
		check:    func(k *kit) { listChanging(k, neverTwice) },
	},
	{
		name:     "List/Limit",
		sentence: "Limit is the most records of a page: 1 to 1000; zero means 100.",
		check:    listLimit,
	},
	{
		name:     "List/LastPage",
		sentence: "empty says that this is the last.",
		check:    listLastPage,
	},
	{
		name:     "List/BadCursor",
		sentence: "A cursor of another shape gives ErrBadCursor.",
		check:    listBadCursor,
	},
}

// lists fails unless q, in the clause's kind, lists just the keys.
func (k *kit) lists(q storage.Query, want ...string) {
	q.Kind = k.kind
	got := keys(k.walk(q))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		k.failf("List with ClientID %q, Subject %q, SessionID %q returned the keys %q, want %q",
			q.ClientID, q.Subject, q.SessionID, got, want)
	}
}

// fill creates n records and returns their keys. The order of the keys is
// neither that of their creation nor its reverse.
func (k *kit) fill(n int, name string) []string {
	all := make([]string, 0, n)
	for i := range n {
		key := fmt.Sprintf("%02x%s%d", i*89%251, name, i)
		k.create(k.record(key))
		all = append(all, key)
	}
	return all
}

func listMatches(k *kit) {
	k.lists(storage.Query{})
	var all []string
	for i, r := range []storage.Record{
		{ClientID: "a", Subject: "a", SessionID: "a"},
		{ClientID: "a", Subject: "b", SessionID: "c"},
		{ClientID: "b", Subject: "c", SessionID: "a"},
		{ClientID: "c", Subject: "a"},
		{},
	} {
		r.Kind, r.Key, r.Data = k.kind, fmt.Sprintf("key%d", i), []byte(`{}`)
		k.create(r)
		all = append(all, r.Key)
	}
	elsewhere := k.record("elsewhere")
	elsewhere.Kind, elsewhere.ClientID, elsewhere.Subject, elsewhere.SessionID = randomKind(), "a", "a", "a"
	k.create(elsewhere)

	k.lists(storage.Query{}, all...)
	k.lists(storage.Query{ClientID: "a"}, "key0", "key1")
	k.lists(storage.Query{Subject: "a"}, "key0", "key3")
	k.lists(storage.Query{SessionID: "a"}, "key0", "key2")
	k.lists(storage.Query{ClientID: "c"}, "key3")
	k.lists(storage.Query{SessionID: "b"})
}

func listWholeRecords(k *kit) {
	r := k.record("key")
	r.Data = []byte(` {"v" : 1, "v":2}`)
	want := k.create(r)
	for _, q := range []storage.Query{{}, {ClientID: "client"}, {Subject: "subject"}, {SessionID: "session"}} {
		q.Kind = k.kind
		got := k.walk(q)
		if len(got) != 1 {
			k.failf("List returned %d records of 1", len(got))
		}
		k.same(got[0], want, "the record from List")
	}
}

func listFollowsReplace(k *kit) {
	r := k.create(k.record("key"))
	for i := range 3 {
		before := r
		r.ClientID, r.Subject, r.SessionID = fmt.Sprint("c", i), fmt.Sprint("s", i), fmt.Sprint("i", i)
		r = k.replace(r)
		k.lists(storage.Query{ClientID: before.ClientID})
		k.lists(storage.Query{Subject: before.Subject})
		k.lists(storage.Query{SessionID: before.SessionID})
		k.lists(storage.Query{ClientID: r.ClientID}, "key")
		k.lists(storage.Query{Subject: r.Subject}, "key")
		k.lists(storage.Query{SessionID: r.SessionID}, "key")
	}
}

func listLive(k *kit) {
	for i, at := range pastTimes() {
		r := k.record(fmt.Sprintf("created%d", i))
		r.ExpiresAt = at
		k.create(r)
		r = k.create(k.record(fmt.Sprintf("replaced%d", i)))
		r.ExpiresAt = at
		k.replace(r)
		k.create(k.record(fmt.Sprintf("live%d", i)))
	}
	for _, q := range []storage.Query{{}, {ClientID: "client"}, {Subject: "subject"}, {SessionID: "session"}} {
		q.Limit = 2
		k.lists(q, "live0", "live1", "live2", "live3", "live4", "live5", "live6")
	}
}

func listFixedOrder(k *kit) {
	k.fill(12, "x")
	first := keys(k.walk(storage.Query{Kind: k.kind, Limit: 5}))
	for _, limit := range []int{1, 5, 7, 1000} {
		again := keys(k.walk(storage.Query{Kind: k.kind, Limit: limit}))
		if !slices.Equal(first, again) {
			k.failf("List returned the keys in the order %q, and then with Limit %d as %q", first, limit, again)
		}
	}
}

func listEachOnce(k *kit) {
	all := k.fill(31, "x")
	for _, limit := range []int{1, 2, 7, 30, 31, 32} {
		for _, q := range []storage.Query{{}, {ClientID: "client"}, {Subject: "subject"}, {SessionID: "session"}} {
			q.Limit = limit
			k.lists(q, all...)
		}
	}
}

// listChanging walks over records, with and without an index, while others
// come, change and go between the pages.
func listChanging(k *kit, check func(k *kit, unchanged, got []string)) {
	unchanged := k.fill(12, "unchanged")
	for i, q := range []storage.Query{{}, {Subject: "subject"}} {
		q.Kind, q.Limit = k.kind, 3
		c := k.newChanges(fmt.Sprintf("changing%d.", i))
		got := keys(k.walkWith(q, c.next))
		check(k, unchanged, got)
	}
}

// changes are what happens to some records during a walk.
type changes struct {
	k       *kit
	name    string
	records []storage.Record
	round   int
}

func (k *kit) newChanges(name string) *changes {
	c := &changes{k: k, name: name}
	for _, key := range k.fill(8, name) {
		c.records = append(c.records, k.get(key))
	}
	return c
}

// mostRounds ends the changes, so that a walk which follows them ends too. It
// is more than a walk over all the records takes.
const mostRounds = 50

// next creates one record, replaces some, moves some out of every list and
// back, removes one and brings another back under its old key.
func (c *changes) next() {
	k := c.k
	if c.round++; c.round > mostRounds {
		return
	}
	k.create(k.record(fmt.Sprintf("%02x%snew%d", c.round*97%251, c.name, c.round)))
	for i := range c.records {
		r := &c.records[i]
		switch i % 4 {
		case 0:
			*r = k.replace(*r)
		case 1:
			*r = k.replace(moved(*r))
			*r = k.replace(k.movedBack(*r))
		case 2:
			k.delete(r.Key)
			*r = k.create(*r)
		case 3:
			if i == c.round*4%len(c.records)+3 {
				k.delete(r.Key)
			}
		}
	}
}

func moved(r storage.Record) storage.Record {
	r.ClientID, r.Subject, r.SessionID = "elsewhere", "elsewhere", "elsewhere"
	return r
}

func (k *kit) movedBack(r storage.Record) storage.Record {
	home := k.record(r.Key)
	r.ClientID, r.Subject, r.SessionID = home.ClientID, home.Subject, home.SessionID
	return r
}

func unchangedOnce(k *kit, unchanged, got []string) {
	count := counts(got)
	for _, key := range unchanged {
		if count[key] != 1 {
			k.failf("the unchanged record %q was returned %d times in a walk during which others changed", key, count[key])
		}
	}
}

func neverTwice(k *kit, _, got []string) {
	for key, n := range counts(got) {
		if n > 1 {
			k.failf("the record %q was returned %d times in a walk during which records changed", key, n)
		}
	}
}

func counts(keys []string) map[string]int {
	count := make(map[string]int, len(keys))
	for _, key := range keys {
		count[key]++
	}
	return count
}

func listLimit(k *kit) {
	k.fill(102, "x")
	for _, tc := range []struct{ limit, most int }{{1, 1}, {2, 2}, {0, 100}, {101, 101}, {1000, 1000}} {
		p, err := k.s.List(k.ctx, storage.Query{Kind: k.kind, Limit: tc.limit})
		k.ok(err, "List with Limit %d", tc.limit)
		if len(p.Records) > tc.most {
			k.failf("List with Limit %d returned a page of %d records", tc.limit, len(p.Records))
		}
	}
}

// listLastPage counts on no more than the words say: a backend may answer a
// page short of its Limit, even an empty one, and still name a Next.
func listLastPage(k *kit) {
	p, err := k.s.List(k.ctx, storage.Query{Kind: k.kind})
	k.ok(err, "List of nothing")
	if len(p.Records) != 0 {
		k.failf("List of a kind without records returned %d", len(p.Records))
	}
	all := k.fill(6, "x")
	k.lists(storage.Query{Limit: 3}, all...)
	k.lists(storage.Query{Limit: 3, Subject: "subject"}, all...)
}

func listBadCursor(k *kit) {
	k.fill(3, "x")
	for _, cursor := range []string{
		"?", " ", "not a cursor", "\x00", "\xff\xfe", "%00", "{}", "-1", "'; --", "ключ",
	} {
		_, err := k.s.List(k.ctx, storage.Query{Kind: k.kind, Cursor: cursor})
		k.is(err, storage.ErrBadCursor, "List with the cursor %q", cursor)
	}
}

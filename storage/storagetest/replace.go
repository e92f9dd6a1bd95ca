package storagetest

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed36673005/authserver/storage"
)

var replaceClauses = []clause{
	{
		name:     "Replace/AllFields",
		sentence: "Replace stores r in place of the record with the same kind and key and returns it with its new Version, all fields taken from r.",
		check:    replaceAllFields,
	},
	{
		name:     "Replace/Conflict",
		sentence: "Unless r.Version is the stored Version it changes nothing and returns ErrConflict",
		check:    replaceConflict,
	},
	{
		name:     "Replace/OneWinner",
		sentence: "of any number of concurrent calls with one Version exactly one succeeds.",
		check: func(k *kit) {
			for round := range rounds {
				replaceRace(k, fmt.Sprintf("key%d", round))
			}
		},
	},
	{
		name:     "Replace/NothingLost",
		sentence: "of any number of concurrent calls with one Version exactly one succeeds.",
		check:    replaceNothingLost,
	},
	{
		name:     "Replace/NotFound",
		sentence: "If there is no such record, or it has expired, it returns ErrNotFound",
		check:    replaceNotFound,
	},
	{
		name:     "Replace/Expired",
		sentence: "If there is no such record, or it has expired, it returns ErrNotFound",
		check:    replaceExpired,
	},
	{
		name:     "Replace/NeverBack",
		sentence: "Replace never brings a record back.",
		check:    replaceNeverBack,
	},
}

func replaceAllFields(k *kit) {
	first := k.create(k.record("key"))
	for _, r := range []storage.Record{
		{ClientID: "c2", Subject: "s2", SessionID: "i2", ExpiresAt: first.ExpiresAt.Add(time.Hour), Data: []byte(`{"v":2}`)},
		{ClientID: "", Subject: "", SessionID: "", Data: []byte(`{}`)},
		{ClientID: "c3", Subject: "s3", SessionID: "i3", ExpiresAt: first.ExpiresAt, Data: []byte(`{"v":3}`)},
	} {
		r.Kind, r.Key, r.Version = first.Kind, first.Key, first.Version
		replaced := k.replace(r)
		if replaced.Version == first.Version {
			k.failf("Replace kept the Version %d", first.Version)
		}
		k.sameContent(replaced, r, "the record from Replace")
		k.unchanged(replaced, "after Replace")
		first = replaced
	}
}

func replaceConflict(k *kit) {
	first := k.create(k.record("key"))
	second := k.replace(first)
	for _, version := range []int64{first.Version, second.Version + 1, second.Version - 1, 0, -1} {
		if version == second.Version {
			continue
		}
		r := k.record("key")
		r.Version, r.Subject, r.Data = version, "late", []byte(`{"v":"late"}`)
		_, err := k.s.Replace(k.ctx, r)
		k.is(err, storage.ErrConflict, "Replace with Version %d where %d is stored", version, second.Version)
	}
	k.unchanged(second, "after the conflicts")
	k.lists(storage.Query{Subject: "late"})
}

func replaceRace(k *kit, key string) {
	first := k.create(k.record(key))
	won := make([]storage.Record, ways)
	winner := k.oneWinner(race(func(i int) error {
		r := first
		r.Data = fmt.Appendf(nil, `{"by":%d}`, i)
		var err error
		won[i], err = k.s.Replace(k.ctx, r)
		return err
	}), storage.ErrConflict)
	k.unchanged(won[winner], "after the race")
}

// replaceNothingLost counts in a record: each goroutine adds one, so the
// count tells whether a successful Replace was overwritten unseen.
func replaceNothingLost(k *kit) {
	r := k.record("key")
	r.Data = []byte("0")
	k.create(r)
	for _, err := range race(func(int) error { return k.increment("key") }) {
		k.ok(err, "counting")
	}
	if got := string(k.get("key").Data); got != strconv.Itoa(ways) {
		k.failf("%d calls each added one to a record that held 0, and it holds %s", ways, got)
	}
}

// increment may be called from any goroutine.
func (k *kit) increment(key string) error {
	for k.ctx.Err() == nil {
		r, err := k.s.Get(k.ctx, k.kind, key)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(r.Data))
		if err != nil {
			return err
		}
		r.Data = strconv.AppendInt(nil, int64(n+1), 10)
		if _, err = k.s.Replace(k.ctx, r); !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
	return k.ctx.Err()
}

func replaceNotFound(k *kit) {
	_, err := k.s.Replace(k.ctx, k.record("never"))
	k.is(err, storage.ErrNotFound, "Replace of what was never created")
	k.absent("never", "after that Replace")

	r := k.create(k.record("deleted"))
	k.delete("deleted")
	_, err = k.s.Replace(k.ctx, r)
	k.is(err, storage.ErrNotFound, "Replace of a deleted record")
	k.absent("deleted", "after that Replace")
	k.lists(storage.Query{})
}

func replaceExpired(k *kit) {
	for i, at := range pastTimes() {
		r := k.record(fmt.Sprintf("key%d", i))
		r.ExpiresAt = at
		r = k.create(r)
		r.ExpiresAt = time.Now().Add(time.Hour)
		_, err := k.s.Replace(k.ctx, r)
		k.is(err, storage.ErrNotFound, "Replace of a record that expired at %v", at)
		k.absent(r.Key, "after that Replace")
		r.Version++
		_, err = k.s.Replace(k.ctx, r)
		k.is(err, storage.ErrNotFound, "Replace of an expired record with another Version")
	}
}

// replaceNeverBack races one Delete against many replacements: whichever came
// first, the record is gone once the Delete has returned.
func replaceNeverBack(k *kit) {
	for round := range 2 * rounds {
		key := fmt.Sprintf("key%d", round)
		first := k.create(k.record(key))
		for i, err := range race(func(i int) error {
			if i == ways/2 {
				return k.s.Delete(k.ctx, k.kind, key)
			}
			_, err := k.s.Replace(k.ctx, first)
			return err
		}) {
			if err != nil && (i == ways/2 || !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrConflict)) {
				k.failf("a racing call: %w", err)
			}
		}
		k.absent(key, "after a Delete that raced with Replace")
	}
}

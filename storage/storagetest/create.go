package storagetest

import (
	"fmt"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// rounds is how often a race is run.
const rounds = 4

var createClauses = []clause{
	{
		name:     "Create/Stores",
		sentence: "Create stores a new record and returns it with its Version.",
		check:    createStores,
	},
	{
		name:     "Create/Exists",
		sentence: "If a live record of that kind and key exists it changes nothing and returns ErrExists",
		check:    createExists,
	},
	{
		name:     "Create/OneWinner",
		sentence: "of any number of concurrent calls exactly one succeeds.",
		check: func(k *kit) {
			for round := range rounds {
				createRace(k, fmt.Sprintf("key%d", round))
			}
		},
	},
	{
		name:     "Create/OverExpired",
		sentence: "An expired record is no obstacle.",
		check:    createOverExpired,
	},
	{
		name:     "Create/OverExpiredOneWinner",
		sentence: "of any number of concurrent calls exactly one succeeds. An expired record is no obstacle.",
		check: func(k *kit) {
			for round := range rounds {
				key := fmt.Sprintf("key%d", round)
				k.create(k.expired(key))
				createRace(k, key)
			}
		},
	},
	{
		name:     "Create/VersionIgnored",
		sentence: "r.Version is ignored.",
		check:    createVersionIgnored,
	},
}

func createStores(k *kit) {
	r := k.record("key")
	created := k.create(r)
	k.sameContent(created, r, "the record from Create")
	k.unchanged(created, "from Get")
}

func createExists(k *kit) {
	for _, end := range []time.Time{{}, time.Now().Add(time.Hour)} {
		r := k.record(fmt.Sprintf("key%d", end.Unix()))
		r.ExpiresAt = end
		first := k.create(r)
		r.ClientID, r.Data = "another", []byte(`{"v":2}`)
		_, err := k.s.Create(k.ctx, r)
		k.is(err, storage.ErrExists, "a second Create")
		k.unchanged(first, "after the second Create")
		k.lists(storage.Query{ClientID: "another"})
	}
}

func createRace(k *kit, key string) {
	won := make([]storage.Record, ways)
	winner := k.oneWinner(race(func(i int) error {
		r := k.record(key)
		r.Data = fmt.Appendf(nil, `{"by":%d}`, i)
		var err error
		won[i], err = k.s.Create(k.ctx, r)
		return err
	}), storage.ErrExists)
	k.unchanged(won[winner], "after the race")
}

func createOverExpired(k *kit) {
	k.create(k.expired("key"))
	r := k.record("key")
	r.ClientID, r.Subject, r.SessionID, r.Data = "c2", "s2", "i2", []byte(`{"v":2}`)
	created := k.create(r)
	k.sameContent(created, r, "the record from Create")
	k.unchanged(created, "created over an expired one")
	k.lists(storage.Query{}, "key")
	k.lists(storage.Query{ClientID: "c2"}, "key")
	k.lists(storage.Query{ClientID: "client"})
}

func createVersionIgnored(k *kit) {
	first := k.create(k.record("first"))
	again := k.record("second")
	again.Version = first.Version
	second := k.create(again)
	k.unchanged(second, "created with a Version")
	k.delete("second")
	again.Version = second.Version
	if third := k.create(again); third.Version == second.Version {
		k.failf("Create took the Version %d it was given", third.Version)
	}
}

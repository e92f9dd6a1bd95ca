package storagetest

import (
	"fmt"
	"time"

	"github.com/seed36673005/authserver/storage"
)

var getClauses = []clause{
	{
		name:     "Get/NotFound",
		sentence: "Get returns the record, or ErrNotFound",
		check: func(k *kit) {
			k.absent("key", "of what was never created")
			k.create(k.record("key"))
			k.absent("key2", "of another key")
			k.get("key")
		},
	},
	{
		name:     "Get/Expired",
		sentence: "Get returns the record, or ErrNotFound, also once it has expired.",
		check:    getExpired,
	},
}

// pastTimes have all passed, some by numbers that a backend may have given
// another meaning.
func pastTimes() []time.Time {
	return []time.Time{
		time.Now().Add(-time.Hour),
		time.Now().Add(-24 * time.Hour).In(time.FixedZone("", 14*3600)),
		time.Unix(1, 0),
		time.Unix(0, 0), // not the zero Time
		time.Unix(0, 1),
		time.Unix(-1, 0),
		time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

func getExpired(k *kit) {
	for i, at := range pastTimes() {
		key := fmt.Sprintf("key%d", i)
		r := k.record(key)
		r.ExpiresAt = at
		k.create(r)
		k.absent(key, fmt.Sprintf("of a record created with ExpiresAt %v", at))

		key += "replaced"
		r = k.create(k.record(key))
		r.ExpiresAt = at
		k.replace(r)
		k.absent(key, fmt.Sprintf("of a record replaced with ExpiresAt %v", at))
	}
}

var deleteClauses = []clause{
	{
		name:     "Delete/Removes",
		sentence: "Delete removes the record",
		check: func(k *kit) {
			k.create(k.record("key"))
			kept := k.create(k.record("key2"))
			k.delete("key")
			k.absent("key", "after Delete")
			k.unchanged(kept, "of another key, after Delete")
			k.lists(storage.Query{}, "key2")
			k.lists(storage.Query{Subject: "subject"}, "key2")
			k.create(k.record("key"))
		},
	},
	{
		name:     "Delete/Nothing",
		sentence: "it returns nil if there is none.",
		check: func(k *kit) {
			k.delete("key")
			k.create(k.record("key"))
			k.delete("key")
			k.delete("key")
			k.create(k.expired("key"))
			k.delete("key")
		},
	},
}

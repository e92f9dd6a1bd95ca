package storagetest

import (
	"context"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/storage"
)

var optionalClauses = []clause{
	{
		name:     "Sweeper/Removes",
		sentence: "Sweep removes at most limit expired records and reports how many it removed.",
		check:    sweepRemoves,
		needs:    "storage.Sweeper",
		has:      isSweeper,
	},
	{
		name:     "Sweeper/Limit",
		sentence: "Sweep removes at most limit expired records",
		check:    sweepLimit,
		needs:    "storage.Sweeper",
		has:      isSweeper,
	},
	{
		name:     "Sweeper/SparesLive",
		sentence: "never removes a live record.",
		check:    sweepSparesLive,
		needs:    "storage.Sweeper",
		has:      isSweeper,
	},
	{
		name:     "Sweeper/BesideOthers",
		sentence: "It may run on several replicas at once and beside any other call, and never removes a live record.",
		check:    sweepBesideOthers,
		needs:    "storage.Sweeper",
		has:      isSweeper,
	},
	{
		name:     "Health/Works",
		sentence: "Health returns nil if the backend can read and write.",
		check: func(k *kit) {
			k.ok(k.s.(storage.Health).Health(k.ctx), "Health of a backend that works")
			k.lists(storage.Query{})
		},
		needs: "storage.Health",
		has:   isHealth,
	},
	{
		name:     "Health/ContextEnded",
		sentence: "Every method honours the end of its context by returning promptly with an error.",
		check: func(k *kit) {
			ctx, cancel := context.WithCancel(k.ctx)
			cancel()
			k.refusesToRun("Health", func() error { return k.s.(storage.Health).Health(ctx) })
		},
		needs: "storage.Health",
		has:   isHealth,
	},
}

func isSweeper(s storage.Storage) bool { _, ok := s.(storage.Sweeper); return ok }
func isHealth(s storage.Storage) bool  { _, ok := s.(storage.Health); return ok }

func (k *kit) sweep(limit int) int {
	removed, err := k.s.(storage.Sweeper).Sweep(k.ctx, limit)
	k.ok(err, "Sweep")
	if removed < 0 || removed > limit {
		k.failf("Sweep with the limit %d reports %d removed", limit, removed)
	}
	return removed
}

// sweepAll sweeps until nothing is left to sweep and returns how many went.
func (k *kit) sweepAll() (removed int) {
	for {
		n := k.sweep(1000)
		if n == 0 {
			return removed
		}
		removed += n
	}
}

// sweepRemoves can see what was removed by the count alone: expired records
// are not found either way.
func sweepRemoves(k *kit) {
	k.sweepAll()
	for i, at := range pastTimes() {
		r := k.record(fmt.Sprintf("key%d", i))
		r.ExpiresAt = at
		k.create(r)
	}
	k.create(k.record("live"))
	if got, want := k.sweepAll(), len(pastTimes()); got != want {
		k.failf("Sweep reports %d removed, want %d", got, want)
	}
	if n := k.sweep(1000); n != 0 {
		k.failf("Sweep after Sweep reports %d removed", n)
	}
}

func sweepLimit(k *kit) {
	k.sweepAll()
	for i := range 7 {
		k.create(k.expired(fmt.Sprintf("key%d", i)))
	}
	k.sweep(3)
	k.sweep(1)
	if left := k.sweepAll(); left < 3 {
		k.failf("Sweep with the limits 3 and 1 left %d of 7 expired records", left)
	}
}

func sweepSparesLive(k *kit) {
	var live []storage.Record
	for i := range 5 {
		r := k.record(fmt.Sprintf("key%d", i))
		k.create(k.expired("gone" + r.Key))
		live = append(live, k.create(r))
		never := k.record("never" + r.Key)
		never.ExpiresAt = never.ExpiresAt.AddDate(5000, 0, 0)
		live = append(live, k.create(never))
		never = k.record("zero" + r.Key)
		never.ExpiresAt = time.Time{}
		live = append(live, k.create(never))
	}
	k.sweepAll()
	for _, r := range live {
		k.unchanged(r, "after Sweep")
	}
}

// sweepBesideOthers makes expired records live again while they are swept.
func sweepBesideOthers(k *kit) {
	for i := range ways {
		k.create(k.expired(fmt.Sprintf("key%d", i)))
	}
	made := make([]storage.Record, ways)
	for _, err := range race(func(i int) error {
		if i%4 == 0 {
			_, err := k.s.(storage.Sweeper).Sweep(k.ctx, 5)
			return err
		}
		var err error
		made[i], err = k.s.Create(k.ctx, k.record(fmt.Sprintf("key%d", i)))
		return err
	}) {
		k.ok(err, "Sweep or Create beside each other")
	}
	k.sweepAll()
	for i, r := range made {
		if i%4 != 0 {
			k.unchanged(r, "created while its expired forerunner was swept")
		}
	}
}

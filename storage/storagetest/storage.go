package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/storage"
)

var storageClauses = []clause{
	{
		name:     "Storage/ContextEnded",
		sentence: "Every method honours the end of its context by returning promptly with an error.",
		check:    contextEnded,
	},
	{
		name:     "Storage/VisibleAtOnce",
		sentence: "visible to every later call on every replica",
		check:    visibleAtOnce,
	},
	{
		name:     "Storage/DataReceived",
		sentence: "a backend keeps no reference to a Data slice it received",
		check:    dataReceived,
	},
	{
		name:     "Storage/DataReturned",
		sentence: "and hands out none that it keeps.",
		check:    dataReturned,
	},
}

// prompt is what the kit takes for promptly, on a busy machine.
const prompt = 5 * time.Second

// contextEnded also wants an error that is none of the contract's: those
// would be taken as an answer.
func contextEnded(k *kit) {
	r := k.create(k.record("key"))
	cancelled, cancel := context.WithCancel(k.ctx)
	cancel()
	late, cancel := context.WithDeadline(k.ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, late} {
		for name, call := range map[string]func() error{
			"Create":            func() error { _, err := k.s.Create(ctx, k.record("new")); return err },
			"Create of a live":  func() error { _, err := k.s.Create(ctx, r); return err },
			"Get":               func() error { _, err := k.s.Get(ctx, k.kind, "key"); return err },
			"Get of nothing":    func() error { _, err := k.s.Get(ctx, k.kind, "no"); return err },
			"Replace":           func() error { _, err := k.s.Replace(ctx, r); return err },
			"Replace of none":   func() error { _, err := k.s.Replace(ctx, k.record("no")); return err },
			"Delete":            func() error { return k.s.Delete(ctx, k.kind, "key") },
			"Delete of nothing": func() error { return k.s.Delete(ctx, k.kind, "no") },
			"List":              func() error { _, err := k.s.List(ctx, storage.Query{Kind: k.kind}); return err },
		} {
			k.refusesToRun(name, call)
		}
	}
}

func (k *kit) refusesToRun(name string, call func() error) {
	began := time.Now()
	err := call()
	if took := time.Since(began); took > prompt {
		k.failf("%s took %v to return after its context had ended", name, took)
	}
	if err == nil {
		k.failf("%s returned no error although its context had ended", name)
	}
	for _, answer := range []error{storage.ErrNotFound, storage.ErrExists, storage.ErrConflict, storage.ErrBadCursor} {
		if errors.Is(err, answer) {
			k.failf("%s returned %q although its context had ended", name, err)
		}
	}
}

// visibleAtOnce reads every write back at once, through every way to read,
// and from many goroutines.
func visibleAtOnce(k *kit) {
	for _, err := range race(func(i int) error { return k.readBack(fmt.Sprintf("key%d", i)) }) {
		k.ok(err, "reading a write back")
	}
}

// readBack may be called from any goroutine.
func (k *kit) readBack(key string) error {
	r := k.record(key)
	r.Subject = key
	r, err := k.s.Create(k.ctx, r)
	if err != nil {
		return err
	}
	for range 3 {
		if err := k.sees(r); err != nil {
			return err
		}
		if r, err = k.s.Replace(k.ctx, r); err != nil {
			return err
		}
	}
	if err := k.s.Delete(k.ctx, k.kind, key); err != nil {
		return err
	}
	if _, err := k.s.Get(k.ctx, k.kind, key); !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("Get after Delete returned the error %q, want %q", text(err), storage.ErrNotFound)
	}
	return nil
}

func (k *kit) sees(r storage.Record) error {
	got, err := k.s.Get(k.ctx, k.kind, r.Key)
	if err != nil {
		return err
	}
	if got.Version != r.Version {
		return fmt.Errorf("Get returned Version %d after a write that gave %d", got.Version, r.Version)
	}
	p, err := k.s.List(k.ctx, storage.Query{Kind: k.kind, Subject: r.Subject})
	if err != nil {
		return err
	}
	if len(p.Records) != 1 || p.Records[0].Version != r.Version {
		return fmt.Errorf("List did not return the version that was just written")
	}
	return nil
}

func dataReceived(k *kit) {
	r := k.record("key")
	r.Data = []byte(`{"v":1}`)
	created := k.create(r)
	scribble(r.Data)
	k.hasData("key", `{"v":1}`, "after the Data given to Create was changed")

	created.Data = []byte(`{"v":2}`)
	k.replace(created)
	scribble(created.Data)
	k.hasData("key", `{"v":2}`, "after the Data given to Replace was changed")
}

func dataReturned(k *kit) {
	r := k.record("key")
	r.Data = []byte(`{"v":1}`)
	r = k.create(r)
	scribble(r.Data)
	k.hasData("key", `{"v":1}`, "after the Data returned by Create was changed")

	r.Data = []byte(`{"v":2}`)
	r = k.replace(r)
	scribble(r.Data)
	k.hasData("key", `{"v":2}`, "after the Data returned by Replace was changed")

	scribble(k.get("key").Data)
	k.hasData("key", `{"v":2}`, "after the Data returned by Get was changed")

	for _, listed := range k.walk(storage.Query{Kind: k.kind}) {
		scribble(listed.Data)
	}
	k.hasData("key", `{"v":2}`, "after the Data returned by List was changed")
}

// scribble overwrites b and what may be behind it.
func scribble(b []byte) {
	b = b[:cap(b)]
	copy(b, bytes.Repeat([]byte("!"), len(b)))
}

func (k *kit) hasData(key, want, when string) {
	if got := k.get(key).Data; string(got) != want {
		k.failf("Get returned the Data %s %s, want %q", excerpt(got), when, want)
	}
	for _, r := range k.walk(storage.Query{Kind: k.kind}) {
		if string(r.Data) != want {
			k.failf("List returned the Data %s %s, want %q", excerpt(r.Data), when, want)
		}
	}
}

package storagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// ways is how many calls race.
const ways = 64

// A kit is what a clause works with. Its methods end the clause by a panic
// with a failure, so they are for the clause's own goroutine alone.
type kit struct {
	ctx  context.Context
	s    storage.Storage
	kind storage.Kind
	soon time.Time // when the clause's records expire, an hour from its start
}

// A failure is what broke a clause.
type failure struct{ error }

func (k *kit) failf(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

// ok fails unless err is nil.
func (k *kit) ok(err error, format string, args ...any) {
	if err != nil {
		k.failf("%s: %w", fmt.Sprintf(format, args...), err)
	}
}

// is fails unless err is want, one of the contract's errors.
func (k *kit) is(err, want error, format string, args ...any) {
	if !errors.Is(err, want) {
		k.failf("%s returned the error %q, want %q", fmt.Sprintf(format, args...), text(err), want)
	}
}

func text(err error) string {
	if err == nil {
		return "nil"
	}
	return err.Error()
}

// record is a record of the clause's kind that outlasts the clause.
func (k *kit) record(key string) storage.Record {
	return storage.Record{
		Kind: k.kind, Key: key,
		ClientID: "client", Subject: "subject", SessionID: "session",
		ExpiresAt: k.soon,
		Data:      []byte(`{"v":1}`),
	}
}

// expired is a record whose end has passed.
func (k *kit) expired(key string) storage.Record {
	r := k.record(key)
	r.ExpiresAt = time.Now().Add(-time.Hour)
	return r
}

func (k *kit) create(r storage.Record) storage.Record {
	created, err := k.s.Create(k.ctx, r)
	k.ok(err, "Create of key %q", r.Key)
	return created
}

func (k *kit) get(key string) storage.Record {
	r, err := k.s.Get(k.ctx, k.kind, key)
	k.ok(err, "Get of key %q", key)
	return r
}

func (k *kit) replace(r storage.Record) storage.Record {
	replaced, err := k.s.Replace(k.ctx, r)
	k.ok(err, "Replace of key %q", r.Key)
	return replaced
}

func (k *kit) delete(key string) {
	k.ok(k.s.Delete(k.ctx, k.kind, key), "Delete of key %q", key)
}

// absent fails if there is a record.
func (k *kit) absent(key, after string) {
	_, err := k.s.Get(k.ctx, k.kind, key)
	k.is(err, storage.ErrNotFound, "Get %s", after)
}

// unchanged fails unless the stored record is still want.
func (k *kit) unchanged(want storage.Record, after string) {
	k.same(k.get(want.Key), want, "the record "+after)
}

// same fails unless got is want in every field, the time to the millisecond.
func (k *kit) same(got, want storage.Record, what string) {
	switch {
	case got.Version != want.Version:
		k.failf("%s has Version %d, want %d", what, got.Version, want.Version)
	default:
		k.sameContent(got, want, what)
	}
}

// sameContent is same but for the Version.
func (k *kit) sameContent(got, want storage.Record, what string) {
	k.sameText(string(got.Kind), string(want.Kind), what, "Kind")
	k.sameText(got.Key, want.Key, what, "Key")
	k.sameText(got.ClientID, want.ClientID, what, "ClientID")
	k.sameText(got.Subject, want.Subject, what, "Subject")
	k.sameText(got.SessionID, want.SessionID, what, "SessionID")
	if !sameTime(got.ExpiresAt, want.ExpiresAt) {
		k.failf("%s has ExpiresAt %v, want %v to the millisecond", what, got.ExpiresAt, want.ExpiresAt)
	}
	if !bytes.Equal(got.Data, want.Data) {
		k.failf("%s has other Data: %s, want %s", what, excerpt(got.Data), excerpt(want.Data))
	}
}

func (k *kit) sameText(got, want, what, field string) {
	if got != want {
		k.failf("%s has %s %q, want %q", what, field, got, want)
	}
}

func sameTime(a, b time.Time) bool {
	return a.IsZero() == b.IsZero() && a.Sub(b).Abs() < time.Millisecond
}

func excerpt(b []byte) string {
	const most = 60
	if len(b) <= most {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
}

// walk goes through all pages of q and returns the records.
func (k *kit) walk(q storage.Query) []storage.Record {
	return k.walkWith(q, func() {})
}

// walkWith is walk with a call between each page and the next.
func (k *kit) walkWith(q storage.Query, between func()) []storage.Record {
	const mostPages = 10_000
	var all []storage.Record
	for range mostPages {
		p, err := k.s.List(k.ctx, q)
		k.ok(err, "List")
		all = append(all, p.Records...)
		if p.Next == "" {
			return all
		}
		q.Cursor = p.Next
		between()
	}
	k.failf("List still gave a Next after %d pages", mostPages)
	return nil
}

// keys are the keys of records, in their order.
func keys(records []storage.Record) []string {
	all := make([]string, 0, len(records))
	for _, r := range records {
		all = append(all, r.Key)
	}
	return all
}

// race calls do in ways goroutines that start together, and returns what each
// returned.
func race(do func(i int) error) []error {
	errs := make([]error, ways)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range ways {
		all.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// oneWinner fails unless exactly one of a race's errors is nil and all others
// are lost; it returns the winner.
func (k *kit) oneWinner(errs []error, lost error) (winner int) {
	winner, winners := -1, 0
	for i, err := range errs {
		switch {
		case err == nil:
			winner = i
			winners++
		default:
			k.is(err, lost, "a call that lost the race")
		}
	}
	if winners != 1 {
		k.failf("%d of %d concurrent calls succeeded", winners, len(errs))
	}
	return winner
}

// randomKind is a kind that nothing else uses.
func randomKind() storage.Kind {
	b := []byte("kit")
	for _, c := range rand.Text()[:24] {
		if c < 'A' { // the digits 2 to 7
			c += 'A' - '2'
		}
		b = append(b, byte(c-'A'+'a'))
	}
	return storage.Kind(b)
}

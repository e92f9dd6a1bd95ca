// Package storagetest checks a storage backend against the contract that the
// comments of package storage are: one sub-test for each thing they promise,
// and a failure prints the sentence that was broken. A backend's own test is
//
//	func TestContract(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) storage.Storage { return open(t) })
//	}
//
// It uses the standard library only. It does not reach what needs the backend
// taken apart: what is left after a crash or a lost connection, and whether
// several processes on one database keep the contract together.
package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// patience is how long one clause may take before its context ends.
const patience = 2 * time.Minute

// Run runs the whole contract against a backend. open is called once for each
// clause and may return the same Storage every time: each clause uses a kind
// of its own, of letters chosen at random. It closes what it opened by
// t.Cleanup. Nothing else may sweep that Storage meanwhile. What is optional
// (storage.Sweeper, storage.Health) is checked if the Storage has it, and is
// otherwise skipped. Expiry is tested by times that have passed, so the clock
// that the backend goes by must be within half an hour of this process's.
func Run(t *testing.T, open func(t *testing.T) storage.Storage) {
	for _, c := range clauses() {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			s := open(t)
			if c.needs != "" && !c.has(s) {
				t.Skipf("%T is no %s", s, c.needs)
			}
			if err := c.run(ctx, s); err != nil {
				t.Errorf("the contract says: %s\nbut: %v", c.sentence, err)
			}
		})
	}
}

// A clause is one promise of the contract.
type clause struct {
	name     string // what it is about and what it promises, as in "Replace/OneWinner"
	sentence string // the contract's own words
	check    func(*kit)
	// needs names the optional interface that has tells the presence of;
	// empty if the clause concerns every Storage.
	needs string
	has   func(storage.Storage) bool
}

// run returns how s breaks the clause; nil if it does not.
func (c clause) run(ctx context.Context, s storage.Storage) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			err = p
		default:
			panic(p)
		}
	}()
	c.check(&kit{ctx: ctx, s: s, kind: randomKind(), soon: time.Now().Add(time.Hour)})
	return nil
}

func clauses() []clause {
	var all []clause
	for _, some := range [][]clause{
		recordClauses, createClauses, getClauses, replaceClauses, deleteClauses,
		listClauses, storageClauses, optionalClauses,
	} {
		all = append(all, some...)
	}
	return all
}

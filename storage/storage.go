// Package storage is the contract between the server and whatever keeps its
// state: one envelope for every kind of record, five methods, compare-and-swap
// instead of transactions. The comments here are the specification; package
// storage/storagetest checks a backend against them sentence by sentence.
//
// The package owns no state and decides nothing about what records mean.
package storage

import (
	"context"
	"errors"
	"time"
)

// The errors a backend answers with, found by errors.Is. Any other error
// means that the backend could not do its work: the server answers 503 and
// neither refuses nor succeeds.
var (
	// ErrNotFound: there is no record of that kind and key, or it has expired.
	ErrNotFound = errors.New("storage: record not found")
	// ErrExists: Create found a live record of that kind and key.
	ErrExists = errors.New("storage: record exists")
	// ErrConflict: Replace found another version than the one it was given.
	ErrConflict = errors.New("storage: version conflict")
	// ErrBadCursor: List was given a cursor it did not make.
	ErrBadCursor = errors.New("storage: cursor not understood")
)

// A Kind says what a record is. A backend treats every kind alike and must
// not know the list: later versions of the server add to it. Kinds are of the
// letters a to z, at most 32. A backend may use the kind health for itself.
type Kind string

// The kinds the server uses.
const (
	KindGrant       Kind = "grant"       // one authorization and every token that descends from it
	KindClient      Kind = "client"      // a registered client
	KindAlias       Kind = "alias"       // a short or foreign handle that points at a grant
	KindInteraction Kind = "interaction" // an authorization request that waits for its end user
	KindSession     Kind = "session"     // an end user's login session
	KindConsent     Kind = "consent"     // what a subject agreed to for one client
	KindReplay      Kind = "replay"      // a one-time value that was used
	KindKey         Kind = "key"         // the sealed ring of keys
	KindUser        Kind = "user"        // an account of the ready-made user base
	KindCounter     Kind = "counter"     // how much of a quota is taken
	KindInitial     Kind = "initial"     // an initial access token for registration
)

// A Record is the one thing a backend stores.
type Record struct {
	// Kind and Key together name the record. Key is 1 to 256 bytes of
	// printable ASCII, compared byte by byte: a backend must not fold case
	// or trim.
	Kind Kind
	Key  string
	// Version is set by the backend at Create and at each Replace, never
	// twice the same for one kind and key, not even after the record was
	// deleted or expired and another was created in its place.
	Version int64
	// ClientID, Subject and SessionID are indexed for List. Each may be
	// empty, is at most 512 bytes of UTF-8 without U+0000 and is compared
	// byte by byte.
	ClientID, Subject, SessionID string
	// ExpiresAt is when the record ends, kept at least to the millisecond,
	// in any location; zero means never. From that moment on the record is
	// not found, and a Sweeper may remove it.
	ExpiresAt time.Time
	// Data is JSON with a version field, opaque to the backend and given
	// back byte for byte. It may be up to 1 MiB.
	Data []byte
}

// Storage keeps records. Its methods may be called from any number of
// goroutines and processes at once. Every method honours the end of its
// context by returning promptly with an error. A nil error means that the
// effect is as durable as the backend promises to be, and visible to every
// later call on every replica; after any error that is none of this package's
// the caller must take the effect as unknown. What a method is given or
// returns is the caller's own: a backend keeps no reference to a Data slice
// it received, and hands out none that it keeps.
type Storage interface {
	// Create stores a new record and returns it with its Version. If a live
	// record of that kind and key exists it changes nothing and returns
	// ErrExists; of any number of concurrent calls exactly one succeeds. An
	// expired record is no obstacle. r.Version is ignored.
	Create(ctx context.Context, r Record) (Record, error)
	// Get returns the record, or ErrNotFound, also once it has expired.
	Get(ctx context.Context, kind Kind, key string) (Record, error)
	// Replace stores r in place of the record with the same kind and key and
	// returns it with its new Version, all fields taken from r. Unless
	// r.Version is the stored Version it changes nothing and returns
	// ErrConflict; of any number of concurrent calls with one Version
	// exactly one succeeds. If there is no such record, or it has expired,
	// it returns ErrNotFound: Replace never brings a record back.
	Replace(ctx context.Context, r Record) (Record, error)
	// Delete removes the record; it returns nil if there is none.
	Delete(ctx context.Context, kind Kind, key string) error
	// List returns live records that match q, in a fixed order of the
	// backend's choosing. A record that exists unchanged during a whole walk
	// over the pages is returned exactly once in it; one that is created,
	// changed or removed meanwhile may or may not appear, but never twice.
	List(ctx context.Context, q Query) (Page, error)
}

// A Query says what List returns. Kind is required. At most one of ClientID,
// Subject and SessionID may be set; with none, all records of the kind match.
type Query struct {
	Kind                         Kind
	ClientID, Subject, SessionID string
	// Limit is the most records of a page: 1 to 1000; zero means 100.
	Limit int
	// Cursor is the Next of the page before; empty asks for the first page.
	// A cursor of another shape gives ErrBadCursor.
	Cursor string
}

// A Page is one answer of List.
type Page struct {
	Records []Record
	// Next asks for the page after; empty says that this is the last.
	Next string
}

// A Sweeper is a Storage that can remove expired records. The server calls it
// now and then; it is found by type assertion.
type Sweeper interface {
	// Sweep removes at most limit expired records and reports how many it
	// removed. It may run on several replicas at once and beside any other
	// call, and never removes a live record.
	Sweep(ctx context.Context, limit int) (removed int, err error)
}

// Health is a Storage that can tell whether it would work just now. It is
// found by type assertion.
type Health interface {
	// Health returns nil if the backend can read and write.
	Health(ctx context.Context) error
}

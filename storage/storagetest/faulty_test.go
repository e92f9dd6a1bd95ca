package storagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// A fault is what a faulty backend does wrong.
type fault string

const (
	none fault = ""

	kindIgnored       fault = "the kind is no part of the name"
	kindCut           fault = "a kind is cut at 30 letters"
	keyFolded         fault = "keys are compared without case"
	keyTrimmed        fault = "keys lose the space at their end"
	keyCut            fault = "a key is cut at 255 bytes"
	versionReused     fault = "versions start anew with each record"
	indexFolded       fault = "subjects are compared without case"
	emptyNotIndexed   fault = "records without a client are not listed"
	expirySeconds     fault = "ExpiresAt is kept to the second"
	dataCompacted     fault = "Data is kept as JSON, not as bytes"
	dataBounded       fault = "Data is at most 64 KiB"
	createNoVersion   fault = "Create returns no Version"
	createOverwrites  fault = "Create overwrites"
	createChecksFirst fault = "Create checks, then acts"
	expiredBlocks     fault = "an expired record blocks Create"
	expiredChecked    fault = "Create over an expired record checks, then acts"
	createVersion     fault = "Create takes the Version given"
	foreignError      fault = "Get of nothing returns another error"
	expiredFound      fault = "Get finds expired records"
	epochIsNever      fault = "a Unix time of 0 is taken for never"
	expiryKept        fault = "Replace keeps the old ExpiresAt"
	lastWriteWins     fault = "Replace does not compare versions"
	conflictNotFound  fault = "Replace reports a conflict as not found"
	conflictWrites    fault = "Replace writes and then reports the conflict"
	replaceChecks     fault = "Replace checks, then acts"
	replaceUpserts    fault = "Replace creates what is missing"
	replaceRevives    fault = "Replace finds expired records"
	deleteKeepsIndex  fault = "List still finds what was deleted"
	deleteMissing     fault = "Delete of nothing is an error"
	matchesAny        fault = "List by subject also finds clients of that name"
	listNoData        fault = "List leaves Data out"
	indexStale        fault = "the indexes stay as Create made them"
	listExpired       fault = "List finds expired records"
	orderRandom       fault = "List has no order"
	pageSkips         fault = "List loses a record between two pages"
	cursorOffset      fault = "a cursor counts records"
	orderOfWrites     fault = "List is in the order of the last writes"
	limitIgnored      fault = "List without a Limit has no limit"
	nextForever       fault = "Next is never empty"
	cursorLenient     fault = "a cursor not understood starts anew"
	contextIgnored    fault = "contexts are ignored"
	contextNotFound   fault = "Get whose context ended finds nothing"
	readsStale        fault = "Get is a write behind"
	dataKept          fault = "the Data received is kept"
	dataHandedOut     fault = "the Data kept is handed out"
	sweepUncounted    fault = "Sweep reports nothing"
	sweepUnbounded    fault = "Sweep removes more than its limit"
	sweepNever        fault = "Sweep takes the zero time for a past one"
	sweepChecks       fault = "Sweep checks, then acts"
	healthBroken      fault = "Health is never well"
	healthDeaf        fault = "Health ignores its context"
)

// A faulty is a plain backend with one fault, or with none: a map, a mutex,
// and no index.
type faulty struct {
	fault fault

	mu      sync.Mutex
	records map[name]*entry
	version int64
	before  storage.Record // what the last Replace replaced
}

type name struct {
	kind storage.Kind
	key  string
}

// An entry is a record and the fields it was created with.
type entry struct {
	storage.Record
	created storage.Record
	deleted bool
}

func newFaulty(f fault) *faulty {
	return &faulty{fault: f, records: make(map[name]*entry)}
}

func (f *faulty) has(ft fault) bool { return f.fault == ft }

func (f *faulty) name(kind storage.Kind, key string) name {
	switch f.fault {
	case kindIgnored:
		kind = ""
	case kindCut:
		kind = kind[:min(len(kind), 30)]
	case keyFolded:
		key = strings.ToLower(key)
	case keyTrimmed:
		key = strings.TrimRight(key, " ")
	case keyCut:
		key = key[:min(len(key), 255)]
	}
	return name{kind, key}
}

func (f *faulty) expired(r *entry) bool {
	if f.has(epochIsNever) && r.ExpiresAt.Unix() == 0 {
		return false
	}
	return !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(time.Now())
}

// window lets others run between a check and an act.
func (f *faulty) window(faults ...fault) {
	if !slices.Contains(faults, f.fault) {
		return
	}
	f.mu.Unlock()
	for range 300 {
		runtime.Gosched()
	}
	f.mu.Lock()
}

func (f *faulty) ended(ctx context.Context) error {
	if f.has(contextIgnored) {
		return nil
	}
	return ctx.Err()
}

func (f *faulty) Create(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := f.ended(ctx); err != nil {
		return storage.Record{}, err
	}
	if f.has(dataBounded) && len(r.Data) > 1<<16 {
		return storage.Record{}, errors.New("data too long")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if old := f.records[f.name(r.Kind, r.Key)]; old != nil && !old.deleted && !f.has(createOverwrites) {
		if !f.expired(old) || f.has(expiredBlocks) {
			return storage.Record{}, storage.ErrExists
		}
		f.window(expiredChecked)
	}
	f.window(createChecksFirst)
	given := r.Version
	if f.has(versionReused) {
		r.Version = 0
	}
	r = f.put(r, &entry{created: r})
	if f.has(createVersion) && given != 0 {
		f.records[f.name(r.Kind, r.Key)].Version = given
		r.Version = given
	}
	if f.has(createNoVersion) {
		r.Version = 0
	}
	return r, nil
}

func (f *faulty) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	if err := f.ended(ctx); err != nil {
		if f.has(contextNotFound) {
			err = storage.ErrNotFound
		}
		return storage.Record{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.records[f.name(kind, key)]
	switch {
	case (r == nil || r.deleted) && f.has(foreignError):
		return storage.Record{}, errors.New("no rows")
	case r == nil || r.deleted || f.expired(r) && !f.has(expiredFound):
		return storage.Record{}, storage.ErrNotFound
	case f.has(readsStale) && f.before.Key == key && f.before.Kind == kind:
		return f.before, nil
	}
	return f.handOut(r.Record), nil
}

func (f *faulty) Replace(ctx context.Context, r storage.Record) (storage.Record, error) {
	if err := f.ended(ctx); err != nil {
		return storage.Record{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.records[f.name(r.Kind, r.Key)]
	if old == nil || old.deleted || f.expired(old) && !f.has(replaceRevives) {
		if !f.has(replaceUpserts) {
			return storage.Record{}, storage.ErrNotFound
		}
		old = &entry{created: r}
	}
	if err := f.compare(old, r); err != nil {
		return storage.Record{}, err
	}
	f.window(replaceChecks)
	if f.has(expiryKept) {
		r.ExpiresAt = old.ExpiresAt
	}
	f.before = old.Record
	return f.put(r, &entry{created: old.created}), nil
}

func (f *faulty) compare(old *entry, r storage.Record) error {
	switch {
	case old.Version == r.Version || f.has(lastWriteWins) || f.has(replaceUpserts):
		return nil
	case f.has(conflictNotFound):
		return storage.ErrNotFound
	case f.has(conflictWrites):
		f.put(r, &entry{created: old.created})
	}
	return storage.ErrConflict
}

// put stores r as e and returns it.
func (f *faulty) put(r storage.Record, e *entry) storage.Record {
	if f.has(versionReused) {
		r.Version++
	} else {
		f.version++
		r.Version = f.version
	}
	if f.has(expirySeconds) {
		r.ExpiresAt = r.ExpiresAt.Truncate(time.Second)
	}
	e.Record = r
	if !f.has(dataKept) {
		e.Data = bytes.Clone(r.Data)
	}
	if f.has(dataCompacted) {
		var b bytes.Buffer
		_ = json.Compact(&b, r.Data)
		e.Data = b.Bytes()
	}
	f.records[f.name(r.Kind, r.Key)] = e
	return f.handOut(e.Record)
}

func (f *faulty) handOut(r storage.Record) storage.Record {
	if !f.has(dataHandedOut) {
		r.Data = bytes.Clone(r.Data)
	}
	return r
}

func (f *faulty) Delete(ctx context.Context, kind storage.Kind, key string) error {
	if err := f.ended(ctx); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.records[f.name(kind, key)]
	switch {
	case f.has(deleteKeepsIndex) && r != nil:
		r.deleted = true
	case f.has(deleteMissing) && r == nil:
		return storage.ErrNotFound
	default:
		delete(f.records, f.name(kind, key))
	}
	return nil
}

func (f *faulty) Sweep(ctx context.Context, limit int) (removed int, err error) {
	if err := f.ended(ctx); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var gone []name
	for n, r := range f.records {
		if len(gone) == limit && !f.has(sweepUnbounded) {
			break
		}
		if f.expired(r) || f.has(sweepNever) && r.ExpiresAt.Before(time.Now()) {
			gone = append(gone, n)
		}
	}
	f.window(sweepChecks)
	for _, n := range gone {
		delete(f.records, n)
	}
	if f.has(sweepUncounted) {
		return 0, nil
	}
	return min(len(gone), limit), nil
}

func (f *faulty) Health(ctx context.Context) error {
	switch {
	case f.has(healthBroken):
		return errors.New("unwell")
	case f.has(healthDeaf):
		return nil
	}
	return f.ended(ctx)
}

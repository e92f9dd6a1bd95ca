// Package page is what backends do alike with a storage.Query: check it,
// read its cursor, and cut records into a page. A walk goes through the
// records in the order of their keys, so that nothing written meanwhile can
// make it miss or repeat a record, and a cursor is the last key returned.
//
// The package keeps nothing and knows no backend.
package page

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/seed36673005/authserver/storage"
)

// The limits of storage.Query and storage.Record.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxKey       = 256
)

// A Field is what a walk selects by.
type Field int

// The fields; All selects every record of the kind.
const (
	All Field = iota
	ClientID
	Subject
	SessionID
)

// Fields are all of them, in the order of their values.
var Fields = [...]Field{All, ClientID, Subject, SessionID}

// Value is what a record has in the field; empty for All.
func (f Field) Value(r *storage.Record) string {
	switch f {
	case ClientID:
		return r.ClientID
	case Subject:
		return r.Subject
	case SessionID:
		return r.SessionID
	}
	return ""
}

// A Walk is a checked query.
type Walk struct {
	Kind  storage.Kind
	Field Field
	Value string // what Field must equal; empty for All
	After string // the keys wanted are those greater than this one
	Limit int    // 1 to 1000
}

// Start checks q. A cursor that Page did not make gives storage.ErrBadCursor;
// a query outside the contract gives another error.
func Start(q storage.Query) (Walk, error) {
	w := Walk{Kind: q.Kind, Limit: q.Limit}
	if q.Kind == "" {
		return Walk{}, errors.New("query names no kind")
	}
	if w.Limit == 0 {
		w.Limit = defaultLimit
	}
	if w.Limit < 1 || w.Limit > maxLimit {
		return Walk{}, fmt.Errorf("query limit is not of 1 to %d", maxLimit)
	}
	for field, value := range [...]string{ClientID: q.ClientID, Subject: q.Subject, SessionID: q.SessionID} {
		if value == "" {
			continue
		}
		if w.Field != All {
			return Walk{}, errors.New("query selects by more than one field")
		}
		w.Field, w.Value = Field(field), value
	}
	var err error
	w.After, err = parseCursor(q.Cursor)
	return w, err
}

// Page is the page of records, which are in the order of their keys and, if
// the walk goes on, at least one more than Limit.
func (w Walk) Page(records []storage.Record) storage.Page {
	if len(records) <= w.Limit {
		return storage.Page{Records: records}
	}
	return storage.Page{Records: records[:w.Limit:w.Limit], Next: cursor(records[w.Limit-1].Key)}
}

// cursorPrefix names the shape, so that a later one can be told apart.
const cursorPrefix = "k."

var encoding = base64.RawURLEncoding.Strict()

func cursor(key string) string {
	return cursorPrefix + encoding.EncodeToString([]byte(key))
}

// parseCursor returns the key in a cursor; none for the empty cursor. What it
// returns is printable ASCII, which every database takes as text.
func parseCursor(c string) (key string, err error) {
	if c == "" {
		return "", nil
	}
	rest, ok := strings.CutPrefix(c, cursorPrefix)
	if !ok || len(rest) > encoding.EncodedLen(maxKey) || strings.ContainsAny(rest, "\r\n") {
		return "", storage.ErrBadCursor
	}
	b, err := encoding.DecodeString(rest)
	if err != nil || len(b) == 0 || !printable(b) {
		return "", storage.ErrBadCursor
	}
	return string(b), nil
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

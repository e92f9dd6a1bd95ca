package redisstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed36673005/authserver/storage"
)

// A record is stored as one string: the head, a line that the scripts read,
//
//	1 00c0ffee00c0ffee 1767323045678 MARK,MARK,MARK
//
// of the format, the version, the time it ends and its marks; the three
// indexed values, each with its length before it; and the data.
const format = "1"

// errDamaged: what is stored under a record's key is none that this package
// has written.
var errDamaged = errors.New("stored record not understood")

func encode(r *storage.Record) []byte {
	b := make([]byte, 0, 128+len(r.ClientID)+len(r.Subject)+len(r.SessionID)+len(r.Data))
	b = fmt.Appendf(b, "%s %s %d %s\n", format, versionText(r.Version), millis(r.ExpiresAt), marks(r))
	for _, value := range [...]string{r.ClientID, r.Subject, r.SessionID} {
		b = binary.AppendUvarint(b, uint64(len(value)))
		b = append(b, value...)
	}
	return append(b, r.Data...)
}

// decode reads what encode wrote of the record with that kind and key. Its
// Data is the caller's.
func decode(kind storage.Kind, key, stored string) (storage.Record, error) {
	r := storage.Record{Kind: kind, Key: key}
	head, body, _ := strings.Cut(stored, "\n")
	words := strings.Split(head, " ")
	if len(words) != 4 || words[0] != format {
		return storage.Record{}, errDamaged
	}
	version, err := strconv.ParseUint(words[1], 16, 64)
	if err != nil {
		return storage.Record{}, errDamaged
	}
	ends, err := strconv.ParseUint(words[2], 10, 63)
	if err != nil {
		return storage.Record{}, errDamaged
	}
	r.Version, r.ExpiresAt = int64(version), instant(int64(ends)) //nolint:gosec // written from an int64
	for _, field := range [...]*string{&r.ClientID, &r.Subject, &r.SessionID} {
		if *field, body, err = cutValue(body); err != nil {
			return storage.Record{}, err
		}
	}
	r.Data = []byte(body)
	return r, nil
}

func cutValue(body string) (value, rest string, err error) {
	head := body[:min(len(body), binary.MaxVarintLen64)]
	length, n := binary.Uvarint([]byte(head))
	if n <= 0 || length > uint64(len(body)-n) { //nolint:gosec // n is at most the length
		return "", "", errDamaged
	}
	body = body[n:]
	return body[:length], body[length:], nil
}

func versionText(version int64) string { return fmt.Sprintf("%016x", uint64(version)) } //nolint:gosec // the same bits

// never is the time, in milliseconds, of what does not end.
const never = 0

// farthest is the last time told apart from others: scripts and scores have
// numbers of 53 bits.
const farthest = 1 << 53

// millis is t as it is stored. What ended before 1970 ended then.
func millis(t time.Time) int64 {
	switch {
	case t.IsZero():
		return never
	case t.Unix() > farthest/1000:
		return farthest // UnixMilli might overflow
	}
	return min(max(t.UnixMilli(), 1), farthest)
}

func instant(millis int64) time.Time {
	if millis == never {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

func expired(r *storage.Record) bool {
	return !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(time.Now())
}

// now is the time as an argument of a script: read when it is about to be
// sent, not before the wait for a connection.
type now struct{}

// MarshalBinary implements encoding.BinaryMarshaler, by which the client
// library writes arguments.
func (now) MarshalBinary() ([]byte, error) {
	return strconv.AppendInt(nil, time.Now().UnixMilli(), 10), nil
}

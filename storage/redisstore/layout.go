package redisstore

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/internal/page"
)

// partitions is how many parts the records of a Store are cut into, by the
// hashes of their names. What one write touches, a record and its entries in
// the index, is in one part and so in one slot of a cluster. It is as many
// nodes as a Store can make use of, and as many places as a List may have to
// look in; it cannot be changed without moving every record.
const partitions = 128

// slots is how many there are in a Redis Cluster.
const slots = 16384

// tags are the hash tags of the partitions: for each the least number whose
// slot is in the partition's share of the slots, so that they spread evenly
// over a cluster.
var tags = func() (tags [partitions]string) {
	for n, missing := 0, partitions; missing > 0; n++ {
		tag := strconv.Itoa(n)
		if at := slot(tag) / (slots / partitions); tags[at] == "" {
			tags[at] = tag
			missing--
		}
	}
	return tags
}()

// slot is that of keys with the tag: CRC-16/XMODEM, as the Redis Cluster
// specification has it.
func slot(tag string) int {
	var crc uint16
	for _, c := range []byte(tag) {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc & 0x8000
			crc <<= 1
			if carry != 0 {
				crc ^= 0x1021
			}
		}
	}
	return int(crc) % slots
}

func partitionOf(kind storage.Kind, key string) int {
	sum := sha256.Sum256([]byte(string(kind) + ":" + key))
	return int(sum[0]) % partitions
}

func (s *Store) recordKey(kind storage.Kind, key string) string {
	return s.prefix + "{" + tags[partitionOf(kind, key)] + "}:" + string(kind) + ":" + key
}

// indexKey has a member for each way to find a record, all with the score 0
// and so in the order of their bytes: entryPrefix and the record's key.
func (s *Store) indexKey(partition int) string { return s.prefix + "{" + tags[partition] + "}index" }

// expiryKey has a member for each record that ends, a trace, with the time as
// its score: what is left to do when it has.
func (s *Store) expiryKey(partition int) string { return s.prefix + "{" + tags[partition] + "}expiry" }

func (s *Store) healthKey(partition int) string { return s.prefix + "{" + tags[partition] + "}health" }

// keys are those that each script is given.
func (s *Store) keys(kind storage.Kind, key string) []string {
	p := partitionOf(kind, key)
	return []string{s.recordKey(kind, key), s.indexKey(p), s.expiryKey(p)}
}

// letters tell the fields apart in the index.
var letters = [...]string{page.All: "a", page.ClientID: "c", page.Subject: "s", page.SessionID: "i"}

func entryPrefix(kind storage.Kind, f page.Field, value string) string {
	return string(kind) + ":" + letters[f] + mark(value) + ":"
}

// entriesAfter selects the entries with prefix whose keys are greater than
// key, as ZRANGEBYLEX takes it. The byte after ':' is ';'.
func entriesAfter(prefix, key string, limit int) *redis.ZRangeBy {
	return &redis.ZRangeBy{
		Min: "(" + prefix + key, Max: "(" + strings.TrimSuffix(prefix, ":") + ";",
		Count: int64(limit),
	}
}

// mark stands for an indexed value where it would be too long or hold bytes
// of meaning: 72 bits of its hash. Two values with one mark cost a look at
// the other's records and are not confused, as List looks at the values.
func mark(value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// marks are those of a record's indexed fields, as the scripts take them.
func marks(r *storage.Record) string {
	return mark(r.ClientID) + "," + mark(r.Subject) + "," + mark(r.SessionID)
}

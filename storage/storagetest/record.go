package storagetest

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/seed36673005/authserver/storage"
)

var recordClauses = []clause{
	{
		name:     "Record/Named",
		sentence: "Kind and Key together name the record.",
		check:    named,
	},
	{
		name:     "Record/AnyKind",
		sentence: "A backend treats every kind alike and must not know the list",
		check:    anyKind,
	},
	{
		name:     "Record/KeyBytes",
		sentence: "printable ASCII, compared byte by byte: a backend must not fold case or trim.",
		check:    keyBytes,
	},
	{
		name:     "Record/KeyLength",
		sentence: "Key is 1 to 256 bytes",
		check:    keyLength,
	},
	{
		name:     "Record/VersionNeverTwice",
		sentence: "never twice the same for one kind and key, not even after the record was deleted or expired and another was created in its place.",
		check:    versionNeverTwice,
	},
	{
		name:     "Record/IndexedBytes",
		sentence: "is at most 512 bytes of UTF-8 without U+0000 and is compared byte by byte.",
		check:    indexedBytes,
	},
	{
		name:     "Record/IndexedEmpty",
		sentence: "Each may be empty",
		check:    indexedEmpty,
	},
	{
		name:     "Record/ExpiresAtKept",
		sentence: "kept at least to the millisecond, in any location; zero means never.",
		check:    expiresAtKept,
	},
	{
		name:     "Record/DataBytes",
		sentence: "opaque to the backend and given back byte for byte.",
		check:    dataBytes,
	},
	{
		name:     "Record/DataSize",
		sentence: "It may be up to 1 MiB.",
		check:    dataSize,
	},
}

func named(k *kit) {
	other := k.record("key")
	other.Kind = randomKind()
	other.Data = []byte(`{"other":true}`)
	first := k.create(k.record("key"))
	second := k.create(other)
	k.unchanged(first, "after a Create of the same key in another kind")
	got, err := k.s.Get(k.ctx, other.Kind, "key")
	k.ok(err, "Get from the other kind")
	k.same(got, second, "the record of the other kind")
	k.delete("key")
	_, err = k.s.Get(k.ctx, other.Kind, "key")
	k.ok(err, "Get after a Delete of the same key in another kind")
}

func anyKind(k *kit) {
	long := randomKind() + "long" // 31 letters
	kinds := []storage.Kind{randomKind()[:10], long, long + "a", long + "b"}
	var created []storage.Record
	for _, kind := range kinds {
		r := k.record("key")
		r.Kind, r.Data = kind, fmt.Appendf(nil, `{"kind":%q}`, kind)
		created = append(created, k.create(r))
	}
	for _, want := range created {
		got, err := k.s.Get(k.ctx, want.Kind, "key")
		k.ok(err, "Get of the kind %q", want.Kind)
		k.same(got, want, "the record")
		k.ok(k.s.Delete(k.ctx, want.Kind, "key"), "Delete of the kind %q", want.Kind)
	}
}

// lookAlikes are texts that differ, and that some database takes for equal or
// for patterns.
var lookAlikes = []string{
	"abc", "Abc", "ABC", "abc ", " abc", "abc  ", "a", "ab", "abcd", "a%c", "a_c", "%", "_", "*", "a*c",
	"?", "[a-z]bc", `a\c`, `a\\c`, "'", `"`, "`", "''", "--", ";", "/", "//", "../abc", ".", "..", "{abc}",
	":", "a:bc", "ab:c", "0", "00", "0.0", "1", "1e0", "01", "NULL", "null", "true", "$1", "?1", "~", "!",
}

func keyBytes(k *kit) {
	printable := make([]byte, 0, '~'-' '+1)
	for c := byte(' '); c <= '~'; c++ {
		printable = append(printable, c)
	}
	all := append([]string{string(printable)}, lookAlikes...)
	for i, key := range all {
		r := k.record(key)
		r.Data = fmt.Appendf(nil, `{"v":%d}`, i)
		k.create(r)
	}
	for i, key := range all {
		want := k.record(key)
		want.Data = fmt.Appendf(nil, `{"v":%d}`, i)
		k.sameContent(k.get(key), want, "the record")
	}
	k.delete("%")
	k.delete("*")
	for _, key := range all {
		if key != "%" && key != "*" {
			k.get(key)
		}
	}
	k.absent("aBC", "of a key in other case than any stored")
}

func keyLength(k *kit) {
	long := strings.Repeat("k", 255)
	for _, key := range []string{long, long + "a", long + "b"} {
		r := k.record(key)
		r.Data = fmt.Appendf(nil, `{"last":%q}`, key[len(key)-1:])
		created := k.create(r)
		k.unchanged(created, "with a long key")
		k.unchanged(k.replace(created), "with a long key, after Replace")
	}
	if n := len(k.walk(storage.Query{Kind: k.kind, Limit: 1})); n != 3 {
		k.failf("List returned %d of 3 records with long keys", n)
	}
}

func versionNeverTwice(k *kit) {
	seen := make(map[int64]string)
	met := func(r storage.Record, by string) storage.Record {
		if before, ok := seen[r.Version]; ok {
			k.failf("%s gave Version %d, which %s had given for the same key", by, r.Version, before)
		}
		seen[r.Version] = by
		return r
	}
	for round := range 5 {
		r := met(k.create(k.record("key")), fmt.Sprintf("Create %d", round))
		for i := range 5 {
			r = met(k.replace(r), fmt.Sprintf("Replace %d of round %d", i, round))
		}
		if round%2 == 0 {
			k.delete("key")
			continue
		}
		r.ExpiresAt = time.Now().Add(-time.Hour)
		met(k.replace(r), fmt.Sprintf("the Replace that ended round %d", round))
	}
}

func indexedBytes(k *kit) {
	long := strings.Repeat("é", 255)
	values := []string{
		"sub", "Sub", "sub ", " sub", "s%", "s_b", "%", "*",
		"\u00e9", "e\u0301", "É", "ß", "ss", "日本", "\U0001F511", "a\tb", "a\nb", "a'b", `a\b`, `a"b`,
		long + "x", long + "y", // with a character more, 512 bytes
	}
	for i, v := range values {
		r := k.record(fmt.Sprintf("key%d", i))
		r.ClientID, r.Subject, r.SessionID = v, v+".", v+","
		k.unchanged(k.create(r), "with the client "+v)
	}
	for i, v := range values {
		key := fmt.Sprintf("key%d", i)
		k.lists(storage.Query{ClientID: v}, key)
		k.lists(storage.Query{Subject: v + "."}, key)
		k.lists(storage.Query{SessionID: v + ","}, key)
	}
}

func indexedEmpty(k *kit) {
	bare := k.record("bare")
	bare.ClientID, bare.Subject, bare.SessionID = "", "", ""
	k.unchanged(k.create(bare), "without client, subject and session")
	k.create(k.record("full"))
	k.lists(storage.Query{}, "bare", "full")
	k.lists(storage.Query{Subject: "subject"}, "full")
}

func expiresAtKept(k *kit) {
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	for i, at := range []time.Time{
		{},
		soon.Add(789 * time.Millisecond),
		soon.Add(time.Second - 1),
		soon.UTC(),
		soon.In(time.FixedZone("", -11*3600)),
		soon.In(time.FixedZone("", 13*3600+45*60)),
		time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC),
	} {
		r := k.record(fmt.Sprintf("key%d", i))
		r.ExpiresAt = at
		created := k.create(r)
		k.sameContent(created, r, "the record from Create")
		k.unchanged(created, "with its ExpiresAt")
		replaced := k.replace(created)
		k.sameContent(replaced, r, "the record from Replace")
		k.unchanged(replaced, "after Replace")
	}
}

func dataBytes(k *kit) {
	for i, data := range []string{
		`{}`,
		` { "v" : 1 } ` + "\n",
		`{"b":1,"a":2,"b":3}`,
		`{"n":1.0,"e":1E2,"big":` + fmt.Sprint(uint64(math.MaxUint64)) + `,"small":0.1000000000000000055511151231257827}`,
		`{"s":"\u0000\u0041\ud83d\udd11\/</script>\u2028"}`,
		`{"s":"é日本🔑 '' \\ %_?$1 :name"}`,
		"{\"tab\":\t1,\r\n\"cr\":2}",
	} {
		r := k.record(fmt.Sprintf("key%d", i))
		r.Data = []byte(data)
		created := k.create(r)
		k.sameContent(created, r, "the record from Create")
		k.unchanged(created, "after Create")
		k.unchanged(k.replace(created), "after Replace")
	}
}

func dataSize(k *kit) {
	const mib = 1 << 20
	frame := `{"v":""}`
	r := k.record("key")
	r.Data = []byte(`{"v":"` + strings.Repeat("0123456789abcdef", mib/16)[:mib-len(frame)] + `"}`)
	created := k.create(r)
	k.sameContent(created, r, "the record from Create")
	k.unchanged(created, "of 1 MiB")
	created.Data[mib-3] = '!'
	k.unchanged(k.replace(created), "of 1 MiB, after Replace")
	listed := k.walk(storage.Query{Kind: k.kind})
	if len(listed) != 1 || len(listed[0].Data) != mib {
		k.failf("List did not return the record of 1 MiB")
	}
}

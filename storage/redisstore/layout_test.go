package redisstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
)

// TestLayoutIsFixed: records that an older version wrote are found by a newer
// one. What is here cannot be changed without moving them all.
func TestLayoutIsFixed(t *testing.T) {
	s := &Store{prefix: defaultPrefix}
	require.Equal(t, 128, partitions)
	require.Equal(t, []string{
		"authserver:{10}:grant:key",
		"authserver:{10}index",
		"authserver:{10}expiry",
	}, s.keys("grant", "key"))
	r := storage.Record{
		Version: 255, ClientID: "c", Subject: "s",
		ExpiresAt: time.UnixMilli(1767323045678), Data: []byte("{}"),
	}
	require.Equal(t, "1 00000000000000ff 1767323045678 Ln0sA6lQeuJl,BDpxh3TFcr2K,\n\x01c\x01s\x00{}", string(encode(&r)))
}

// TestPartitionsSpreadEvenly asks a server for the slots.
func TestPartitionsSpreadEvenly(t *testing.T) {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: testservers.RedisCluster(t)})
	defer func() { _ = client.Close() }()
	s := &Store{prefix: defaultPrefix}
	for p := range partitions {
		for _, key := range []string{s.indexKey(p), s.expiryKey(p), s.healthKey(p)} {
			slot, err := client.ClusterKeySlot(t.Context(), key).Result()
			require.NoError(t, err)
			require.Equal(t, int64(p), slot/(slots/partitions))
		}
	}
}

func TestRecordsSpreadEvenly(t *testing.T) {
	var count [partitions]int
	const each = 100
	for i := range each * partitions {
		count[partitionOf("grant", fmt.Sprint(i))]++
	}
	for _, n := range count {
		require.InDelta(t, each, n, each/2)
	}
}

func TestTimes(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 6789e5, time.FixedZone("", 3600))
	for name, tc := range map[string]struct {
		time   time.Time
		millis int64
		back   time.Time
	}{
		"zero is never":          {time.Time{}, 0, time.Time{}},
		"rounded down, in UTC":   {when, when.UnixMilli(), when.Truncate(time.Millisecond).UTC()},
		"the epoch is not never": {time.Unix(0, 0), 1, time.UnixMilli(1).UTC()},
		"before the epoch":       {time.Unix(-1, 0), 1, time.UnixMilli(1).UTC()},
		"beyond all times":       {time.Unix(math.MaxInt64/2, 0), farthest, time.UnixMilli(farthest).UTC()},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.millis, millis(tc.time))
			require.Equal(t, tc.back, instant(tc.millis))
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	sound := string(encode(&storage.Record{ClientID: "client"}))
	head, _, _ := strings.Cut(sound, "\n")
	for name, stored := range map[string]string{
		"nothing":         "",
		"another format":  "2" + sound[1:],
		"no version":      strings.Replace(sound, "0000000000000000", "x", 1),
		"no time":         strings.Replace(sound, " 0 ", " - ", 1),
		"no values":       head + "\n",
		"a cut value":     head + "\n\x06clie",
		"a great length":  head + "\n" + string(binary.AppendUvarint(nil, math.MaxUint64)),
		"an endless one":  head + "\n" + strings.Repeat("\xff", 11),
		"two values only": head + "\n\x01c\x01s",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode("grant", "key", stored)
			require.ErrorIs(t, err, errDamaged)
		})
	}
}

// FuzzDecode: what is understood is what encode would write.
func FuzzDecode(f *testing.F) {
	f.Add(string(encode(&storage.Record{})))
	f.Add(string(encode(&storage.Record{
		Version: 1, ClientID: "c", Subject: "s\n", SessionID: "日本", ExpiresAt: time.UnixMilli(5), Data: []byte("{}"),
	})))
	f.Fuzz(func(t *testing.T, stored string) {
		r, err := decode("grant", "key", stored)
		if err != nil {
			return
		}
		again, err := decode("grant", "key", string(encode(&r)))
		require.NoError(t, err)
		if r.ExpiresAt.After(instant(farthest)) {
			r.ExpiresAt = instant(farthest)
		}
		require.Equal(t, r, again)
	})
}

func TestParseTrace(t *testing.T) {
	got, err := parseTrace("grant:a,,c:key:with:colons")
	require.NoError(t, err)
	require.Equal(t, trace{"grant", "key:with:colons", "a,,c"}, got)
	for _, term := range []string{"", "grant", "grant:a,b,c", "grant:a:key"} {
		_, err := parseTrace(term)
		require.ErrorIs(t, err, errDamaged)
	}
}

type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func TestRefused(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	reset := &net.OpError{Op: "read", Err: errors.New("reset")}
	late := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for err, want := range map[error]struct{ refused, unanswered bool }{
		dial:                      {true, true},
		reply("LOADING soon"):     {true, true},
		reply("READONLY You"):     {true, true},
		reply("CLUSTERDOWN The"):  {true, true},
		reply("TRYAGAIN Multi"):   {true, true},
		reset:                     {false, true},
		io.EOF:                    {false, true},
		late:                      {false, false},
		reply("OOM command not"):  {false, false},
		reply("ERR user_script:"): {false, false},
	} {
		require.Equal(t, want.refused, refused(err), "%v", err)
		require.Equal(t, want.unanswered, unanswered(err), "%v", err)
	}
}

func TestVersionsDiffer(t *testing.T) {
	r := prepared(storage.Record{}, 0)
	require.Positive(t, r.Version)
	require.NotEqual(t, r.Version, prepared(r, r.Version).Version)
}

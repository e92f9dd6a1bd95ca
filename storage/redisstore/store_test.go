package redisstore_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/redisstore"
)

func record(key string) storage.Record {
	return storage.Record{
		Kind: "grant", Key: key, ClientID: "client", Subject: "subject", SessionID: "session",
		ExpiresAt: time.Now().Add(time.Hour), Data: []byte(`{"v":1}`),
	}
}

func keysWith(t *testing.T, client *redis.Client, prefix string) []string {
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	require.NoError(t, err)
	return keys
}

// isUnknown fails unless err says nothing of whether there was an effect.
func isUnknown(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, answer := range []error{storage.ErrExists, storage.ErrNotFound, storage.ErrConflict} {
		require.NotErrorIs(t, err, answer)
	}
}

// TestNativeExpiry: Redis itself removes a record, and Sweep the rest of it.
func TestNativeExpiry(t *testing.T) {
	client := newClient(t, testservers.Redis(t))
	s := open(t, redisstore.Config{Client: client, Prefix: "expiry:"})
	r := record("key")
	r.ExpiresAt = time.Now().Add(50 * time.Millisecond)
	_, err := s.Create(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, keysWith(t, client, "expiry:"), 3)
	require.Eventually(t, func() bool { return len(keysWith(t, client, "expiry:")) == 2 }, 10*time.Second, 5*time.Millisecond)

	removed, err := s.Sweep(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	require.Empty(t, keysWith(t, client, "expiry:"))
}

// TestListHeals: an entry without a record is removed by the List that meets
// it, and no other entry is.
func TestListHeals(t *testing.T) {
	client := newClient(t, testservers.Redis(t))
	s := open(t, redisstore.Config{Client: client, Prefix: "heals:"})
	_, err := s.Create(t.Context(), record("live"))
	require.NoError(t, err)
	gone := record("gone")
	gone.ExpiresAt = time.Now().Add(-time.Second)
	_, err = s.Create(t.Context(), gone)
	require.NoError(t, err)
	entries := func() (n int64) {
		for _, key := range keysWith(t, client, "heals:*index") {
			n += client.ZCard(t.Context(), key).Val()
		}
		return n
	}
	require.EqualValues(t, 8, entries())
	p, err := s.List(t.Context(), storage.Query{Kind: "grant", Subject: "subject"})
	require.NoError(t, err)
	require.Len(t, p.Records, 1)
	require.EqualValues(t, 6, entries(), "without those by subject and by kind")
	require.NoError(t, s.Delete(t.Context(), "grant", "live"))
	require.EqualValues(t, 2, entries())
}

// TestReplaceHeals: entries that are lost come back with the next write.
func TestReplaceHeals(t *testing.T) {
	client := newClient(t, testservers.Redis(t))
	s := open(t, redisstore.Config{Client: client, Prefix: "lost:"})
	r, err := s.Create(t.Context(), record("key"))
	require.NoError(t, err)
	require.NoError(t, client.Del(t.Context(), append(keysWith(t, client, "lost:*index"), keysWith(t, client, "lost:*expiry")...)...).Err())
	_, err = s.Replace(t.Context(), r)
	require.NoError(t, err)
	p, err := s.List(t.Context(), storage.Query{Kind: "grant", ClientID: "client"})
	require.NoError(t, err)
	require.Len(t, p.Records, 1)
	require.Len(t, keysWith(t, client, "lost:*expiry"), 1)
}

// TestNothingIsLeft: records that come, change, move, end and go leave no key.
func TestNothingIsLeft(t *testing.T) {
	client := newClient(t, testservers.Redis(t))
	s := open(t, redisstore.Config{Client: client, Prefix: "left:"})
	for i := range 100 {
		r, err := s.Create(t.Context(), record(fmt.Sprint(i)))
		require.NoError(t, err)
		r.ClientID, r.Subject, r.SessionID = "c2", "", "i2"
		if i%3 == 0 {
			r.ExpiresAt = time.Time{}
		}
		r, err = s.Replace(t.Context(), r)
		require.NoError(t, err)
		if i%2 == 0 {
			require.NoError(t, s.Delete(t.Context(), r.Kind, r.Key))
			continue
		}
		r.ExpiresAt = time.Now().Add(-time.Second)
		_, err = s.Replace(t.Context(), r)
		require.NoError(t, err)
		again := record(r.Key)
		again.ExpiresAt, again.SessionID = r.ExpiresAt, ""
		_, err = s.Create(t.Context(), again) // over what Redis expired, with other entries
		require.NoError(t, err)
	}
	for removed := 1; removed > 0; {
		var err error
		removed, err = s.Sweep(t.Context(), 20)
		require.NoError(t, err)
		require.LessOrEqual(t, removed, 20)
	}
	require.Empty(t, keysWith(t, client, "left:"))
}

func TestLongList(t *testing.T) {
	const n = 3000
	s := open(t, redisstore.Config{Options: at(testservers.RedisCluster(t)...)})
	inParallel(t, n, func(i int) error {
		_, err := s.Create(t.Context(), record(fmt.Sprint(i)))
		return err
	})
	for _, q := range []storage.Query{{Limit: 1000}, {Limit: 299, Subject: "subject"}} {
		q.Kind = "grant"
		seen := make(map[string]bool)
		for more := true; more; more = q.Cursor != "" {
			p, err := s.List(t.Context(), q)
			require.NoError(t, err)
			for _, r := range p.Records {
				require.False(t, seen[r.Key], "listed twice")
				seen[r.Key] = true
			}
			q.Cursor = p.Next
		}
		require.Len(t, seen, n)
	}
}

// TestDamagedRecord: what cannot be read is an error, and other records are
// as they were.
func TestDamagedRecord(t *testing.T) {
	client := newClient(t, testservers.Redis(t))
	s := open(t, redisstore.Config{Client: client, Prefix: "damaged:"})
	r, err := s.Create(t.Context(), record("key"))
	require.NoError(t, err)
	require.NoError(t, client.Set(t.Context(), keysWith(t, client, "damaged:*grant*")[0], "damaged", 0).Err())
	_, err = s.Get(t.Context(), "grant", "key")
	isUnknown(t, err)
	_, err = s.Create(t.Context(), r)
	isUnknown(t, err)
	_, err = s.Replace(t.Context(), r)
	isUnknown(t, err)
	_, err = s.List(t.Context(), storage.Query{Kind: "grant"})
	isUnknown(t, err)
	_, err = s.Create(t.Context(), record("sound"))
	require.NoError(t, err)
}

// TestScriptsAreForgotten: a server that restarts or takes over has none.
func TestScriptsAreForgotten(t *testing.T) {
	server := testservers.NewRedis(t)
	client := newClient(t, server.Addr)
	s := open(t, redisstore.Config{Client: client})
	for i := range 3 {
		require.NoError(t, client.ScriptFlush(t.Context()).Err())
		_, err := s.Create(t.Context(), record(fmt.Sprint(i)))
		require.NoError(t, err)
	}
}

// TestCancelledWhileTheServerHangs: the end of a context is honoured in the
// middle of a call, its deadline or not.
func TestCancelledWhileTheServerHangs(t *testing.T) {
	server := testservers.NewRedis(t)
	s := open(t, redisstore.Config{Client: newClient(t, server.Addr)})
	r, err := s.Create(t.Context(), record("key"))
	require.NoError(t, err)
	server.Signal(t, syscall.SIGSTOP)
	for name, call := range map[string]func(context.Context) error{
		"Create":  func(ctx context.Context) error { _, err := s.Create(ctx, r); return err },
		"Get":     func(ctx context.Context) error { _, err := s.Get(ctx, r.Kind, r.Key); return err },
		"Replace": func(ctx context.Context) error { _, err := s.Replace(ctx, r); return err },
		"Delete":  func(ctx context.Context) error { return s.Delete(ctx, r.Kind, r.Key) },
		"List":    func(ctx context.Context) error { _, err := s.List(ctx, storage.Query{Kind: r.Kind}); return err },
		"Sweep":   func(ctx context.Context) error { _, err := s.Sweep(ctx, 1); return err },
		"Health":  s.Health,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		began := time.Now()
		err := call(ctx)
		require.ErrorIs(t, err, context.Canceled, name)
		isUnknown(t, err)
		require.Less(t, time.Since(began), 2*time.Second, name)
	}
	server.Signal(t, syscall.SIGCONT)
}

func TestHealth(t *testing.T) {
	server := testservers.NewRedis(t)
	s := open(t, redisstore.Config{Options: at(server.Addr)})
	require.NoError(t, s.Health(t.Context()))
	admin := newClient(t, server.Addr)
	require.NoError(t, admin.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err())
	require.ErrorContains(t, s.Health(t.Context()), "redisstore: health: ")
	server.Kill(t)
	require.ErrorContains(t, s.Health(t.Context()), "redisstore: health: ")
}

package keys_test

import (
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/storage"
)

const day = 24 * time.Hour

// es256 are options that make no slow RSA keys and log nothing.
var es256 = keys.ManagedOptions{Algorithms: []string{keys.ES256}, Logger: slog.New(slog.DiscardHandler)}

func managed(t testing.TB, st storage.Storage, opts keys.ManagedOptions) *keys.Ring {
	t.Helper()
	ring, err := keys.Managed(st, secret, opts)
	require.NoError(t, err)
	return ring
}

// latest lets a refresh that is due come to its end first.
func latest(t testing.TB, ring *keys.Ring) *keys.Set {
	t.Helper()
	_, err := ring.Keys(t.Context())
	require.NoError(t, err)
	synctest.Wait()
	set, err := ring.Keys(t.Context())
	require.NoError(t, err)
	return set
}

func signingID(t testing.TB, set *keys.Set) string {
	t.Helper()
	k, ok := set.Signing(keys.ES256)
	require.True(t, ok)
	require.NotNil(t, k.Signer)
	return k.ID
}

func kids(t testing.TB, set *keys.Set) []string {
	t.Helper()
	var doc struct{ Keys []struct{ Kid string } }
	require.NoError(t, json.Unmarshal(set.JWKS(), &doc))
	var ids []string
	for _, k := range doc.Keys {
		ids = append(ids, k.Kid)
	}
	return ids
}

func TestManagedDefaults(t *testing.T) {
	st := &store{}
	ring, err := keys.Managed(st, secret, keys.ManagedOptions{Logger: es256.Logger})
	require.NoError(t, err)
	set, err := ring.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"ES256", "RS256"}, set.Algorithms())
	requirePublicJWKS(t, set)
}

func TestManagedOptionFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		opts keys.ManagedOptions
		want string
	}{
		"empty":        {keys.ManagedOptions{Algorithms: []string{}}, "is empty"},
		"none":         {keys.ManagedOptions{Algorithms: []string{"none"}}, "none of ES256"},
		"HS256":        {keys.ManagedOptions{Algorithms: []string{"HS256"}}, "none of ES256"},
		"twice":        {keys.ManagedOptions{Algorithms: []string{"ES256", "ES256"}}, "twice"},
		"negative":     {keys.ManagedOptions{Retain: -1}, "negative"},
		"too often":    {keys.ManagedOptions{RefreshEvery: time.Millisecond}, "under a second"},
		"never ahead":  {keys.ManagedOptions{RotateEvery: time.Hour}, "shorter than PublishAhead"},
		"weak secret":  {keys.ManagedOptions{PreviousSecrets: [][]byte{make([]byte, 40)}}, "repeats"},
		"short secret": {keys.ManagedOptions{PreviousSecrets: [][]byte{{1}}}, "1 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keys.Managed(&store{}, secret, tc.opts)
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := keys.Managed(nil, secret, es256)
	require.ErrorContains(t, err, "no storage")
	_, err = keys.Managed(&store{}, secret[:16], es256)
	require.ErrorContains(t, err, "16 bytes")
}

// However many replicas start at once, there is one ring.
func TestFirstStartMakesOneRing(t *testing.T) {
	st := &store{}
	var wg sync.WaitGroup
	sets := make([]*keys.Set, 64)
	rings := make([]*keys.Ring, 16)
	for i := range rings {
		rings[i] = managed(t, st, es256)
	}
	for i := range sets {
		wg.Go(func() {
			set, err := rings[i%len(rings)].Keys(t.Context())
			if err == nil {
				sets[i] = set
			}
		})
	}
	wg.Wait()
	for _, set := range sets {
		require.NotNil(t, set)
		require.Equal(t, string(sets[0].JWKS()), string(set.JWKS()))
		require.Equal(t, sets[0].TokenKey(), set.TokenKey())
		require.Equal(t, sets[0].Derive("x"), set.Derive("x"))
	}
}

// DJ-04: on every replica a key is published long enough before it signs, and
// long enough after.
func TestDJ04_PublishedBeforeAndAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		replicas := []*keys.Ring{managed(t, st, es256), managed(t, st, es256), managed(t, st, es256)}
		seen := map[string]map[int]time.Time{} // kid, replica: first published
		firstUse, lastUse := map[string]time.Time{}, map[string]time.Time{}
		start := time.Now()
		for step := 0; time.Since(start) < 200*day; step++ {
			for i, ring := range replicas {
				if step%(i+1) != 0 { // some are asked more often than others
					continue
				}
				set, err := ring.Keys(t.Context())
				require.NoError(t, err)
				published := kids(t, set)
				for _, kid := range published {
					if seen[kid] == nil {
						seen[kid] = map[int]time.Time{}
					}
					if _, ok := seen[kid][i]; !ok {
						seen[kid][i] = time.Now()
					}
				}
				signing := signingID(t, set)
				if _, ok := firstUse[signing]; !ok {
					firstUse[signing] = time.Now()
				}
				lastUse[signing] = time.Now()
				for kid, used := range lastUse {
					if time.Since(used) < 2*day {
						require.Contains(t, published, kid)
					}
				}
			}
			time.Sleep(17 * time.Minute)
		}
		require.Len(t, firstUse, 3, "rotated twice in 200 days")
		initial := signingAt(firstUse, start)
		for kid, used := range firstUse {
			for i := range replicas {
				if kid != initial {
					require.GreaterOrEqual(t, used.Sub(seen[kid][i]), day-time.Hour, "replica %d", i)
				}
			}
		}
		// first ring; next; rotation and its drop, each by one replica only
		require.LessOrEqual(t, st.writes.Load(), int64(20))
	})
}

// signingAt is the key first used at a time.
func signingAt(firstUse map[string]time.Time, at time.Time) string {
	for kid, used := range firstUse {
		if used.Equal(at) {
			return kid
		}
	}
	return ""
}

// DJ-05: what is retired long enough, or removed, is gone.
func TestDJ05_RemovedKeyIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		ring, other := managed(t, st, es256), managed(t, st, es256)
		first := signingID(t, latest(t, ring))
		latest(t, other)

		require.NoError(t, ring.Rotate(t.Context()))
		set := latest(t, ring)
		require.NotEqual(t, first, signingID(t, set))
		retired, ok := set.Lookup(first)
		require.True(t, ok, "still verifies")
		require.Nil(t, retired.Signer)

		require.NoError(t, ring.Remove(t.Context(), first))
		_, ok = latest(t, ring).Lookup(first)
		require.False(t, ok)
		time.Sleep(2 * time.Minute)
		_, ok = latest(t, other).Lookup(first)
		require.False(t, ok)

		second := signingID(t, latest(t, ring))
		require.NoError(t, ring.Remove(t.Context(), second), "the active one")
		require.NotEqual(t, second, signingID(t, latest(t, ring)))
		require.ErrorIs(t, ring.Remove(t.Context(), second), keys.ErrUnknownKey)
		require.ErrorIs(t, ring.Remove(t.Context(), ""), keys.ErrUnknownKey)

		third := signingID(t, latest(t, ring))
		require.NoError(t, ring.Rotate(t.Context()))
		time.Sleep(2*day + 3*time.Minute)
		_, ok = latest(t, ring).Lookup(third)
		require.False(t, ok)
	})
}

// Remove of the first key of all works on a ring that was never read.
func TestRotateBeforeFirstUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		require.NoError(t, managed(t, st, es256).Rotate(t.Context()))
		require.Len(t, kids(t, latest(t, managed(t, st, es256))), 3)
	})
}

// Keys of opaque tokens rotate too, outlive a refresh token, and every replica
// knows one before tokens are made with it.
func TestTokenKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		a, b := managed(t, st, es256), managed(t, st, es256)
		made := map[byte]time.Time{}
		derived := latest(t, a).Derive("pairwise")
		for range 400 {
			ka := latest(t, a).TokenKey()
			made[ka.ID] = time.Now()
			set := latest(t, b)
			kb, ok := set.TokenKeyByID(ka.ID)
			require.True(t, ok)
			require.Equal(t, ka, kb)
			require.Equal(t, derived, set.Derive("pairwise"))
			for id, at := range made {
				if time.Since(at) < 100*day {
					_, ok := set.TokenKeyByID(id)
					require.True(t, ok)
				}
			}
			time.Sleep(day)
		}
		require.Len(t, made, 5)
		_, ok := latest(t, a).TokenKeyByID(1)
		require.False(t, ok, "gone in time")
	})
}

func TestTokenKeyNumbersRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := managed(t, &store{}, es256)
		var err error
		for range 300 {
			if err = ring.Rotate(t.Context()); err != nil {
				break
			}
		}
		require.ErrorContains(t, err, "numbers of token keys")
		_, err = ring.Keys(t.Context())
		require.NoError(t, err)
	})
}

func TestAlgorithmsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		latest(t, managed(t, st, es256))

		opts := es256
		opts.Algorithms = []string{keys.EdDSA, keys.ES256}
		wide := managed(t, st, opts)
		set := latest(t, wide)
		require.Equal(t, []string{keys.ES256}, set.Algorithms(), "not before it is published")
		require.Len(t, kids(t, set), 2)
		time.Sleep(24 * time.Hour)
		require.Equal(t, []string{keys.ES256}, latest(t, wide).Algorithms(), "other replicas may have it a little later")
		time.Sleep(2 * time.Minute)
		require.Equal(t, []string{keys.ES256, keys.EdDSA}, latest(t, wide).Algorithms())

		narrow := managed(t, st, es256)
		require.Equal(t, []string{keys.ES256}, latest(t, narrow).Algorithms())
		require.Len(t, kids(t, latest(t, narrow)), 4, "published on, with the next ones")
		for range 100 * 24 {
			time.Sleep(time.Hour)
			latest(t, narrow)
		}
		for _, kid := range kids(t, latest(t, narrow)) {
			k, _ := latest(t, narrow).Lookup(kid)
			require.Equal(t, keys.ES256, k.Algorithm)
		}
	})
}

// DJ-11: no storage call per request.
func TestKeysAnswersFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		ring := managed(t, st, es256)
		latest(t, ring)
		before := st.reads.Load()
		ctx := t.Context()
		require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = ring.Keys(ctx) }))
		require.Equal(t, before, st.reads.Load())
		for range 60 {
			time.Sleep(time.Second)
			latest(t, ring)
		}
		require.Equal(t, before+1, st.reads.Load())
	})
}

// Readers, rotation and refresh at once; for the race detector.
func TestConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &store{}
		rings := []*keys.Ring{managed(t, st, es256), managed(t, st, es256)}
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for n := range 50 {
					set, err := rings[i%2].Keys(t.Context())
					if err != nil || len(set.Algorithms()) != 1 {
						t.Error("no keys", err)
						return
					}
					if i < 2 && n%10 == 0 {
						if err := rings[i].Rotate(t.Context()); err != nil {
							t.Error(err)
						}
					}
					time.Sleep(time.Duration(i+n) * time.Second)
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Hour)
		require.Equal(t, latest(t, rings[0]).JWKS(), latest(t, rings[1]).JWKS())
	})
}

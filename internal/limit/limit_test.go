package limit

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTakeUntilLimitThenUntilWindowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := New(Limit{Max: 2, Window: time.Minute}, 10)
		take := func(want bool, wantAfter time.Duration) {
			t.Helper()
			ok, after := k.Take("a")
			require.Equal(t, want, ok)
			require.Equal(t, wantAfter, after)
		}
		take(true, 0)
		time.Sleep(10 * time.Second) // fake time: the bubble's clock
		take(true, 0)
		take(false, 50*time.Second)
		time.Sleep(50*time.Second - time.Nanosecond)
		take(false, time.Nanosecond)
		time.Sleep(time.Nanosecond)
		take(true, 0)

		ok, _ := k.Take("b")
		require.True(t, ok, "another key is not affected")
	})
}

func TestForgiveGivesBackOneAttempt(t *testing.T) {
	k := New(Limit{Max: 2, Window: time.Hour}, 10)
	k.Take("a")
	k.Take("a")
	k.Forgive("a")
	ok, _ := k.Take("a")
	require.True(t, ok)
	ok, _ = k.Take("a")
	require.False(t, ok, "the failure before stays counted")

	k.Reset("a")
	ok, _ = k.Take("a")
	require.True(t, ok)
	k.Forgive("never taken")
}

// CC-08, LC-06: attempts made at once never pass the limit.
func TestParallelAttemptsNeverPassTheLimit(t *testing.T) {
	k := New(Limit{Max: 7, Window: time.Hour}, 10)
	var allowed atomic.Int64
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			<-start
			if ok, _ := k.Take("a"); ok {
				allowed.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	require.EqualValues(t, 7, allowed.Load())
}

func TestKeysAreBounded(t *testing.T) {
	k := New(Limit{Max: 1, Window: time.Hour}, 3)
	for _, key := range []string{"a", "b", "c"} {
		k.Take(key)
	}
	ok, _ := k.Take("a") // refused, and used most recently now
	require.False(t, ok)
	k.Take("d") // pushes b out
	require.Equal(t, 3, k.counters.Len())
	ok, _ = k.Take("a")
	require.False(t, ok, "a key in use is not forgotten")
	ok, _ = k.Take("b")
	require.True(t, ok)

	k.Take(strings.Repeat("x", 1<<20))
	for _, key := range k.counters.Keys() {
		require.LessOrEqual(t, len(key), longKey)
	}
}

func TestNoLimit(t *testing.T) {
	for _, l := range []Limit{{}, {Max: 1}, {Window: time.Hour}, {Max: -1, Window: time.Hour}} {
		k := New(l, 0)
		require.Nil(t, k)
		ok, after := k.Take("a")
		require.True(t, ok)
		require.Zero(t, after)
		k.Forgive("a")
		k.Reset("a")
	}
}

func TestExceeded(t *testing.T) {
	e := &Exceeded{After: 90 * time.Second}
	require.EqualError(t, e, "limit: exceeded for another 1m30s")
	require.Equal(t, 90*time.Second, e.RetryAfter())
}

package grantstate_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/grantstate"
)

// refresh uses a number and requires a verdict.
func refresh(t *testing.T, s grantstate.State, seq uint32, p grantstate.RefreshPolicy, now time.Duration, want grantstate.Verdict) grantstate.State {
	t.Helper()
	before := s.Clone()
	got, v := grantstate.UseRefresh(s, seq, p, at(now))
	require.Equal(t, want, v)
	require.Equal(t, before, s, "the State given is changed")
	if !v.Stores() {
		require.Equal(t, before, got, "nothing is to be stored, yet the State is another")
	}
	require.Equal(t, v == grantstate.Reused || before.Revoked(), got.Revoked())
	return got
}

func TestStartRefresh(t *testing.T) {
	s := grantstate.StartRefresh(withCode(), time.Hour, at(time.Minute))
	require.Equal(t, &grantstate.Refresh{Seq: 1, ExpiresAt: in(61 * time.Minute)}, s.Refresh)
	s = grantstate.StartRefresh(withCode(), 48*time.Hour, t0)
	require.Equal(t, s.EndsAt, s.Refresh.ExpiresAt, "past the absolute end")
	s = withCode()
	s.EndsAt = 0
	s = grantstate.StartRefresh(s, time.Hour, t0)
	require.False(t, s.LiveRefresh(1, t0), "an authorization without an end cannot be refreshed")
}

// RT-03, RT-04
func TestRotation(t *testing.T) {
	s := refresh(t, withRefresh(), 1, policy, time.Minute, grantstate.OK)
	require.Equal(t, &grantstate.Refresh{
		Seq: 2, ExpiresAt: in(61 * time.Minute),
		Rotated: []grantstate.Rotation{{Seq: 1, At: in(time.Minute)}},
	}, s.Refresh)
	require.False(t, s.LiveRefresh(1, at(time.Minute)))
	require.True(t, s.LiveRefresh(2, at(time.Minute)))

	strict := policy
	strict.Window = 0
	s = refresh(t, withRefresh(), 1, strict, time.Minute, grantstate.OK)
	require.Empty(t, s.Refresh.Rotated)
	s = refresh(t, s, 1, strict, time.Minute, grantstate.Reused)
	require.False(t, s.LiveRefresh(2, at(time.Minute)))
	_, ok := s.LiveAccess(1, at(time.Minute))
	require.False(t, ok)
	refresh(t, s, 2, strict, time.Minute, grantstate.Refused)
}

func TestReplayWindow(t *testing.T) {
	rotated := refresh(t, withRefresh(), 1, policy, time.Minute, grantstate.OK)
	for _, tt := range []struct {
		name string
		now  time.Duration
		want grantstate.Verdict
	}{
		{"at once", time.Minute, grantstate.Recovered},
		{"a millisecond before the end", 90*time.Second - time.Millisecond, grantstate.Recovered},
		{"at the end", 90 * time.Second, grantstate.Reused},
		{"after the end", 10 * time.Minute, grantstate.Reused},
		{"CK-02 by a clock that is a little behind", time.Minute - 29*time.Second, grantstate.Recovered},
		{"CK-01 by a clock set back", time.Minute - 30*time.Second, grantstate.Reused},
		{"CK-01 by a clock set back a day", -24 * time.Hour, grantstate.Reused},
	} {
		t.Run(tt.name, func(t *testing.T) { refresh(t, rotated, 1, policy, tt.now, tt.want) })
	}
}

// Every number rotated inside the window can be recovered, a slow third tab's
// too, each by its own time.
func TestSeveralGenerationsAreRecoverable(t *testing.T) {
	s := refresh(t, withRefresh(), 1, policy, 0, grantstate.OK)
	s = refresh(t, s, 2, policy, 20*time.Second, grantstate.OK)
	refresh(t, s, 1, policy, 29*time.Second, grantstate.Recovered)
	refresh(t, s, 2, policy, 49*time.Second, grantstate.Recovered)
	refresh(t, s, 1, policy, 30*time.Second, grantstate.Reused)
	s = refresh(t, s, 3, policy, 40*time.Second, grantstate.OK)
	require.Equal(t, []grantstate.Rotation{{Seq: 2, At: in(20 * time.Second)}, {Seq: 3, At: in(40 * time.Second)}}, s.Refresh.Rotated)
}

// A recovery never prolongs the window.
func TestWindowDoesNotExtendItself(t *testing.T) {
	s := refresh(t, withRefresh(), 1, policy, 0, grantstate.OK)
	for d := time.Second; d < 30*time.Second; d += time.Second {
		s = refresh(t, s, 1, policy, d, grantstate.Recovered)
	}
	refresh(t, s, 1, policy, 30*time.Second, grantstate.Reused)
}

func TestRecoverableNumbersAreBounded(t *testing.T) {
	s := withRefresh()
	for n := uint32(1); n <= 40; n++ {
		s = refresh(t, s, n, policy, time.Duration(n)*time.Millisecond, grantstate.OK)
	}
	require.Len(t, s.Refresh.Rotated, grantstate.MaxRecoverable)
	refresh(t, s, 41-grantstate.MaxRecoverable, policy, time.Second, grantstate.Recovered)
	refresh(t, s, 40-grantstate.MaxRecoverable, policy, time.Second, grantstate.Reused)
}

func TestKeep(t *testing.T) {
	keep := grantstate.RefreshPolicy{Idle: time.Hour, Window: 30 * time.Second}
	s := refresh(t, withRefresh(), 1, keep, 30*time.Minute, grantstate.OK)
	require.Equal(t, &grantstate.Refresh{Seq: 1, ExpiresAt: in(90 * time.Minute)}, s.Refresh)
	s = refresh(t, s, 1, keep, 80*time.Minute, grantstate.OK)

	t.Run("after a time of rotating", func(t *testing.T) {
		s := refresh(t, s, 1, policy, 81*time.Minute, grantstate.OK)
		refresh(t, s, 1, keep, 81*time.Minute, grantstate.Recovered)
		kept := refresh(t, s, 2, keep, 82*time.Minute, grantstate.OK)
		require.Equal(t, uint32(2), kept.Refresh.Seq)
		refresh(t, kept, 1, keep, 82*time.Minute, grantstate.Reused)
	})
}

// A number above the recorded one shows that the store lost its last writes:
// the record catches up.
func TestStoreLostWrites(t *testing.T) {
	s := refresh(t, withRefresh(), 4, policy, time.Minute, grantstate.OK)
	require.Equal(t, uint32(5), s.Refresh.Seq)
	require.Equal(t, uint32(4), s.AccessSeq, "numbers of lost access tokens must not be given again")

	t.Run("a slow tab survives it", func(t *testing.T) {
		for n := uint32(1); n <= 4; n++ {
			refresh(t, s, n, policy, 80*time.Second, grantstate.Recovered)
			refresh(t, s, n, policy, 90*time.Second, grantstate.Reused)
		}
	})
	t.Run("keep", func(t *testing.T) {
		keep := policy
		keep.Rotate = false
		s := refresh(t, withRefresh(), 4, keep, time.Minute, grantstate.OK)
		require.Equal(t, uint32(4), s.Refresh.Seq)
		refresh(t, s, 3, keep, time.Minute, grantstate.Recovered)
		refresh(t, s, 4, keep, time.Minute, grantstate.OK)
	})
	t.Run("without a window", func(t *testing.T) {
		strict := policy
		strict.Window = 0
		s := refresh(t, withRefresh(), 4, strict, time.Minute, grantstate.OK)
		refresh(t, s, 3, strict, time.Minute, grantstate.Reused)
	})
	t.Run("very many", func(t *testing.T) {
		const far = math.MaxUint32 - 1
		s := refresh(t, withRefresh(), far, policy, time.Minute, grantstate.OK)
		require.Len(t, s.Refresh.Rotated, grantstate.MaxRecoverable)
		refresh(t, s, far, policy, time.Minute, grantstate.Recovered)
		refresh(t, s, far+1, policy, time.Minute, grantstate.Refused)
	})
}

// RT-09, CK-04
func TestRefreshExpiry(t *testing.T) {
	s := withRefresh()
	refresh(t, s, 1, policy, time.Hour-time.Millisecond, grantstate.OK)
	refresh(t, s, 1, policy, time.Hour, grantstate.Expired)
	require.True(t, s.LiveRefresh(1, at(time.Hour-time.Millisecond)))
	require.False(t, s.LiveRefresh(1, at(time.Hour)))

	t.Run("expiry comes before re-use", func(t *testing.T) {
		s := refresh(t, s, 1, policy, time.Minute, grantstate.OK)
		refresh(t, s, 1, policy, 61*time.Minute, grantstate.Expired)
	})
	t.Run("the absolute end binds though the idle end is later", func(t *testing.T) {
		s := s.Clone()
		s.Refresh.ExpiresAt = in(48 * time.Hour)
		refresh(t, s, 1, policy, 24*time.Hour, grantstate.Expired)
		require.False(t, s.LiveRefresh(1, at(24*time.Hour)))
	})
	t.Run("a thousand rotations never extend the absolute end", func(t *testing.T) {
		s, now := s, time.Duration(0)
		for n := uint32(1); n <= 1000; n++ {
			s = refresh(t, s, n, policy, now, grantstate.OK)
			require.LessOrEqual(t, s.Refresh.ExpiresAt, s.EndsAt)
			now += time.Minute
		}
		long := grantstate.RefreshPolicy{Rotate: true, Idle: 100 * time.Hour}
		s = refresh(t, s, 1001, long, now, grantstate.OK)
		refresh(t, s, 1002, policy, 24*time.Hour-time.Millisecond, grantstate.OK)
		refresh(t, s, 1002, policy, 24*time.Hour, grantstate.Expired)
	})
}

func TestRefreshRefuses(t *testing.T) {
	refresh(t, withCode(), 1, policy, 0, grantstate.Refused) // no chain
	refresh(t, withRefresh(), 0, policy, 0, grantstate.Refused)
	refresh(t, grantstate.Revoke(withRefresh(), t0), 1, policy, 0, grantstate.Refused)
	none := withCode()
	require.False(t, none.LiveRefresh(1, t0))
	marked := withRefresh()
	marked.RevokedAt = 1
	refresh(t, marked, 1, policy, 0, grantstate.Refused)
	require.False(t, marked.LiveRefresh(1, t0))
}

// CK-05: nothing overflows, however far ahead.
func TestYear9999(t *testing.T) {
	end := time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
	s := withCode()
	s.EndsAt = grantstate.At(end)
	s = grantstate.StartRefresh(s, math.MaxInt64, end.Add(-time.Second))
	require.Equal(t, grantstate.At(end), s.Refresh.ExpiresAt)
	s, v := grantstate.UseRefresh(s, 1, grantstate.RefreshPolicy{Rotate: true, Window: math.MaxInt64, Idle: math.MaxInt64}, end.Add(-time.Second))
	require.Equal(t, grantstate.OK, v)
	require.Equal(t, end, s.RecordExpiry())
	require.False(t, s.LiveRefresh(2, end))
}

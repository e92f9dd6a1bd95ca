package grantstate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	gs "github.com/seed36673005/authserver/internal/grantstate"
)

// A life is one authorization under random requests, with a clock that mostly
// goes forward.
type life struct {
	s   gs.State
	now time.Time
}

func (l *life) pass(t *rapid.T) {
	l.now = l.now.Add(time.Duration(rapid.Int64Range(-10_000, 120_000).Draw(t, "ms")) * time.Millisecond)
}

// take keeps a new State after comparing it with the one before.
func (l *life) take(t *rapid.T, next gs.State) {
	require.GreaterOrEqual(t, next.AccessSeq, l.s.AccessSeq, "a number is given twice")
	require.Equal(t, l.s.EndsAt, next.EndsAt)
	if l.s.Revoked() {
		require.Equal(t, l.s.RevokedAt, next.RevokedAt, "a revocation is undone")
	}
	if l.s.Refresh != nil && next.Refresh != nil {
		require.GreaterOrEqual(t, next.Refresh.Seq, l.s.Refresh.Seq, "a refresh token comes to life again")
	}
	l.s = next
}

func (l *life) redeem(t *rapid.T) {
	next, v := gs.RedeemCode(l.s, right, l.now)
	if v == gs.OK {
		require.Zero(t, l.s.Code.UsedAt)
		next = gs.StartRefresh(next, policy.Idle, l.now)
	}
	l.take(t, next)
}

func (l *life) refresh(t *rapid.T) {
	p := gs.RefreshPolicy{
		Rotate: rapid.Bool().Draw(t, "rotate"),
		Window: time.Duration(rapid.Int64Range(0, 60).Draw(t, "window")) * time.Second,
		Idle:   time.Duration(rapid.Int64Range(0, 7200).Draw(t, "idle")) * time.Second,
	}
	seq := rapid.Uint32Range(0, 6).Draw(t, "behind")
	if l.s.Refresh != nil {
		seq = l.s.Refresh.Seq + 1 - min(seq, l.s.Refresh.Seq+1)
	}
	live := l.s.LiveRefresh(seq, l.now)
	next, v := gs.UseRefresh(l.s, seq, p, l.now)
	require.Equal(t, live && seq > 0, v == gs.OK, "LiveRefresh and UseRefresh differ")
	if v == gs.Recovered {
		require.Positive(t, p.Window)
		require.True(t, next.LiveRefresh(next.Refresh.Seq, l.now), "a recovery leads to a dead token")
	}
	l.take(t, next)
}

func (l *life) issue(t *rapid.T) {
	next, seq := gs.IssueAccess(l.s, gs.AccessRequest{
		ExpiresAt: l.now.Add(time.Duration(rapid.Int64Range(-1, 3600).Draw(t, "lifetime")) * time.Second),
		EndOthers: rapid.Bool().Draw(t, "end others"),
	}, l.now)
	require.Equal(t, l.s.Revoked(), seq == 0)
	l.take(t, next)
}

// check is what holds of every State that can be reached.
func (l *life) check(t *rapid.T) {
	s := &l.s
	require.LessOrEqual(t, len(s.Access), gs.MaxAccess)
	live := false
	for i, a := range s.Access {
		require.LessOrEqual(t, a.Seq, s.AccessSeq)
		if i > 0 {
			require.Greater(t, a.Seq, s.Access[i-1].Seq)
		}
		_, ok := s.LiveAccess(a.Seq, l.now)
		live = live || ok
		_, later := s.LiveAccess(a.Seq, l.now.Add(time.Hour))
		require.True(t, ok || !later, "time brings a token to life")
	}
	newest, ok := s.CurrentAccess(l.now)
	require.Equal(t, live, ok)
	if r := s.Refresh; r != nil {
		live = live || s.LiveRefresh(r.Seq, l.now)
		require.LessOrEqual(t, r.ExpiresAt, s.EndsAt)
		require.LessOrEqual(t, len(r.Rotated), gs.MaxRecoverable)
		for i, o := range r.Rotated {
			require.Less(t, o.Seq, r.Seq)
			require.True(t, i == 0 || o.Seq > r.Rotated[i-1].Seq)
			require.False(t, s.LiveRefresh(o.Seq, l.now))
		}
	}
	if live {
		require.False(t, s.Revoked(), "something lives after a revocation")
		require.True(t, s.RecordExpiry().After(l.now), "the record goes before its tokens")
		require.LessOrEqual(t, newest.Seq, s.AccessSeq)
	}
	b, err := gs.Encode(*s)
	require.NoError(t, err)
	back, err := gs.Decode(b)
	require.NoError(t, err)
	again, err := gs.Encode(back)
	require.NoError(t, err)
	require.Equal(t, string(b), string(again))
}

// unchanging runs an action and requires that it leaves the State it was given
// as it was.
func (l *life) unchanging(action func(*rapid.T)) func(*rapid.T) {
	return func(t *rapid.T) {
		given := l.s
		before := given.Clone()
		action(t)
		require.Equal(t, before, given, "the State given is changed")
	}
}

func TestEveryLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &life{s: withCode(), now: t0}
		l.s.Device = withDevice().Device
		t.Repeat(map[string]func(*rapid.T){
			"":        l.check,
			"time":    l.pass,
			"redeem":  l.unchanging(l.redeem),
			"refresh": l.unchanging(l.refresh),
			"issue":   l.unchanging(l.issue),
			"end": l.unchanging(func(t *rapid.T) {
				seq := rapid.Uint32Range(0, l.s.AccessSeq).Draw(t, "seq")
				l.take(t, gs.EndAccess(l.s, seq))
				_, ok := l.s.LiveAccess(seq, l.now)
				require.False(t, ok)
			}),
			"poll": l.unchanging(func(t *rapid.T) {
				next, v := gs.PollDevice(l.s, l.now)
				require.False(t, v == gs.OK && l.s.Device.UsedAt != 0)
				l.take(t, next)
			}),
			"decide": l.unchanging(func(t *rapid.T) {
				d := rapid.SampledFrom([]gs.DeviceDecision{gs.DeviceApproved, gs.DeviceDenied}).Draw(t, "decision")
				next, ok := gs.DecideDevice(l.s, d, l.now)
				require.Equal(t, ok, next.Device.Decision != l.s.Device.Decision)
				l.take(t, next)
			}),
			"revoke": l.unchanging(func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "seldom") == 0 {
					l.take(t, gs.Revoke(l.s, l.now))
				}
			}),
		})
	})
}

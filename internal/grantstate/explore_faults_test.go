package grantstate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	gs "github.com/seed36673005/authserver/internal/grantstate"
)

// A fault planted in the rules, and the promises that it breaks, each in one
// scenario.
type fault struct {
	name   string
	plant  func(*rules)
	breaks []breach
}

type breach struct{ promise, scenario string }

// withPolicy refreshes under another policy than the one promised.
func withPolicy(p gs.RefreshPolicy) func(*rules) {
	return func(r *rules) {
		r.refresh = func(s gs.State, seq uint32, now time.Time) (gs.State, gs.Verdict) {
			return gs.UseRefresh(s, seq, p, now)
		}
	}
}

// afterRefresh spoils the State that a refresh leaves.
func afterRefresh(spoil func(s *gs.State, now time.Time)) func(*rules) {
	return func(r *rules) {
		honest := r.refresh
		r.refresh = func(s gs.State, seq uint32, now time.Time) (gs.State, gs.Verdict) {
			s, v := honest(s, seq, now)
			if v == gs.OK {
				s = s.Clone()
				spoil(&s, now)
			}
			return s, v
		}
	}
}

// notStored answers a verdict of some requests without storing.
func notStored(o op, v gs.Verdict) func(*rules) {
	return func(r *rules) {
		r.stores = func(asked op, got gs.Verdict) bool { return got.Stores() && (asked != o || got != v) }
	}
}

// storeFaults are in what the endpoint makes of a decision.
func storeFaults() []fault {
	return []fault{
		{"Replace ignores the version", func(r *rules) { r.blind = true }, []breach{{oneRedemption, stolenCode}, {oneRefresh, twoTabs}, {onePoll, twoDevices}, {oneDecision, twoDeciders}, {notUndone, twoTabs}}},
		{"a conflict is not judged again", func(r *rules) { r.neverRerun = true }, []breach{{oneRedemption, stolenCode}, {oneRefresh, twoTabs}, {onePoll, twoDevices}, {oneDecision, twoDeciders}, {notUndone, twoTabs}}},
		{"a redemption is answered but not stored", notStored(redeem, gs.OK), []breach{{storedFirst, stolenCode}}},
		{"a refresh is answered but not stored", notStored(refreshN, gs.OK), []breach{{storedFirst, twoTabs}}},
		{"a revocation is answered but not stored", notStored(revoke, gs.OK), []breach{{deadIsDead, twoTabsRevoked}}},
		{"re-use of a code is not stored", notStored(redeem, gs.Reused), []breach{{replayKills, stolenCode}}},
		{"re-use of a refresh token is not stored", notStored(refreshN, gs.Reused), []breach{{replayKills, twoTabs}}},
		{"re-use of a device code is not stored", notStored(poll, gs.Reused), []breach{{replayKills, twoDevices}}},
	}
}

// refreshFaults are in the rules of the refresh chain.
func refreshFaults() []fault {
	endless, none := policy, policy
	endless.Window, none.Window = time.Hour, 0
	return []fault{
		{"no window", withPolicy(none), []breach{{notLoggedOut, twoTabs}}},
		{"a window without end", withPolicy(endless), []breach{{replayRefused, twoTabs}}},
		{"only the last rotation is recoverable", afterRefresh(func(s *gs.State, _ time.Time) {
			s.Refresh.Rotated = s.Refresh.Rotated[len(s.Refresh.Rotated)-1:]
		}), []breach{{notLoggedOut, twoTabs}}},
		{"each rotation opens all windows again", afterRefresh(func(s *gs.State, now time.Time) {
			for i := range s.Refresh.Rotated {
				s.Refresh.Rotated[i].At = gs.At(now)
			}
		}), []breach{{replayRefused, twoTabs}}},
		{"rotation does not move on", afterRefresh(func(s *gs.State, _ time.Time) { s.Refresh.Seq-- }), []breach{{oneRefresh, twoTabs}, {replayRefused, twoTabs}}},
		{"a recovery is answered with the next number", func(r *rules) {
			r.recover = func(_ gs.State, presented uint32) uint32 { return presented + 1 }
		}, []breach{{current, twoTabs}}},
		{"numbers above the record are refused", func(r *rules) {
			honest := r.refresh
			r.refresh = func(s gs.State, seq uint32, now time.Time) (gs.State, gs.Verdict) {
				if s.Refresh != nil && seq > s.Refresh.Seq {
					return s, gs.Refused
				}
				return honest(s, seq, now)
			}
		}, []breach{{notLoggedOut, lostWrites}}},
		{"a record that catches up forgets what it skips", func(r *rules) {
			honest := r.refresh
			r.refresh = func(s gs.State, seq uint32, now time.Time) (gs.State, gs.Verdict) {
				caughtUp := s.Refresh != nil && seq > s.Refresh.Seq
				s, v := honest(s, seq, now)
				if caughtUp && v == gs.OK {
					s = s.Clone()
					s.Refresh.Rotated = s.Refresh.Rotated[len(s.Refresh.Rotated)-1:]
				}
				return s, v
			}
		}, []breach{{notLoggedOut, lostWrites}}},
	}
}

// otherFaults are in the rules of codes, revocations and decisions.
func otherFaults() []fault {
	return []fault{
		{"a code is not marked as used", func(r *rules) {
			honest := r.redeem
			r.redeem = func(s gs.State, now time.Time) (gs.State, gs.Verdict) {
				s, v := honest(s, now)
				if v == gs.OK {
					s = s.Clone()
					s.Code.UsedAt = 0
				}
				return s, v
			}
		}, []breach{{replayRefused, stolenCode}}},
		{"a revocation ends the tokens alone", func(r *rules) {
			r.revoke = func(s gs.State, _ time.Time) gs.State {
				s.Refresh, s.Access = nil, nil
				return s
			}
		}, []breach{{deadIsDead, twoTabsRevoked}}},
		{"a revocation leaves access tokens", func(r *rules) {
			r.revoke = func(s gs.State, _ time.Time) gs.State {
				s.Refresh, s.Code = nil, nil
				return s
			}
		}, []breach{{deadIsDead, twoTabsRevoked}}},
		{"the last decision stands", func(r *rules) {
			r.decide = func(s gs.State, d gs.DeviceDecision, _ time.Time) (gs.State, bool) {
				s = s.Clone()
				s.Device.Decision = d
				return s, true
			}
		}, []breach{{oneDecision, twoDeciders}}},
		{"a device code is not marked as used", func(r *rules) {
			honest := r.poll
			r.poll = func(s gs.State, now time.Time) (gs.State, gs.Verdict) {
				s, v := honest(s, now)
				if v == gs.OK {
					s = s.Clone()
					s.Device.UsedAt = 0
				}
				return s, v
			}
		}, []breach{{replayRefused, twoDevices}, {replayKills, twoDevices}}},
	}
}

// The explorer finds every planted fault, so its silence means something.
func TestExplorerFindsPlantedFaults(t *testing.T) {
	for _, f := range slices.Concat(storeFaults(), refreshFaults(), otherFaults()) {
		t.Run(f.name, func(t *testing.T) {
			r := serverRules()
			f.plant(&r)
			for _, b := range f.breaks {
				i := slices.IndexFunc(scenarios(), func(sc scenario) bool { return sc.name == b.scenario })
				schedule := explore(scenarios()[i], r, b.promise).broken[b.promise]
				require.NotEmpty(t, schedule, "not found to break: %s", b.promise)
				t.Logf("%s; %s\n\t%s", b.promise, b.scenario, strings.Join(schedule, "\n\t"))
			}
		})
	}
}

package grantstate

import (
	"math"
	"time"
)

// RefreshPolicy is how refresh tokens of an authorization live.
type RefreshPolicy struct {
	// Rotate gives a successor for each token that is used; false keeps the
	// token as it is.
	Rotate bool
	// Window is how long a rotated token is still answered with the current
	// one. Zero means not at all.
	Window time.Duration
	// Idle is how long a token lives when it is not used.
	Idle time.Duration
}

// StartRefresh begins the chain with number 1.
func StartRefresh(s State, idle time.Duration, now time.Time) State {
	s.Refresh = &Refresh{Seq: 1, ExpiresAt: min(later(now, idle), s.EndsAt)}
	return s
}

// UseRefresh judges the refresh token of number seq (RFC 6749 §6, RFC 9700
// §4.14). The caller has made sure of the client and the binding, and that the
// server issued the number.
//
// The current number is good. So is one above it: only a store that lost its
// last writes can be behind, and the record catches up. A number rotated
// inside the window is Recovered, answered with the current token; the
// State is then unchanged. Any other older number is proof of re-use.
func UseRefresh(s State, seq uint32, p RefreshPolicy, now time.Time) (State, Verdict) {
	switch r := s.Refresh; {
	case s.Revoked() || r == nil:
		return s, Refused
	case seq == 0 || seq == math.MaxUint32: // before the first, and no successor
		return s, Refused
	case expired(r.ExpiresAt, now) || expired(s.EndsAt, now):
		return s, Expired
	case seq >= r.Seq:
		return s.refreshed(seq, p, now), OK
	case r.recoverable(seq, p.Window, now):
		return s, Recovered
	}
	return Revoke(s, now), Reused
}

// LiveRefresh reports whether the refresh token of number seq would be
// accepted as the current one.
func (s *State) LiveRefresh(seq uint32, now time.Time) bool {
	r := s.Refresh
	return !s.Revoked() && r != nil && seq >= r.Seq &&
		!expired(r.ExpiresAt, now) && !expired(s.EndsAt, now)
}

// refreshed is s after number seq, which is not below the recorded one, was
// used. The absolute end never moves.
func (s State) refreshed(seq uint32, p RefreshPolicy, now time.Time) State {
	old := s.Refresh
	next := &Refresh{Seq: seq, ExpiresAt: min(later(now, p.Idle), s.EndsAt)}
	if p.Rotate {
		next.Seq++
	}
	next.Rotated = old.rotated(next.Seq, p.Window, now)
	s.Refresh = next
	// Each rotation whose record was lost gave an access token, too; its
	// number must not be given again.
	lost := seq - old.Seq
	s.AccessSeq += min(lost, math.MaxUint32-s.AccessSeq)
	return s
}

// rotated is the list of recoverable numbers once next is current. Numbers
// that a catching-up record skips are on it: a moment before, each would have
// been accepted as current, so that a slow tab with one of them survives the
// failover as it survives any rotation.
func (r *Refresh) rotated(next uint32, window time.Duration, now time.Time) []Rotation {
	fresh := min(next-r.Seq, MaxRecoverable)
	var list []Rotation
	for _, o := range r.Rotated[max(0, len(r.Rotated)+int(fresh)-MaxRecoverable):] {
		if near(now, o.At, millis(window)) {
			list = append(list, o)
		}
	}
	if window <= 0 {
		return list
	}
	for n := next - fresh; n < next; n++ {
		list = append(list, Rotation{Seq: n, At: At(now)})
	}
	return list
}

func (r *Refresh) recoverable(seq uint32, window time.Duration, now time.Time) bool {
	for _, o := range r.Rotated {
		if o.Seq == seq {
			return near(now, o.At, millis(window))
		}
	}
	return false
}

package grantstate

import (
	"math"
	"slices"
	"time"
)

// AccessRequest is what an access token is to be.
type AccessRequest struct {
	ExpiresAt time.Time
	// Scopes are stored only if Narrowed; otherwise the token has all of the
	// authorization's. Resources, if any, narrow by themselves.
	Scopes, Resources []string
	Narrowed          bool
	// EndOthers ends every access token that was issued before.
	EndOthers bool
}

// IssueAccess records one more access token and returns its number. At most
// MaxAccess live at once; one more ends the oldest. Of a revoked authorization,
// and once the numbers are used up, the answer is 0, a token that never lives.
func IssueAccess(s State, in AccessRequest, now time.Time) (State, uint32) {
	if s.Revoked() || s.AccessSeq == math.MaxUint32 {
		return s, 0
	}
	var others []Access
	if !in.EndOthers {
		others = s.liveAccess(now)
		others = others[max(0, len(others)-(MaxAccess-1)):]
	}
	s.AccessSeq++
	a := Access{
		Seq: s.AccessSeq, IssuedAt: At(now), ExpiresAt: At(in.ExpiresAt),
		Resources: slices.Clone(in.Resources), Narrowed: in.Narrowed,
	}
	if in.Narrowed {
		a.Scopes = slices.Clone(in.Scopes)
	}
	s.Access = append(others, a)
	return s, a.Seq
}

// EndAccess ends the access token of number seq alone (RFC 7009 §2.1).
func EndAccess(s State, seq uint32) State {
	s.Access = slices.DeleteFunc(slices.Clone(s.Access), func(a Access) bool { return a.Seq == seq })
	return s
}

// LiveAccess returns the access token of number seq. It is false when that has
// expired or was ended, when no such number was issued, and when the
// authorization is revoked.
func (s *State) LiveAccess(seq uint32, now time.Time) (Access, bool) {
	if s.Revoked() || seq == 0 {
		return Access{}, false
	}
	for _, a := range s.Access {
		if a.Seq == seq && !expired(a.ExpiresAt, now) {
			return a, true
		}
	}
	return Access{}, false
}

// CurrentAccess returns the newest live access token, which a recovered
// refresh is answered with. It is false when there is none.
func (s *State) CurrentAccess(now time.Time) (Access, bool) {
	for _, a := range slices.Backward(s.Access) {
		if !s.Revoked() && !expired(a.ExpiresAt, now) {
			return a, true
		}
	}
	return Access{}, false
}

// ScopesOf returns the scopes of one of the access tokens.
func (s *State) ScopesOf(a Access) []string {
	if a.Narrowed {
		return a.Scopes
	}
	return s.Scopes
}

// ResourcesOf returns the resources of one of the access tokens.
func (s *State) ResourcesOf(a Access) []string {
	if len(a.Resources) > 0 {
		return a.Resources
	}
	return s.Resources
}

// liveAccess is a new list of what has not expired, with room for one more.
func (s *State) liveAccess(now time.Time) []Access {
	live := make([]Access, 0, len(s.Access)+1)
	for _, a := range s.Access {
		if !expired(a.ExpiresAt, now) {
			live = append(live, a)
		}
	}
	return live
}

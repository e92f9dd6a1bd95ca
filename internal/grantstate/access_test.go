package grantstate_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/grantstate"
)

func issue(t *testing.T, s grantstate.State, in grantstate.AccessRequest, now time.Duration) (grantstate.State, uint32) {
	t.Helper()
	before := s.Clone()
	got, seq := grantstate.IssueAccess(s, in, at(now))
	require.Equal(t, before, s, "the State given is changed")
	return got, seq
}

func TestIssueAccess(t *testing.T) {
	s, one := issue(t, withCode(), grantstate.AccessRequest{ExpiresAt: at(time.Minute)}, 0)
	s, two := issue(t, s, grantstate.AccessRequest{ExpiresAt: at(time.Hour), Scopes: []string{"a"}, Narrowed: true, Resources: []string{"https://r"}}, time.Second)
	require.Equal(t, []uint32{1, 2}, []uint32{one, two})

	a, ok := s.LiveAccess(1, at(time.Minute-time.Millisecond))
	require.True(t, ok)
	require.Equal(t, []string{"a", "b"}, s.ScopesOf(a))
	require.Empty(t, s.ResourcesOf(a))
	_, ok = s.LiveAccess(1, at(time.Minute))
	require.False(t, ok, "CK-04")

	a, ok = s.LiveAccess(2, at(time.Minute))
	require.True(t, ok)
	require.Equal(t, grantstate.Access{Seq: 2, IssuedAt: in(time.Second), ExpiresAt: in(time.Hour), Scopes: []string{"a"}, Resources: []string{"https://r"}, Narrowed: true}, a)
	require.Equal(t, []string{"a"}, s.ScopesOf(a))
	require.Equal(t, []string{"https://r"}, s.ResourcesOf(a))

	for _, unknown := range []uint32{0, 3, math.MaxUint32} {
		_, ok = s.LiveAccess(unknown, t0)
		require.False(t, ok)
	}

	s, _ = issue(t, s, grantstate.AccessRequest{ExpiresAt: at(time.Hour)}, time.Minute)
	require.Len(t, s.Access, 2, "the expired one is pruned")
	s, four := issue(t, s, grantstate.AccessRequest{ExpiresAt: at(time.Hour), EndOthers: true}, time.Minute)
	require.Len(t, s.Access, 1)
	require.Equal(t, uint32(4), four)
}

// A token narrowed to no scope has none.
func TestNarrowedToNothing(t *testing.T) {
	s, _ := issue(t, withCode(), grantstate.AccessRequest{ExpiresAt: at(time.Hour), Narrowed: true}, 0)
	a, _ := s.LiveAccess(1, t0)
	require.Empty(t, s.ScopesOf(a))
	s, _ = issue(t, s, grantstate.AccessRequest{ExpiresAt: at(time.Hour), Scopes: []string{"a"}}, 0)
	a, _ = s.LiveAccess(2, t0)
	require.Equal(t, s.Scopes, s.ScopesOf(a))
}

func TestAccessIsBounded(t *testing.T) {
	s := withCode()
	for range 100 {
		s, _ = issue(t, s, grantstate.AccessRequest{ExpiresAt: at(time.Hour)}, 0)
	}
	require.Len(t, s.Access, grantstate.MaxAccess)
	_, ok := s.LiveAccess(100-grantstate.MaxAccess, t0)
	require.False(t, ok)
	_, ok = s.LiveAccess(101-grantstate.MaxAccess, t0)
	require.True(t, ok)
}

func TestCurrentAccess(t *testing.T) {
	s := withCode()
	_, ok := s.CurrentAccess(t0)
	require.False(t, ok)
	s, _ = issue(t, s, grantstate.AccessRequest{ExpiresAt: at(time.Hour)}, 0)
	s, _ = issue(t, s, grantstate.AccessRequest{ExpiresAt: at(time.Minute)}, 0)
	a, ok := s.CurrentAccess(t0)
	require.True(t, ok)
	require.Equal(t, uint32(2), a.Seq)
	a, ok = s.CurrentAccess(at(time.Minute))
	require.True(t, ok)
	require.Equal(t, uint32(1), a.Seq)
	_, ok = s.CurrentAccess(at(time.Hour))
	require.False(t, ok)
	s.RevokedAt = 1
	_, ok = s.CurrentAccess(t0)
	require.False(t, ok)
	_, ok = s.LiveAccess(2, t0)
	require.False(t, ok)
}

func TestEndAccess(t *testing.T) {
	s, _ := issue(t, withRefresh(), grantstate.AccessRequest{ExpiresAt: at(time.Hour)}, 0)
	before := s.Clone()
	ended := grantstate.EndAccess(s, 1)
	require.Equal(t, before, s, "the State given is changed")
	_, ok := ended.LiveAccess(1, t0)
	require.False(t, ok)
	_, ok = ended.LiveAccess(2, t0)
	require.True(t, ok)
	require.True(t, ended.LiveRefresh(1, t0))
	require.Equal(t, ended, grantstate.EndAccess(ended, 1), "RV-08")
}

// What cannot be issued is number 0, which never lives.
func TestNothingToIssue(t *testing.T) {
	revoked := grantstate.Revoke(withRefresh(), t0)
	s, seq := issue(t, revoked, grantstate.AccessRequest{ExpiresAt: at(time.Hour)}, 0)
	require.Zero(t, seq)
	require.Equal(t, revoked, s)

	last := withCode()
	last.AccessSeq = math.MaxUint32
	s, seq = issue(t, last, grantstate.AccessRequest{ExpiresAt: at(time.Hour)}, 0)
	require.Zero(t, seq)
	_, ok := s.LiveAccess(0, t0)
	require.False(t, ok)
}

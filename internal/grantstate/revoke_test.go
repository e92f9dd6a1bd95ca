package grantstate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/grantstate"
)

func TestRevoke(t *testing.T) {
	s := withRefresh()
	before := s.Clone()
	dead := grantstate.Revoke(s, at(time.Second))
	require.Equal(t, before, s, "the State given is changed")
	require.True(t, dead.Revoked())
	require.Nil(t, dead.Refresh)
	require.Nil(t, dead.Access)
	require.Equal(t, s.AccessSeq, dead.AccessSeq)
	require.Equal(t, dead, grantstate.Revoke(dead, at(time.Hour)), "RV-08: the first time stays")
	epoch := grantstate.Revoke(s, time.UnixMilli(0))
	require.True(t, epoch.Revoked())
}

func TestRecordExpiry(t *testing.T) {
	code, chain, device := withCode(), withRefresh(), withDevice()
	access, _ := grantstate.IssueAccess(chain, grantstate.AccessRequest{ExpiresAt: at(2 * time.Hour)}, t0)
	revoked := grantstate.Revoke(access, at(time.Second))
	later := grantstate.Revoke(access, at(time.Hour))
	kept := revoked
	kept.KeepUntil = in(30 * time.Minute)
	for _, tt := range []struct {
		name string
		s    grantstate.State
		want time.Time
	}{
		{"a code", code, at(time.Minute)},
		{"a device code", device, at(10 * time.Minute)},
		{"a refresh chain", chain, at(time.Hour)},
		{"an access token that outlives the chain", access, at(2 * time.Hour)},
		{"revoked while the code is fresh", revoked, at(time.Minute)},
		{"revoked later", later, at(time.Hour)},
		{"revoked, and kept for what it was derived from", kept, at(30 * time.Minute)},
		{"nothing at all", grantstate.State{CreatedAt: in(0)}, t0},
	} {
		require.Equal(t, tt.want, tt.s.RecordExpiry(), tt.name)
	}
	empty := grantstate.State{}
	require.False(t, empty.RecordExpiry().IsZero(), "a store takes zero for never")
}

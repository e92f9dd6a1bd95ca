package grantstate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/grantstate"
)

func polls(t *testing.T, s grantstate.State, now time.Duration, want grantstate.Verdict) grantstate.State {
	t.Helper()
	before := s.Clone()
	got, v := grantstate.PollDevice(s, at(now))
	require.Equal(t, want, v)
	require.Equal(t, before, s, "the State given is changed")
	if !v.Stores() {
		require.Equal(t, before, got, "nothing is to be stored, yet the State is another")
	}
	return got
}

func decides(t *testing.T, s grantstate.State, d grantstate.DeviceDecision, now time.Duration, want bool) grantstate.State {
	t.Helper()
	before := s.Clone()
	got, ok := grantstate.DecideDevice(s, d, at(now))
	require.Equal(t, want, ok)
	require.Equal(t, before, s, "the State given is changed")
	if !ok {
		require.Equal(t, before, got)
	}
	return got
}

// DV-03
func TestPollWhilePending(t *testing.T) {
	s := polls(t, withDevice(), time.Second, grantstate.Pending)
	s = polls(t, s, 6*time.Second, grantstate.Pending)
	s = polls(t, s, 11*time.Second-time.Millisecond, grantstate.TooFast)
	require.Equal(t, grantstate.Millis(10_000), s.Device.Interval)
	s = polls(t, s, 20*time.Second, grantstate.TooFast)
	require.Equal(t, grantstate.Millis(15_000), s.Device.Interval)
	s = polls(t, s, 35*time.Second, grantstate.Pending)
	require.Equal(t, grantstate.Millis(15_000), s.Device.Interval)
}

func TestPollByAnotherClock(t *testing.T) {
	s := polls(t, withDevice(), time.Minute, grantstate.Pending)
	polls(t, s, time.Minute-time.Second, grantstate.TooFast)
	polls(t, s, 30*time.Second, grantstate.Pending)
}

// DV-09, DV-10
func TestPollApproved(t *testing.T) {
	s := polls(t, withDevice(), 0, grantstate.Pending)
	s = decides(t, s, grantstate.DeviceApproved, time.Second, true)
	s = polls(t, s, 2*time.Second, grantstate.TooFast)
	s = polls(t, s, 12*time.Second, grantstate.OK)
	require.Equal(t, in(12*time.Second), s.Device.UsedAt)

	s = grantstate.StartRefresh(s, policy.Idle, at(12*time.Second))
	again := polls(t, s, 13*time.Second, grantstate.Reused)
	require.True(t, again.Revoked())
	require.False(t, again.LiveRefresh(1, at(13*time.Second)))
	polls(t, again, time.Minute, grantstate.Refused)
	polls(t, s, 10*time.Minute, grantstate.Expired)
}

// DV-05
func TestPollDenied(t *testing.T) {
	s := polls(t, withDevice(), 0, grantstate.Pending)
	s = decides(t, s, grantstate.DeviceDenied, time.Second, true)
	polls(t, s, 2*time.Second, grantstate.TooFast)
	for range 3 {
		s = polls(t, s, 5*time.Second, grantstate.Denied)
	}
}

// DV-04, CK-04: past its lifetime a device code is expired for ever.
func TestPollExpired(t *testing.T) {
	s := withDevice()
	polls(t, s, 10*time.Minute-time.Millisecond, grantstate.Pending)
	for _, now := range []time.Duration{10 * time.Minute, 11 * time.Minute, 1000 * time.Hour} {
		polls(t, s, now, grantstate.Expired)
		polls(t, decides(t, s, grantstate.DeviceApproved, 0, true), now, grantstate.Expired)
		polls(t, decides(t, s, grantstate.DeviceDenied, 0, true), now, grantstate.Expired)
	}
	polls(t, withCode(), 0, grantstate.Refused)
	polls(t, grantstate.Revoke(s, t0), 0, grantstate.Refused)
}

// DV-16: the first decision stays.
func TestDecideDevice(t *testing.T) {
	for _, first := range []grantstate.DeviceDecision{grantstate.DeviceApproved, grantstate.DeviceDenied} {
		s := decides(t, withDevice(), first, 0, true)
		decides(t, s, grantstate.DeviceApproved, 0, false)
		decides(t, s, grantstate.DeviceDenied, 0, false)
		require.Equal(t, first, s.Device.Decision)
	}
	decides(t, withDevice(), grantstate.DevicePending, 0, false)
	decides(t, withDevice(), "maybe", 0, false)
	decides(t, withDevice(), grantstate.DeviceApproved, 10*time.Minute-time.Millisecond, true)
	decides(t, withDevice(), grantstate.DeviceApproved, 10*time.Minute, false)
	decides(t, grantstate.Revoke(withDevice(), t0), grantstate.DeviceApproved, 0, false)
	decides(t, withCode(), grantstate.DeviceApproved, 0, false)
}

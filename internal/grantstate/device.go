package grantstate

import "time"

// slowDown is by how much slow_down lengthens the interval (RFC 8628 §3.5).
const slowDown Millis = 5_000

// PollDevice judges a device access token request (RFC 8628 §3.4, §3.5). The
// caller has made sure that the client is the one the code was given to. A
// poll that comes too fast is told so whatever the end user decided.
func PollDevice(s State, now time.Time) (State, Verdict) {
	d := s.Device
	switch {
	case d == nil:
		return s, Refused
	case expired(d.ExpiresAt, now):
		return s, Expired
	case s.Revoked():
		return s, Refused
	case d.UsedAt != 0:
		return Revoke(s, now), Reused
	}
	tooFast := d.PolledAt != 0 && near(now, d.PolledAt, d.Interval)
	if !tooFast && d.Decision == DeviceDenied {
		return s, Denied
	}
	polled := *d
	polled.PolledAt = mark(now)
	s.Device = &polled
	switch {
	case tooFast:
		polled.Interval += slowDown
		return s, TooFast
	case d.Decision != DeviceApproved:
		return s, Pending
	}
	polled.UsedAt = polled.PolledAt
	return s, OK
}

// DecideDevice records what the end user said. It is false, and nothing is to
// be stored, unless the decision is still open: not made, in time, and the
// authorization not revoked.
func DecideDevice(s State, decision DeviceDecision, now time.Time) (State, bool) {
	d := s.Device
	if s.Revoked() || d == nil || d.Decision != DevicePending || expired(d.ExpiresAt, now) {
		return s, false
	}
	if decision != DeviceApproved && decision != DeviceDenied {
		return s, false
	}
	decided := *d
	decided.Decision = decision
	s.Device = &decided
	return s, true
}

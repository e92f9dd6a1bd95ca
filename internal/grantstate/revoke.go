package grantstate

import "time"

// Revoke ends the authorization and everything that descends from it, for
// good. The first revocation's time stays.
func Revoke(s State, now time.Time) State {
	if !s.Revoked() {
		s.RevokedAt = mark(now)
	}
	s.Refresh, s.Access = nil, nil
	return s
}

// RecordExpiry is when the record may go: once nothing in it can be used any
// more. A record that is gone answers as a revoked one does, and while a token
// lives so does the record, so replay is recognised as long as it matters. It
// is never the zero time, which a store takes for never.
func (s *State) RecordExpiry() time.Time {
	end := max(1, s.CreatedAt, s.RevokedAt, s.KeepUntil)
	if s.Code != nil {
		end = max(end, s.Code.ExpiresAt)
	}
	if s.Device != nil {
		end = max(end, s.Device.ExpiresAt)
	}
	if s.Refresh != nil {
		end = max(end, s.Refresh.ExpiresAt)
	}
	for _, a := range s.Access {
		end = max(end, a.ExpiresAt)
	}
	return end.Time()
}

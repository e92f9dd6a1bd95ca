package grantstate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/grantstate"
)

func TestRedeemCode(t *testing.T) {
	s, v := grantstate.RedeemCode(withCode(), right, at(time.Second))
	require.Equal(t, grantstate.OK, v)
	require.Equal(t, in(time.Second), s.Code.UsedAt)
	require.False(t, s.Revoked())
}

func TestRedeemCodeRefuses(t *testing.T) {
	type request = grantstate.CodeRequest
	long := strings.Repeat("a", 129)
	for _, tt := range []struct {
		name   string
		stored func(*grantstate.State)
		sent   func(*request)
		now    time.Duration
		want   grantstate.Verdict
	}{
		{name: "CG-06 redirect_uri left out", sent: func(r *request) { r.RedirectURI, r.RedirectSent = "", false }, want: grantstate.Refused},
		{name: "CG-06 redirect_uri empty", sent: func(r *request) { r.RedirectURI = "" }, want: grantstate.Refused},
		{name: "CG-06 redirect_uri with a slash", sent: func(r *request) { r.RedirectURI += "/" }, want: grantstate.Refused},
		{name: "CG-06 redirect_uri in another case", sent: func(r *request) { r.RedirectURI = strings.ToUpper(callback) }, want: grantstate.Refused},
		{name: "CG-06 redirect_uri with a query", sent: func(r *request) { r.RedirectURI += "?" }, want: grantstate.Refused},
		{name: "not sent at authorize, not sent now", stored: func(s *grantstate.State) { s.Code.RedirectSent = false }, sent: func(r *request) { r.RedirectURI, r.RedirectSent = "", false }, want: grantstate.OK},
		{name: "not sent at authorize, the effective one now", stored: func(s *grantstate.State) { s.Code.RedirectSent = false }, want: grantstate.OK},
		{name: "not sent at authorize, another one now", stored: func(s *grantstate.State) { s.Code.RedirectSent = false }, sent: func(r *request) { r.RedirectURI = "https://client.example/other" }, want: grantstate.Refused},
		{name: "CG-07 verifier missing", sent: func(r *request) { r.Verifier = "" }, want: grantstate.Refused},
		{name: "CG-07 verifier wrong", sent: func(r *request) { r.Verifier = "x" + verifier[1:] }, want: grantstate.Refused},
		{name: "CG-07 verifier of 42", sent: func(r *request) { r.Verifier = verifier[:42] }, want: grantstate.Refused},
		{name: "CG-07 verifier of 129", sent: func(r *request) { r.Verifier = long }, want: grantstate.Refused},
		{name: "CG-07 verifier is the challenge", sent: func(r *request) { r.Verifier = challenge }, want: grantstate.Refused},
		{name: "CG-09 verifier without challenge", stored: func(s *grantstate.State) { s.Code.Challenge = "" }, want: grantstate.Refused},
		{name: "neither verifier nor challenge", stored: func(s *grantstate.State) { s.Code.Challenge = "" }, sent: func(r *request) { r.Verifier = "" }, want: grantstate.OK},
		{name: "challenge cut short", stored: func(s *grantstate.State) { s.Code.Challenge = challenge[:42] }, want: grantstate.Refused},
		{name: "CK-04 a millisecond before the end", now: time.Minute - time.Millisecond, want: grantstate.OK},
		{name: "CG-03 CK-04 at the end", now: time.Minute, want: grantstate.Expired},
		{name: "CG-03 after the end", now: time.Hour, want: grantstate.Expired},
		{name: "CG-04 used", stored: func(s *grantstate.State) { s.Code.UsedAt = in(1) }, now: 30 * time.Second, want: grantstate.Reused},
		{name: "used, wrong verifier", stored: func(s *grantstate.State) { s.Code.UsedAt = in(1) }, sent: func(r *request) { r.Verifier = long[:43] }, want: grantstate.Refused},
		{name: "used, wrong redirect_uri", stored: func(s *grantstate.State) { s.Code.UsedAt = in(1) }, sent: func(r *request) { r.RedirectURI = "x" }, want: grantstate.Refused},
		{name: "used and past its end", stored: func(s *grantstate.State) { s.Code.UsedAt = in(1) }, now: time.Minute, want: grantstate.Expired},
		{name: "past its end, wrong verifier", sent: func(r *request) { r.Verifier = "" }, now: time.Hour, want: grantstate.Refused},
		{name: "revoked", stored: func(s *grantstate.State) { s.RevokedAt = 1 }, want: grantstate.Refused},
		{name: "revoked and used", stored: func(s *grantstate.State) { s.RevokedAt, s.Code.UsedAt = 1, 1 }, want: grantstate.Refused},
		{name: "CG-15 no code at all", stored: func(s *grantstate.State) { s.Code = nil }, want: grantstate.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, sent := withCode(), right
			if tt.stored != nil {
				tt.stored(&s)
			}
			if tt.sent != nil {
				tt.sent(&sent)
			}
			before := s.Clone()
			got, v := grantstate.RedeemCode(s, sent, at(tt.now))
			require.Equal(t, tt.want, v)
			require.Equal(t, before, s, "the State given is changed")
			if !v.Stores() {
				require.Equal(t, before, got, "nothing is to be stored, yet the State is another")
			}
			require.Equal(t, v == grantstate.Reused || before.Revoked(), got.Revoked())
		})
	}
}

// CG-07: each character outside RFC 7636 §4.1 is refused, and each inside is
// not what a request fails by.
func TestVerifierAlphabet(t *testing.T) {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	for b := range 256 {
		word := strings.Repeat(string([]byte{byte(b)}), 64)
		s := withCode()
		s.Code.Challenge = s256(word)
		_, v := grantstate.RedeemCode(s, grantstate.CodeRequest{RedirectURI: callback, RedirectSent: true, Verifier: word}, t0)
		require.Equal(t, strings.IndexByte(unreserved, byte(b)) >= 0, v == grantstate.OK, "byte %#x", b)
	}
	for n, want := range map[int]grantstate.Verdict{42: grantstate.Refused, 43: grantstate.OK, 128: grantstate.OK, 129: grantstate.Refused} {
		word := strings.Repeat("~", n)
		s := withCode()
		s.Code.Challenge = s256(word)
		_, v := grantstate.RedeemCode(s, grantstate.CodeRequest{RedirectURI: callback, RedirectSent: true, Verifier: word}, t0)
		require.Equal(t, want, v, "%d characters", n)
	}
}

// CG-04: every token of a code that is used twice is dead.
func TestCodeReplayKillsItsTokens(t *testing.T) {
	s := withRefresh()
	s, v := grantstate.RedeemCode(s, right, at(30*time.Second))
	require.Equal(t, grantstate.Reused, v)
	_, ok := s.LiveAccess(1, at(30*time.Second))
	require.False(t, ok)
	require.False(t, s.LiveRefresh(1, at(30*time.Second)))
	_, v = grantstate.RedeemCode(s, right, at(31*time.Second))
	require.Equal(t, grantstate.Refused, v)
}

// A moment whose number is zero still marks a code as used.
func TestUsedAtTheEpoch(t *testing.T) {
	s, v := grantstate.RedeemCode(withCode(), right, time.UnixMilli(0))
	require.Equal(t, grantstate.OK, v)
	_, v = grantstate.RedeemCode(s, right, time.UnixMilli(0))
	require.Equal(t, grantstate.Reused, v)
}

package grantstate_test

import (
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
)

// The pair of RFC 7636 appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	callback  = "https://client.example/cb"
)

var (
	t0     = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	policy = grantstate.RefreshPolicy{Rotate: true, Window: 30 * time.Second, Idle: time.Hour}
	right  = grantstate.CodeRequest{RedirectURI: callback, RedirectSent: true, Verifier: verifier}
)

func at(d time.Duration) time.Time { return t0.Add(d) }

func in(d time.Duration) grantstate.Millis { return grantstate.At(at(d)) }

// withCode is an authorization whose code lives a minute.
func withCode() grantstate.State {
	return grantstate.State{
		V: grantstate.Version, GrantType: "authorization_code", ClientID: "c", Subject: "s",
		Scopes: []string{"a", "b"}, CreatedAt: in(0), EndsAt: in(24 * time.Hour),
		Code: &grantstate.Code{
			ExpiresAt: in(time.Minute), RedirectURI: callback, RedirectSent: true, Challenge: challenge,
		},
	}
}

// withRefresh is an authorization after its code was redeemed.
func withRefresh() grantstate.State {
	s, _ := grantstate.RedeemCode(withCode(), right, t0)
	s = grantstate.StartRefresh(s, policy.Idle, t0)
	s, _ = grantstate.IssueAccess(s, grantstate.AccessRequest{ExpiresAt: at(10 * time.Minute)}, t0)
	return s
}

func withDevice() grantstate.State {
	return grantstate.State{
		V: grantstate.Version, ClientID: "c", CreatedAt: in(0), EndsAt: in(24 * time.Hour),
		Device: &grantstate.Device{ExpiresAt: in(10 * time.Minute), Interval: 5000},
	}
}

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

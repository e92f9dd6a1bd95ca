package authserver

import (
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/oauth"
)

var errRefresh = oauth.E(oauth.InvalidGrant, "refresh_token: expected the current one of this client, not expired or revoked")

// refresh exchanges a refresh token (RFC 6749 §6).
func (s *Server) refresh() exchange {
	return s.redeem(redemption{
		kind: token.Refresh, param: "refresh_token",
		missing: oauth.E(oauth.InvalidRequest, "refresh_token: required (RFC 6749 section 6)"),
		invalid: errRefresh, gone: errRefresh,
		judge: func(t *tokenRequest, sent token.Token, st grantstate.State, now time.Time) (grantstate.State, grantstate.Verdict) {
			return grantstate.UseRefresh(st, sent.Seq, s.refreshPolicy(t.client), now)
		},
		prepare: func(t *tokenRequest, a *engine.Authorization, verdict grantstate.Verdict) error {
			a.Refresh = true
			a.Recover = verdict == grantstate.Recovered
			a.EndOthers = !s.offer.refresh.KeepAccessTokens && !a.Recover
			return narrow(t, a, true)
		},
	})
}

// refreshPolicy is the client's, else the server's. A public client's tokens
// always rotate (RFC 9700 §4.14.2).
func (s *Server) refreshPolicy(c *oauth.Client) grantstate.RefreshPolicy {
	policy := s.offer.refresh.Policy
	if c.Refresh != oauth.RefreshDefault {
		policy = c.Refresh
	}
	return grantstate.RefreshPolicy{
		Rotate: policy != oauth.RefreshKeep || c.Public(),
		Window: s.offer.refresh.ReplayWindowOrDefault(), Idle: s.offer.refresh.IdleOrDefault(),
	}
}

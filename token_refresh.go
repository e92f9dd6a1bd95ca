package authserver

import (
	"context"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/oauth"
)

var errRefresh = oauth.E(oauth.InvalidGrant, "refresh_token: expected the current one of this client, not expired or revoked")

// refresh exchanges a refresh token (RFC 6749 §6).
func (s *Server) refresh(ctx context.Context, t *tokenRequest) (result tokenResult, err error) {
	if !t.form.Has("refresh_token") {
		return result, oauth.E(oauth.InvalidRequest, "refresh_token: required (RFC 6749 section 6)")
	}
	sent, ok := s.parse(t.keys, token.Refresh, t.form.Get("refresh_token"))
	if !ok {
		return result, errRefresh
	}
	policy := s.refreshPolicy(t.client)
	t.ev.GrantID = sent.Secret.GrantID()
	err = s.amend(ctx, t.ev.GrantID, func(st grantstate.State, now time.Time) (grantstate.State, bool, error) {
		t.now = now
		if st.ClientID != t.client.ID {
			return st, false, errRefresh
		}
		next, verdict := grantstate.UseRefresh(st, sent.Seq, policy, now)
		if t.judged(verdict); verdict != grantstate.OK && verdict != grantstate.Recovered {
			return next, verdict.Stores(), errRefresh
		}
		if err := s.still(ctx, t.client, &next); err != nil {
			return st, false, err
		}
		a := s.authorization(t, sent.Secret, next)
		if err := narrow(t, a, true); err != nil {
			return st, false, err
		}
		a.Refresh = true
		a.Recover = verdict == grantstate.Recovered
		a.EndOthers = !s.offer.refresh.KeepAccessTokens && !a.Recover
		before := next.AccessSeq
		changed, store, err := issue(ctx, s.engine, t, a, &result)
		// An answer given again changes nothing.
		return changed, store && (verdict == grantstate.OK || changed.AccessSeq != before), err
	})
	t.ev.Subject = result.subject
	s.noteReuse(ctx, t, err)
	return result, noGrant(err, errRefresh)
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

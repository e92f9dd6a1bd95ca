package authserver

import (
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

var errCode = oauth.E(oauth.InvalidGrant, "code: expected one that was given to this client, is not used or expired, with its redirect_uri and code_verifier")

// redeemCode exchanges an authorization code (RFC 6749 §4.1.3).
func (s *Server) redeemCode() exchange {
	return s.redeem(redemption{
		kind: token.Code, param: "code",
		missing: oauth.E(oauth.InvalidRequest, "code: required (RFC 6749 section 4.1.3)"),
		invalid: errCode, gone: errCode,
		judge: judgeCode,
		prepare: func(t *tokenRequest, a *engine.Authorization, _ grantstate.Verdict) error {
			a.Refresh = s.mayRefresh(t.client, a.State.Scopes)
			// RFC 6749 §4.1.3 has no scope here; one that is sent says nothing.
			return narrow(t, a, false)
		},
	})
}

func judgeCode(t *tokenRequest, _ token.Token, st grantstate.State, now time.Time) (grantstate.State, grantstate.Verdict) {
	next, verdict := grantstate.RedeemCode(st, grantstate.CodeRequest{
		RedirectURI: t.form.Get("redirect_uri"), RedirectSent: t.form.Has("redirect_uri"),
		Verifier: t.form.Get("code_verifier"),
	}, now)
	// A redirect URI that was taken back may have been an attacker's.
	if verdict == grantstate.OK && !wire.MatchRedirect(t.client, st.Code.RedirectURI) {
		return st, grantstate.Refused
	}
	return next, verdict
}

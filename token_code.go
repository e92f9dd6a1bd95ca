package authserver

import (
	"context"
	"errors"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

var errCode = oauth.E(oauth.InvalidGrant, "code: expected one that was given to this client, is not used or expired, with its redirect_uri and code_verifier")

// redeemCode exchanges an authorization code (RFC 6749 §4.1.3).
func (s *Server) redeemCode(ctx context.Context, t *tokenRequest) (result tokenResult, err error) {
	if !t.form.Has("code") {
		return result, oauth.E(oauth.InvalidRequest, "code: required (RFC 6749 section 4.1.3)")
	}
	code, ok := s.parse(t.keys, token.Code, t.form.Get("code"))
	if !ok {
		return result, errCode
	}
	t.ev.GrantID = code.Secret.GrantID()
	err = s.amend(ctx, t.ev.GrantID, func(st grantstate.State, now time.Time) (grantstate.State, bool, error) {
		t.now = now
		if st.ClientID != t.client.ID {
			return st, false, errCode
		}
		next, verdict := grantstate.RedeemCode(st, grantstate.CodeRequest{
			RedirectURI: t.form.Get("redirect_uri"), RedirectSent: t.form.Has("redirect_uri"),
			Verifier: t.form.Get("code_verifier"),
		}, now)
		if t.judged(verdict); verdict != grantstate.OK {
			return next, verdict.Stores(), errCode
		}
		// A redirect URI that was taken back may have been an attacker's.
		if !wire.MatchRedirect(t.client, st.Code.RedirectURI) {
			return st, false, errCode
		}
		if err := s.still(ctx, t.client, &next); err != nil {
			return st, false, err
		}
		a := s.authorization(t, code.Secret, next)
		// RFC 6749 §4.1.3 has no scope here; one that is sent says nothing.
		if err := narrow(t, a, false); err != nil {
			return st, false, err
		}
		a.Refresh = s.mayRefresh(t.client, next.Scopes)
		return issue(ctx, s.engine, t, a, &result)
	})
	t.ev.Subject = result.subject
	s.noteReuse(ctx, t, err)
	return result, noGrant(err, errCode)
}

// issue makes the tokens of an amended authorization.
func issue(ctx context.Context, e *engine.Engine, t *tokenRequest, a *engine.Authorization, result *tokenResult) (grantstate.State, bool, error) {
	answer, err := e.Token(ctx, a, t.grantType)
	if err != nil {
		return a.State, false, unavailable(err)
	}
	result.TokenAnswer, result.subject = answer, a.State.Subject
	return a.State, true, nil
}

// noGrant turns the absence of an authorization into the grant's own refusal.
func noGrant(err error, refusal *oauth.Error) error {
	if errors.Is(err, errNoGrant) {
		return refusal.Because(err)
	}
	return err
}

// judged notes what a grant came to.
func (t *tokenRequest) judged(verdict grantstate.Verdict) {
	t.verdict, t.ev.Rule = verdict, ""
	if verdict != grantstate.OK {
		t.ev.Rule = t.grantType + " " + verdict.String()
	}
}

// noteReuse reports that a spent code or token came back, which has ended the
// authorization (RFC 9700 §4.14.2). Err is what became of storing that.
func (s *Server) noteReuse(ctx context.Context, t *tokenRequest, err error) {
	if t.verdict == grantstate.Reused && errors.Is(err, oauth.InvalidGrant) {
		s.record(ctx, &Event{
			Type: EventReuse, ClientID: t.client.ID, GrantID: t.ev.GrantID, GrantType: t.grantType,
		}, nil)
	}
}

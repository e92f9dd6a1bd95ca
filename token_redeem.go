package authserver

import (
	"context"
	"errors"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/oauth"
)

// A redemption is what sets the grants apart that spend a token of an
// authorization: a code, a refresh token, a device code. The rest is redeem's.
type redemption struct {
	kind    token.Kind
	param   string       // the parameter that holds the token
	missing *oauth.Error // it was not sent
	invalid *oauth.Error // it is not ours, not this client's, or spent
	gone    *oauth.Error // its MAC says that it was ours; the record is no more
	// judge is the grant's own rule about the authorization.
	judge func(t *tokenRequest, sent token.Token, st grantstate.State, now time.Time) (grantstate.State, grantstate.Verdict)
	// refuse is the answer to a verdict that issues nothing. Nil: invalid.
	refuse func(grantstate.Verdict) *oauth.Error
	// prepare says what is to be issued.
	prepare func(t *tokenRequest, a *engine.Authorization, verdict grantstate.Verdict) error
}

// redeem is the exchange of a redemption, as the ordered list of its checks:
// the token is ours, its authorization exists, it is this client's, the grant's
// own rule, and what may have changed since.
func (s *Server) redeem(g redemption) exchange {
	return func(ctx context.Context, t *tokenRequest) (result tokenResult, err error) {
		if !t.form.Has(g.param) {
			return result, g.missing
		}
		sent, ok := s.parse(t.keys, g.kind, t.form.Get(g.param))
		if !ok {
			return result, g.invalid
		}
		t.ev.GrantID = sent.Secret.GrantID()
		err = s.amend(ctx, t.ev.GrantID, func(st grantstate.State, now time.Time) (grantstate.State, bool, error) {
			t.now = now
			if st.ClientID != t.client.ID {
				return st, false, g.invalid
			}
			next, verdict := g.judge(t, sent, st, now)
			if t.judged(verdict); verdict != grantstate.OK && verdict != grantstate.Recovered {
				return next, verdict.Stores(), g.refusal(verdict)
			}
			if err := s.still(ctx, t.client, &next); err != nil {
				return st, false, err
			}
			a := s.authorization(t, sent.Secret, next)
			if err := g.prepare(t, a, verdict); err != nil {
				return st, false, err
			}
			if err := s.issue(ctx, t, a, &result); err != nil {
				return st, false, err
			}
			// An answer given again changes nothing.
			return a.State, verdict == grantstate.OK || a.State.AccessSeq != next.AccessSeq, nil
		})
		t.ev.Subject = result.subject
		s.noteReuse(ctx, t, err)
		if errors.Is(err, errNoGrant) {
			err = g.gone.Because(err)
		}
		return result, err
	}
}

func (g redemption) refusal(verdict grantstate.Verdict) *oauth.Error {
	if g.refuse == nil {
		return g.invalid
	}
	return g.refuse(verdict)
}

// issue makes the tokens of an authorization, whose State then says which.
func (s *Server) issue(ctx context.Context, t *tokenRequest, a *engine.Authorization, result *tokenResult) error {
	answer, err := s.engine.Token(ctx, a, t.grantType)
	if err != nil {
		return unavailable(err)
	}
	result.TokenAnswer, result.subject = answer, a.State.Subject
	return nil
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

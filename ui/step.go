package ui

import (
	"context"
	"slices"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
)

// A step is what a request needs next.
type step int

const (
	stepApprove step = iota // nothing: it may be approved
	stepLogin               // an authentication that is good enough
	stepChoose              // a choice of the account
	stepConsent             // the end user's consent
)

// refusals are the answers to a client that wants no page (OpenID Connect Core
// §3.1.2.6).
var refusals = map[step]*oauth.Error{
	stepLogin:   oauth.E(oauth.LoginRequired, "the end user must log in"),
	stepChoose:  oauth.E(oauth.AccountSelectionRequired, "the end user must choose an account"),
	stepConsent: oauth.E(oauth.ConsentRequired, "the end user must consent"),
}

// errUnmet ends a request for an authentication that these pages cannot give.
var errUnmet = oauth.E(oauth.UnmetAuthenticationRequirements, "acr_values: the authentication that is essential cannot be performed")

// login is the step that sess, which may be nil, leaves of logging in:
// stepConsent if none.
func (s *site) login(ctx context.Context, req *authserver.AuthorizationRequest, sess *authserver.Session) (step, error) {
	ok, err := s.accepts(ctx, req, sess)
	switch {
	case err != nil || !ok:
		return stepLogin, err
	case req.MustSelect && sess.AuthTime.Before(req.At):
		return stepChoose, nil
	}
	return stepConsent, nil
}

// accepts is Server.Accepts, choice of the account aside.
func (s *site) accepts(ctx context.Context, req *authserver.AuthorizationRequest, sess *authserver.Session) (bool, error) {
	chosen := *req
	chosen.MustSelect = false
	return s.server.Accepts(ctx, &chosen, sess)
}

// consent is the step that is left after login.
func (s *site) consent(ctx context.Context, req *authserver.AuthorizationRequest, sess *authserver.Session) (step, error) {
	// A device is never connected without a click (RFC 8628 §3.3.1).
	if req.Device {
		return stepConsent, nil
	}
	consented, err := s.server.Consented(ctx, req, sess.Subject)
	if err != nil || !consented {
		return stepConsent, err
	}
	return stepApprove, nil
}

// wouldFit reports whether an end user who has just proved who they are may
// approve req, and if not, whether the way they did is what is missing.
func (s *site) wouldFit(ctx context.Context, req *authserver.AuthorizationRequest, subject, acr string) (fits, unmet bool, err error) {
	fits, err = s.accepts(ctx, req, &authserver.Session{Subject: subject, ACR: acr, AuthTime: time.Now()})
	return fits, !fits && req.EssentialACR && !slices.Contains(req.ACRValues, acr), err
}

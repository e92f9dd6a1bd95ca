package ui

import (
	"errors"
	"net/http"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
)

// interact answers an authorization request, or leads to the page that will.
func (s *site) interact(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
	sess, next, err := s.progress(r, req)
	switch {
	case err != nil && req.NoPages:
		s.server.Deny(w, r, req.ID, oauth.E(oauth.TemporarilyUnavailable, "the login session cannot be read").Because(err))
	case err != nil:
		s.unavailable(w, r, err)
	case next == stepApprove:
		s.server.Approve(w, r, req.ID, authserver.Approval{Session: sess})
	case req.NoPages:
		s.server.Deny(w, r, req.ID, refusals[next])
	case next == stepConsent:
		s.goTo(w, r, consentPage(req), req.ID)
	default:
		s.goTo(w, r, "login", req.ID)
	}
}

// progress is the browser's login session and what req needs next.
func (s *site) progress(r *http.Request, req *authserver.AuthorizationRequest) (*authserver.Session, step, error) {
	sess, err := s.server.Session(r)
	if err != nil {
		return nil, stepLogin, err
	}
	step, err := s.login(r.Context(), req, sess)
	if err == nil && step == stepConsent {
		step, err = s.consent(r.Context(), req, sess)
	}
	return sess, step, err
}

// consentPage is where the end user decides on req.
func consentPage(req *authserver.AuthorizationRequest) string {
	if req.Device {
		return "device"
	}
	return "consent"
}

// waiting is the authorization request of that id. If there is none it shows
// so, and returns nil.
func (s *site) waiting(w http.ResponseWriter, r *http.Request, id string) *authserver.AuthorizationRequest {
	req, err := s.server.AuthorizationRequest(r, id)
	switch {
	case err == nil:
		return req
	case errors.Is(err, authserver.ErrNoRequest):
		s.fail(w, r, http.StatusBadRequest, "error.no-request", nil)
	default:
		s.unavailable(w, r, err)
	}
	return nil
}

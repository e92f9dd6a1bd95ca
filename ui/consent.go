package ui

import (
	"errors"
	"net/http"

	"github.com/seed36673005/authserver"
)

func (s *site) getConsent(w http.ResponseWriter, r *http.Request) {
	req, sess := s.decidable(w, r, r.URL.Query().Get("interaction"), kindConsent)
	if req == nil {
		return
	}
	s.showConsent(w, r, http.StatusOK, req, sess, "")
}

// decidable is the request of that id and the login session that may decide
// on it. If there are none, or nothing is left to decide, it answers and
// returns nil.
func (s *site) decidable(w http.ResponseWriter, r *http.Request, id, page string) (*authserver.AuthorizationRequest, *authserver.Session) {
	req := s.waiting(w, r, id)
	if req == nil {
		return nil, nil
	}
	if consentPage(req) != page {
		s.goTo(w, r, consentPage(req), id)
		return nil, nil
	}
	sess, step, err := s.progress(r, req)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
	case step == stepLogin:
		s.goTo(w, r, "login", id)
	case step == stepApprove && r.Method != http.MethodPost:
		s.server.Approve(w, r, id, authserver.Approval{Session: sess})
	default:
		return req, sess
	}
	return nil, nil
}

// showConsent shows everything the client would get, and who would give it.
func (s *site) showConsent(w http.ResponseWriter, r *http.Request, status int, req *authserver.AuthorizationRequest, sess *authserver.Session, problem string) {
	p := s.newPage(r, kindConsent, req)
	p.Problem = problem
	describe(p, req)
	s.offerLanguages(w, r, p, "consent", "interaction", req.ID)
	s.protect(w, r, p, "consent", sess)
	p.Account.SwitchURL = s.link("login", "interaction", req.ID)
	s.show(w, r, status, p)
}

// postConsent takes the decision. Of the form, the decision alone counts:
// everything it is about is the server's.
func (s *site) postConsent(w http.ResponseWriter, r *http.Request) {
	req, sess := s.decidable(w, r, r.PostForm.Get("interaction"), kindConsent)
	if req == nil {
		return
	}
	if !s.boundTo(r, sess) {
		p := s.newPage(r, kindConsent, req)
		s.showConsent(w, r, http.StatusConflict, req, sess, p.T("account.changed"))
		return
	}
	switch r.PostForm.Get("decision") {
	case "approve":
		remember := mayRemember(req) && r.PostForm.Get("remember") == "yes"
		s.server.Approve(w, r, req.ID, authserver.Approval{Session: sess, Remember: remember})
	case "deny":
		s.deny(w, r, req, nil)
	default:
		s.fail(w, r, http.StatusBadRequest, "error.unanswerable", errors.New("ui: unknown decision"))
	}
}

package ui

import (
	"errors"
	"net/http"
	"time"

	"github.com/seed36673005/authserver"
)

// maxUserCode is the most bytes a typed code is read to.
const maxUserCode = 64

// getDevice asks for a code, or, once one was found, for the decision.
func (s *site) getDevice(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if id := q.Get("interaction"); id != "" {
		if req, sess := s.decidable(w, r, id, kindDevice); req != nil {
			s.showConfirm(w, r, http.StatusOK, req, sess, "")
		}
		return
	}
	p := s.newPage(r, kindDevice, nil)
	// RFC 8628 §3.3.1: a code that came in the address still needs a click.
	if code := clean(q.Get("user_code")); len(code) <= maxUserCode {
		p.UserCode = code
	}
	s.offerLanguages(w, r, p, "device", "user_code", p.UserCode)
	s.protect(w, r, p, "device", nil)
	s.show(w, r, http.StatusOK, p)
}

func (s *site) postDevice(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("interaction") != "" {
		s.decideDevice(w, r)
		return
	}
	code := r.PostForm.Get("user_code")
	req, err := s.server.DeviceRequest(w, r, code[:min(len(code), maxUserCode)])
	switch {
	case err == nil:
		s.goTo(w, r, "device", req.ID)
	case errors.Is(err, authserver.ErrNoRequest):
		s.codeAgain(w, r, http.StatusUnprocessableEntity, "device.unknown")
	case errors.Is(err, authserver.ErrThrottled):
		w.Header().Set("Retry-After", "300")
		s.codeAgain(w, r, http.StatusTooManyRequests, "device.throttled")
	default:
		s.unavailable(w, r, err)
	}
}

// codeAgain asks for a code again.
func (s *site) codeAgain(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := s.newPage(r, kindDevice, nil)
	p.Problem = p.T(problem)
	s.protect(w, r, p, "device", nil)
	s.show(w, r, status, p)
}

// showConfirm shows which device asks for what, and when it did.
func (s *site) showConfirm(w http.ResponseWriter, r *http.Request, status int, req *authserver.AuthorizationRequest, sess *authserver.Session, problem string) {
	p := s.newPage(r, kindDeviceConfirm, req)
	p.Title = p.T("confirm.title")
	p.Problem = problem
	describe(p, req)
	p.UserCode = req.UserCode
	p.AskedAt = req.At.UTC().Format(time.RFC3339)
	p.AskedFrom = req.From
	p.Minutes = minutes(time.Since(req.At))
	s.offerLanguages(w, r, p, "device", "interaction", req.ID)
	s.protect(w, r, p, "device", sess)
	p.Account.SwitchURL = s.link("login", "interaction", req.ID)
	s.show(w, r, status, p)
}

// decideDevice takes the decision of the account that the page showed; if
// another has logged in meanwhile it asks that one.
func (s *site) decideDevice(w http.ResponseWriter, r *http.Request) {
	req, sess := s.decidable(w, r, r.PostForm.Get("interaction"), kindDevice)
	if req == nil {
		return
	}
	if !s.boundTo(r, sess) {
		p := s.newPage(r, kindDeviceConfirm, req)
		s.showConfirm(w, r, http.StatusConflict, req, sess, p.T("account.changed"))
		return
	}
	switch r.PostForm.Get("decision") {
	case "approve":
		if s.server.Approve(w, r, req.ID, authserver.Approval{Session: sess}) {
			s.deviceDone(w, r, req, true)
		}
	case "deny":
		s.deny(w, r, req, nil)
	default:
		s.fail(w, r, http.StatusBadRequest, "error.unanswerable", errors.New("ui: unknown decision"))
	}
}

// deviceDone sends the person back to their device.
func (s *site) deviceDone(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest, approved bool) {
	p := s.newPage(r, kindDeviceDone, req)
	p.Approved = approved
	p.Title = p.T("done.title-denied")
	if approved {
		p.Title = p.T("done.title-approved")
	}
	s.show(w, r, http.StatusOK, p)
}

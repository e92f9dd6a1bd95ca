package ui

import (
	"net/http"

	"github.com/seed36673005/authserver"
)

// The pages of an account.
const (
	pageApplications = "applications"
	pageRevoke       = "applications/revoke"
)

// An errand is what somebody logs in for: an authorization request that waits,
// or a page of ours. Where a login leads is never an address that came with
// it: it is one of these.
type errand struct {
	id  string                           // as forms carry it: the request's, or the page's name
	req *authserver.AuthorizationRequest // nil: the page
}

// errand is the one of that id. If there is none it shows so, and returns nil.
func (s *site) errand(w http.ResponseWriter, r *http.Request, id string) *errand {
	if id == pageApplications { // too short to be a request's
		return &errand{id: pageApplications}
	}
	req := s.waiting(w, r, id)
	if req == nil {
		return nil
	}
	return &errand{id: id, req: req}
}

// loginPage begins the login page of an errand.
func (s *site) loginPage(r *http.Request, e *errand) *Page {
	p := s.newPage(r, kindLogin, e.req)
	p.Interaction = e.id
	return p
}

// goOn leads to where an errand goes on after a login.
func (s *site) goOn(w http.ResponseWriter, r *http.Request, e *errand) {
	if e.req == nil {
		s.goTo(w, r, pageApplications, "")
		return
	}
	s.goTo(w, r, consentPage(e.req), e.id)
}

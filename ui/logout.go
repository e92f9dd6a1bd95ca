package ui

import "net/http"

// getLogout asks first: a link on another site must not log anybody out.
func (s *site) getLogout(w http.ResponseWriter, r *http.Request) {
	sess, err := s.server.Session(r)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
		return
	case sess == nil:
		s.loggedOut(w, r)
		return
	}
	p := s.newPage(r, kindLogout, nil)
	s.offerLanguages(w, r, p, "logout")
	s.protect(w, r, p, "logout", sess)
	s.show(w, r, http.StatusOK, p)
}

func (s *site) postLogout(w http.ResponseWriter, r *http.Request) {
	if err := s.server.SignOut(w, r); err != nil {
		s.unavailable(w, r, err)
		return
	}
	s.loggedOut(w, r)
}

func (s *site) loggedOut(w http.ResponseWriter, r *http.Request) {
	p := s.newPage(r, kindLoggedOut, nil)
	p.Title = p.T("logged-out.title")
	s.show(w, r, http.StatusOK, p)
}

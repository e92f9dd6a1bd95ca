package ui

import (
	"net/http"
	"slices"

	"github.com/seed36673005/authserver"
)

// maxLogos bounds how many logos of clients the list shows, and with them how
// many origins its policy names. The others have their letter.
const maxLogos = 20

// getApplications lists what is connected to the account that is logged in.
func (s *site) getApplications(w http.ResponseWriter, r *http.Request) {
	sess, list := s.connected(w, r)
	if sess == nil {
		return
	}
	p := s.newPage(r, kindApplications, nil)
	logos := 0
	for i := range list {
		a := s.application(p, &list[i])
		if a.Logo != "" {
			logos++
		}
		if logos > maxLogos {
			a.Logo = ""
		}
		p.Applications = append(p.Applications, *a)
	}
	p.Revoked = s.justRevoked(r)
	s.offerLanguages(w, r, p, pageApplications)
	p.Account = s.account(r.Context(), p, sess)
	p.Account.SwitchURL = s.link("login", "interaction", pageApplications)
	s.show(w, r, http.StatusOK, p)
}

// connected is who is logged in and what is connected to their account. If
// nobody is, it leads to the login page and returns nil.
func (s *site) connected(w http.ResponseWriter, r *http.Request) (*authserver.Session, []authserver.Application) {
	sess, err := s.server.Session(r)
	if err != nil {
		s.unavailable(w, r, err)
		return nil, nil
	}
	if sess == nil {
		s.goTo(w, r, "login", pageApplications)
		return nil, nil
	}
	list, err := s.server.Applications(r.Context(), sess.Subject)
	if err != nil {
		s.unavailable(w, r, err)
		return nil, nil
	}
	return sess, list
}

// application is one, fit to be shown.
func (s *site) application(p *Page, a *authserver.Application) *Application {
	shown := &Application{
		Client: *client(&a.Client), ID: a.Client.ID, Gone: a.Gone, Permissions: p.permissions(ordered(a.Scopes)),
		Since: a.Since, LastUsed: a.LastUsed, Remembered: a.Remembered,
		RevokeURL: s.link(pageRevoke, "client", a.Client.ID),
	}
	if a.Gone {
		shown.Unverified = false // it is past being that
	}
	return shown
}

// getRevoke asks first, and shows what would be lost.
func (s *site) getRevoke(w http.ResponseWriter, r *http.Request) {
	sess, list := s.connected(w, r)
	if sess == nil {
		return
	}
	if a := named(list, r.URL.Query().Get("client")); a != nil {
		s.showRevoke(w, r, http.StatusOK, sess, a)
		return
	}
	s.goTo(w, r, pageApplications, "")
}

func (s *site) showRevoke(w http.ResponseWriter, r *http.Request, status int, sess *authserver.Session, a *authserver.Application) {
	p := s.newPage(r, kindRevoke, nil)
	p.Application = s.application(p, a)
	p.Client = &p.Application.Client
	p.Title = p.T("revoke.title")
	if status == http.StatusConflict {
		p.Problem = p.T("account.changed")
	}
	s.offerLanguages(w, r, p, pageRevoke, "client", a.Client.ID)
	s.protect(w, r, p, pageRevoke, sess)
	s.show(w, r, status, p)
}

// postRevoke ends what the account that the page showed has given one client;
// if another has logged in meanwhile it asks that one.
func (s *site) postRevoke(w http.ResponseWriter, r *http.Request) {
	sess, list := s.connected(w, r)
	if sess == nil {
		return
	}
	id := r.PostForm.Get("client")
	a := named(list, id)
	switch bound := s.boundTo(r, sess); {
	case bound && a == nil: // pressed twice
		s.revoked(w, r, clean(id))
		return
	case a == nil:
		s.goTo(w, r, pageApplications, "")
		return
	case !bound:
		s.showRevoke(w, r, http.StatusConflict, sess, a)
		return
	}
	if err := s.server.RevokeApplication(r.Context(), sess.Subject, id); err != nil {
		s.unavailable(w, r, err)
		return
	}
	s.revoked(w, r, client(&a.Client).Name)
}

// revoked leads back to the list, which says so: nothing is sent again when
// that is reloaded. The name goes with a proof that it is ours to say.
func (s *site) revoked(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	proof := formToken(s.browserKey(r), "revoked", name)
	http.Redirect(w, r, s.link(pageApplications, "revoked", name, "proof", proof), http.StatusSeeOther)
}

// justRevoked is the name that revoked gave.
func (s *site) justRevoked(r *http.Request) string {
	q := r.URL.Query()
	if name := q.Get("revoked"); validToken(s.browserKey(r), q.Get("proof"), "revoked", name) {
		return name
	}
	return ""
}

// named is the one of that client_id, or nil.
func named(list []authserver.Application, id string) *authserver.Application {
	i := slices.IndexFunc(list, func(a authserver.Application) bool { return a.Client.ID == id })
	if i < 0 {
		return nil
	}
	return &list[i]
}

package ui

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/oauth"
)

// maxUsername is the most bytes of a name.
const maxUsername = 255

func (s *site) getLogin(w http.ResponseWriter, r *http.Request) {
	e := s.errand(w, r, r.URL.Query().Get("interaction"))
	if e == nil {
		return
	}
	p := s.loginPage(r, e)
	if e.req != nil {
		if hint := clean(e.req.LoginHint); len(hint) <= maxUsername {
			p.Username = hint
		}
	}
	s.offerLanguages(w, r, p, "login", "interaction", e.id)
	s.showLogin(w, r, http.StatusOK, p, e)
}

// showLogin shows the form, and beside it the account that is logged in
// already, if it is good enough.
func (s *site) showLogin(w http.ResponseWriter, r *http.Request, status int, p *Page, e *errand) {
	sess, err := s.usable(r, e)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	s.protect(w, r, p, "login", sess)
	s.show(w, r, status, p)
}

// usable is the login session if it is good enough for an errand, else nil.
func (s *site) usable(r *http.Request, e *errand) (*authserver.Session, error) {
	sess, err := s.server.Session(r)
	if err != nil || e.req == nil {
		return sess, err
	}
	if step, err := s.login(r.Context(), e.req, sess); err != nil || step == stepLogin {
		return nil, err
	}
	return sess, nil
}

func (s *site) postLogin(w http.ResponseWriter, r *http.Request) {
	e := s.errand(w, r, r.PostForm.Get("interaction"))
	if e == nil {
		return
	}
	switch action := r.PostForm.Get("action"); {
	case action == "" || action == "login":
		s.logIn(w, r, e)
	case action == "continue":
		s.continueAs(w, r, e)
	case action == "cancel" && e.req != nil:
		s.deny(w, r, e.req, nil)
	default:
		s.fail(w, r, http.StatusBadRequest, "error.unanswerable", errors.New("ui: unknown action"))
	}
}

// logIn checks name and password. The attempt counts before it is made, so
// that any number at once cannot pass the limit.
func (s *site) logIn(w http.ResponseWriter, r *http.Request, e *errand) {
	username, password := r.PostForm.Get("username"), r.PostForm.Get("password")
	if len(username) > maxUsername {
		s.loginAgain(w, r, e, "login.wrong")
		return
	}
	addr := limit.ClientAddr(r, s.ui.proxies)
	forgive, wait, ok := s.ui.limits.take(username, addr, s.cookie(r, cookieKnown))
	if !ok {
		s.throttled(w, r, e, wait)
		return
	}
	who, err := s.ui.users.Authenticate(r.Context(), username, password)
	switch {
	case errors.Is(err, grants.ErrBadCredentials):
		s.loginAgain(w, r, e, "login.wrong")
		return
	case err != nil:
		forgive()
		s.unavailable(w, r, err)
		return
	}
	forgive()
	s.admit(w, r, e, username, who)
}

// admit lets in somebody who has proved who they are, if that is good enough.
func (s *site) admit(w http.ResponseWriter, r *http.Request, e *errand, username string, who grants.Authenticated) {
	if e.req == nil {
		s.begin(w, r, e, username, who)
		return
	}
	fits, unmet, err := s.wouldFit(r.Context(), e.req, who.Subject, who.ACR)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
	case unmet:
		s.deny(w, r, e.req, errUnmet)
	case !fits:
		s.loginAgain(w, r, e, "login.other-account")
	default:
		s.begin(w, r, e, username, who)
	}
}

// begin starts a login session and goes on.
func (s *site) begin(w http.ResponseWriter, r *http.Request, e *errand, username string, who grants.Authenticated) {
	_, err := s.server.SignIn(w, r, authserver.Approval{Subject: who.Subject, ACR: who.ACR, AMR: who.AMR})
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	s.setCookie(w, cookieKnown, s.ui.limits.remember(s.cookie(r, cookieKnown), username), browserLifetime)
	s.goOn(w, r, e)
}

// loginAgain shows the form with what was wrong. The status is not 200, so
// that password managers do not offer to keep a wrong password.
func (s *site) loginAgain(w http.ResponseWriter, r *http.Request, e *errand, problem string) {
	p := s.loginPage(r, e)
	p.Problem = p.T(problem)
	p.Username = typedName(r)
	s.showLogin(w, r, http.StatusUnprocessableEntity, p, e)
}

func (s *site) throttled(w http.ResponseWriter, r *http.Request, e *errand, wait time.Duration) {
	p := s.loginPage(r, e)
	p.Problem = p.N("login.throttled", minutes(wait+time.Minute-1))
	p.Username = typedName(r)
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	s.showLogin(w, r, http.StatusTooManyRequests, p, e)
}

// typedName is the name to fill in again.
func typedName(r *http.Request) string {
	if name := clean(r.PostForm.Get("username")); len(name) <= maxUsername {
		return name
	}
	return ""
}

// continueAs goes on with the account that is logged in: the end user chose it.
func (s *site) continueAs(w http.ResponseWriter, r *http.Request, e *errand) {
	sess, err := s.usable(r, e)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
		return
	case !s.boundTo(r, sess):
		s.goTo(w, r, "login", e.id)
		return
	case e.req == nil:
		s.goOn(w, r, e)
		return
	}
	step, err := s.consent(r.Context(), e.req, sess)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
	case step == stepApprove:
		s.server.Approve(w, r, e.id, authserver.Approval{Session: sess})
	default:
		s.goOn(w, r, e)
	}
}

// deny tells the client, or the person at a device's page, that there will be
// nothing; a nil reason means that the end user would not.
func (s *site) deny(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest, reason *oauth.Error) {
	if ok := s.server.Deny(w, r, req.ID, reason); ok && req.Device {
		s.deviceDone(w, r, req, false)
	}
}

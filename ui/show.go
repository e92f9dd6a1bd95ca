package ui

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
)

// newPage begins a page in the language of whoever asks; req may be nil.
func (s *site) newPage(r *http.Request, kind string, req *authserver.AuthorizationRequest) *Page {
	var uiLocales []string
	if req != nil {
		uiLocales = req.UILocales
	}
	chosen := r.URL.Query().Get("lang")
	if chosen == "" {
		chosen = s.cookie(r, cookieLanguage)
	}
	l := s.ui.catalogue.choose(r, chosen, uiLocales)
	p := &Page{
		Kind: kind, Lang: l.tag, Dir: l.dir, locale: l,
		Name: s.ui.name, Logo: s.ui.logo,
		Stylesheet: s.path + "/assets/" + s.ui.views.style.name,
		Path:       s.path,
	}
	for _, link := range s.ui.links {
		p.Links = append(p.Links, PageLink{Text: l.pick(link.Text), URL: link.URL})
	}
	if req != nil {
		p.Interaction = req.ID
		p.Client = client(&req.Client)
	}
	p.Title = p.T(kind + ".title")
	return p
}

// offerLanguages adds the links to the same page in other languages, and keeps
// the choice of somebody who followed one.
func (s *site) offerLanguages(w http.ResponseWriter, r *http.Request, p *Page, page string, nameValues ...string) {
	if len(s.ui.catalogue.locales) < 2 {
		return
	}
	if chosen, ok := s.ui.catalogue.exact(r.URL.Query().Get("lang")); ok {
		s.setCookie(w, cookieLanguage, chosen.tag, 365*24*time.Hour)
	}
	for _, l := range s.ui.catalogue.locales {
		url := s.link(page, append(nameValues, "lang", l.tag)...)
		p.Languages = append(p.Languages, Language{Tag: l.tag, Name: l.name, URL: url, Current: l.tag == p.Lang})
	}
}

// protect gives a page's form its token, and binds its decision to the login
// session, if there is one.
func (s *site) protect(w http.ResponseWriter, r *http.Request, p *Page, page string, sess *authserver.Session) {
	key := s.ensureBrowserKey(w, r)
	p.Token = formToken(key, page, p.Interaction)
	if sess != nil {
		p.Account = s.account(r.Context(), p, sess)
		p.Account.Token = formToken(key, "account", p.Interaction, sess.ID, sess.Subject)
	}
}

// boundTo reports whether the form that was sent showed the account of sess.
func (s *site) boundTo(r *http.Request, sess *authserver.Session) bool {
	return sess != nil && validToken(s.browserKey(r), r.PostForm.Get("account"),
		"account", r.PostForm.Get("interaction"), sess.ID, sess.Subject)
}

// show writes a page.
func (s *site) show(w http.ResponseWriter, r *http.Request, status int, p *Page) {
	body, err := s.ui.views.render(p)
	if err != nil {
		s.log(r, "page cannot be rendered", rand.Text(), err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	s.pageHeaders(w.Header(), p)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// showError shows what the server found wrong. What it says is chosen by the
// code and the status; nothing that came with the request is in it.
func (s *site) showError(w http.ResponseWriter, r *http.Request, e authserver.PageError) {
	p := s.newPage(r, kindError, nil)
	p.Fault = &Fault{Code: e.Code, Description: e.Description, Reference: e.Reference}
	p.Problem = errorText(p.locale, e.Status, e.Code)
	s.show(w, r, e.Status, p)
}

// errorText is what an error page says, by status where that tells more.
func errorText(l locale, status int, code oauth.Code) string {
	id := "error." + string(code)
	switch status {
	case http.StatusNotFound:
		id = "error.not-found"
	case http.StatusMethodNotAllowed:
		id = "error.method"
	case http.StatusRequestEntityTooLarge:
		id = "error.too-large"
	case http.StatusTooManyRequests:
		id = "error.throttled"
	}
	text, ok := l.text(id, nil)
	if !ok {
		text, _ = l.text("error.unanswerable", nil)
	}
	return text
}

// fail shows the error page for a fault of these pages' own. A cause is logged
// under the reference that the page shows.
func (s *site) fail(w http.ResponseWriter, r *http.Request, status int, text string, cause error) {
	p := s.newPage(r, kindError, nil)
	p.Problem = p.T(text)
	if cause != nil {
		p.Fault = &Fault{Reference: newReference()}
		s.log(r, "page refused", p.Fault.Reference, cause)
	}
	s.show(w, r, status, p)
}

// unavailable shows that a request could not be served just now.
func (s *site) unavailable(w http.ResponseWriter, r *http.Request, cause error) {
	s.fail(w, r, http.StatusServiceUnavailable, "error.temporarily_unavailable", cause)
}

// newReference names one request to a person and in the log.
func newReference() string { return rand.Text()[:10] }

func (s *site) log(r *http.Request, message, reference string, cause error) {
	s.ui.log.LogAttrs(r.Context(), slog.LevelWarn, message,
		slog.String("reference", reference), slog.Any("error", cause))
}

// account is who a session belongs to, as they know it. Not to know their name
// is no reason to send them away.
func (s *site) account(ctx context.Context, p *Page, sess *authserver.Session) *Account {
	claims, err := s.ui.users.Claims(ctx, sess.Subject, []string{"name", "preferred_username", "email"})
	if err != nil && !errors.Is(err, authserver.ErrSubjectGone) {
		s.ui.log.LogAttrs(ctx, slog.LevelWarn, "claims cannot be read", slog.Any("error", err))
	}
	var names []string
	for _, claim := range []string{"name", "preferred_username", "email"} {
		if name := textClaim(claims[claim]); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return &Account{Name: p.T("account.unnamed"), Initial: initial("")}
	}
	a := &Account{Name: names[0], Initial: initial(names[0])}
	if last := names[len(names)-1]; last != a.Name {
		a.Detail = last
	}
	return a
}

// textClaim is a claim that is a string, fit to be shown.
func textClaim(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return clean(text)
}

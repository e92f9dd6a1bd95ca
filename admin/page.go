package admin

import (
	"crypto/rand"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// A Page is what a template shows. Which fields are set depends on the kind of
// page; every text from outside is plain and is escaped by html/template.
type Page struct {
	Kind, Title string
	Lang, Dir   string
	Languages   []Language
	Name, Actor string
	Stylesheet  string
	// Style stands in the page where nobody may load the stylesheet.
	Style template.CSS
	Path  string

	// Problem says what was wrong, Done what was done.
	Problem, Done string
	Reference     string
	Status        int

	List           *List
	Form           *Form
	Client         *ClientView
	Secret         *SecretView
	Authorizations []AuthorizationView
	Next           string
	Confirm        *Confirm

	locale locale
	token  func(action, subject string) string
}

// A Language to switch to.
type Language struct {
	Tag, Name, URL string
	Current        bool
}

// A When is a time, for people and for programs.
type When struct{ Text, ISO string }

// T is the text of that id in the page's language.
func (p *Page) T(id string) string {
	s, _ := p.locale.text(id, p)
	return s
}

// N is the text of that id for a number of things.
func (p *Page) N(id string, n int) string { return p.locale.counted(id, n) }

// Has reports whether there is a text of that id.
func (p *Page) Has(id string) bool {
	_, ok := p.locale.text(id, p)
	return ok
}

// Token is the csrf_token of a form that is sent to an address.
func (p *Page) Token(action string) string { return p.token(action, "") }

// when is a time; nil if it is zero.
func (p *Page) when(t time.Time) *When {
	if t.IsZero() {
		return nil
	}
	return &When{Text: p.locale.date(t), ISO: t.UTC().Format(time.RFC3339)}
}

// newPage begins a page in the language of whoever asks.
func (c *Console) newPage(r *http.Request, kind string) *Page {
	chosen := r.URL.Query().Get("lang")
	if chosen == "" {
		chosen = c.cookie(r, cookieLanguage)
	}
	l := c.catalogue.choose(r, chosen)
	p := &Page{
		Kind: kind, Lang: l.tag, Dir: l.dir, locale: l, Name: c.name, Path: c.path,
		Stylesheet: c.path + "/assets/" + c.views.style.name,
		token:      func(string, string) string { return "" },
	}
	p.Title = p.T(kind + ".title")
	return p
}

// page begins a page of somebody who may be here.
func (c *Console) page(w http.ResponseWriter, v *visit, kind string) *Page {
	p := c.newPage(v.Request, kind)
	p.Actor = v.actor.ID
	c.protect(w, v, p)
	if v.Method == http.MethodGet || v.Method == http.MethodHead {
		c.offerLanguages(w, v, p)
	}
	if done := v.URL.Query().Get("done"); slices.Contains(outcomes, done) {
		p.Done = p.T("done." + done)
	}
	return p
}

// outcomes are what a page may say was done before it was led to.
var outcomes = []string{"created", "saved", "approved", "disapproved", "removed", "secret-removed", "revoked"}

// offerLanguages adds the links to the same page in other languages, and keeps
// the choice of somebody who followed one.
func (c *Console) offerLanguages(w http.ResponseWriter, v *visit, p *Page) {
	if len(c.catalogue.locales) < 2 {
		return
	}
	if chosen := v.URL.Query().Get("lang"); c.catalogue.index(chosen) >= 0 {
		c.setCookie(w, cookieLanguage, chosen, 365*24*time.Hour)
	}
	for _, l := range c.catalogue.locales {
		q := v.URL.Query()
		q.Del("done")
		q.Set("lang", l.tag)
		p.Languages = append(p.Languages, Language{
			Tag: l.tag, Name: l.name, URL: v.URL.EscapedPath() + "?" + q.Encode(), Current: l.tag == p.Lang,
		})
	}
}

// show writes a page.
func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, p *Page) {
	body, err := c.views.render(p)
	if err != nil {
		c.log.LogAttrs(r.Context(), slog.LevelError, "page cannot be rendered", slog.Any("error", err))
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	c.pageHeaders(w.Header(), p)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail shows the error page. A cause is logged under the reference that the
// page shows.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, status int, cause error) {
	p := c.newPage(r, kindError)
	p.Status = status
	id := "error." + strconv.Itoa(status)
	if p.Has(id) {
		p.Title, p.Problem = p.T(id+".title"), p.T(id)
	} else {
		p.Problem = p.T("error.400")
	}
	p.Style = template.CSS(c.views.style.body) //nolint:gosec // our own stylesheet
	if cause != nil {
		p.Reference = c.record(r, status, cause)
	}
	c.show(w, r, status, p)
}

// record logs why a request was not served, and names it.
func (c *Console) record(r *http.Request, status int, cause error) (reference string) {
	reference = rand.Text()[:10]
	level := slog.LevelWarn
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	c.log.LogAttrs(r.Context(), level, "admin request refused",
		slog.String("reference", reference), slog.Int("status", status), slog.Any("error", cause))
	return reference
}

// goTo leads the browser to a page of ours, which says what was done.
func (c *Console) goTo(w http.ResponseWriter, r *http.Request, page, done string) {
	c.secureHeaders(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, c.path+"/"+page+"?"+url.Values{"done": {done}}.Encode(), http.StatusSeeOther)
}

// maxText bounds what pages show of a text from outside, in runes.
const maxText = 120

// clean makes a text from outside fit to stand among ours: in one line, of
// bounded length, and without the invisible characters that turn writing
// around or break it (Unicode Cc, Cf).
func clean(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), 4*maxText)], "")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxText {
		s = string(runes[:maxText-1]) + "…"
	}
	return strings.Join(strings.Fields(s), " ")
}

// nameOf is what a client is called.
func nameOf(c *oauth.Client) string {
	if name := clean(c.Name); name != "" {
		return name
	}
	return c.ID
}

// initial is the letter that stands for a name.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

// knownType reports whether a type of client is one of the three.
func knownType(t oauth.ClientType) bool {
	return t == oauth.TypeOAuth2 || t == oauth.TypeOpenID || t == oauth.TypeOAuth1
}

// version reads the Entry.Version that a form or header carries.
func version(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0
}

// entryOf is a client that is there for this visit: one of another tenant is
// not.
func (c *Console) entryOf(v *visit) (clientreg.Entry, error) {
	e, err := c.service.Get(v.Context(), v.actor, v.id())
	if err != nil {
		return clientreg.Entry{}, err
	}
	return e, v.sees(&e.Client)
}

// TokenFor is the csrf_token of a form with a subject.
func (p *Page) TokenFor(action, subject string) string { return p.token(action, subject) }

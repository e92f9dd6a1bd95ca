// Package demo is a relying party to look at: it logs a visitor in with OpenID
// Connect, shows the tokens and what is in them, refreshes and revokes them,
// and signs in a pretended television by the device flow.
//
// It uses net/http alone, so that every request of the protocol stands in the
// code, and it shows each of them on the page. It owns no accounts and trusts
// nothing but the provider's answers.
package demo

import (
	"embed"
	"html/template"
	"net/http"
	"time"
)

// Options say who the relying party is at which provider. All are required.
type Options struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	// RedirectURI is the address of this handler's /callback.
	RedirectURI string
}

// scope is what the demo asks for: who the visitor is, and a refresh token.
const scope = "openid profile email offline_access"

// maxBody bounds the forms, all of which are a button.
const maxBody = 4 << 10

//go:embed templates style.css
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.Format("15:04:05") },
}).ParseFS(files, "templates/*.html"))

// app is the relying party.
type app struct {
	provider    *provider
	redirectURI string
	visits      visits
}

// New returns the relying party, to be mounted at the root of its origin.
func New(o Options) http.Handler {
	a := &app{
		provider:    newProvider(o.Issuer, o.ClientID, o.ClientSecret),
		redirectURI: o.RedirectURI,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /userinfo", a.signedIn(a.userinfo))
	mux.HandleFunc("POST /refresh", a.signedIn(a.refresh))
	mux.HandleFunc("POST /revoke", a.signedIn(a.revoke))
	mux.HandleFunc("POST /forget", a.forget)
	mux.HandleFunc("GET /device", a.device)
	mux.HandleFunc("POST /device", a.startDevice)
	mux.HandleFunc("POST /device/check", a.checkDevice)
	mux.Handle("GET /style.css", http.FileServerFS(files))
	return harden(http.NewCrossOriginProtection().Handler(mux))
}

// harden sets what every answer of the demo carries. Tokens are on its pages,
// so nothing may be stored, framed, or told to another origin.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; "+
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// A view is what the templates are given.
type view struct {
	Title   string
	Problem string
	Visit   snapshot
	// Applications is the provider's page on which end users revoke what they
	// let in.
	Applications string
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	show(w, http.StatusOK, "home.html", a.view(r, "Demo", ""))
}

// fail shows what went wrong beside what the visitor already had.
func (a *app) fail(w http.ResponseWriter, r *http.Request, problem string) {
	show(w, http.StatusBadRequest, "home.html", a.view(r, "Something went wrong", problem))
}

func (a *app) view(r *http.Request, title, problem string) view {
	return view{
		Title: title, Problem: problem, Visit: a.visits.of(r).snapshot(),
		Applications: a.provider.issuer + "/applications",
	}
}

func show(w http.ResponseWriter, status int, name string, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	// The header is out: a failure here is a visitor who has gone.
	_ = pages.ExecuteTemplate(w, name, v)
}

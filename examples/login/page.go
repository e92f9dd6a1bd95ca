package main

import (
	_ "embed"
	"html/template"
	"net/http"

	"github.com/seed36673005/authserver"
)

//go:embed login.html
var source string

var page = template.Must(template.New("login").Parse(source))

// form is what the page shows.
type form struct {
	Request           *authserver.AuthorizationRequest
	Username, Problem string
}

func showLogin(w http.ResponseWriter, status int, f form) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	// The header is out: a failure here is a visitor who has gone.
	_ = page.Execute(w, f)
}

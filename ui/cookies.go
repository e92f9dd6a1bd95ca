package ui

import (
	"crypto/rand"
	"net/http"
	"time"
)

// The cookies of the pages. None of them says who is logged in.
const (
	cookieForm     = "authserver-form"     // the key of this browser's form tokens
	cookieLanguage = "authserver-language" // what the person chose
	cookieKnown    = "authserver-known"    // the accounts that logged in here; see signInLimits
)

// textLength is that of rand.Text.
const textLength = 26

// maxCookie is the most bytes of a cookie that are believed to be ours.
const maxCookie = 512

// cookieName is the name a cookie has: with the prefix that binds it to this
// host and to https, where there is https (RFC 6265bis §4.1.3.2).
func (s *site) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// cookie is the value of a cookie; empty if there is none, or more than one,
// or it cannot be ours.
func (s *site) cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(s.cookieName(name))
	if len(found) != 1 || len(found[0].Value) > maxCookie {
		return ""
	}
	return found[0].Value
}

// setCookie sets a cookie; without a lifetime it ends with the browser.
func (s *site) setCookie(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name:     s.cookieName(name),
		Value:    value,
		Path:     "/",
		MaxAge:   int(lifetime / time.Second),
		Secure:   s.secure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// browserKey is the key of this browser's form tokens; empty if it has none.
func (s *site) browserKey(r *http.Request) string {
	if key := s.cookie(r, cookieForm); len(key) == textLength {
		return key
	}
	return ""
}

// ensureBrowserKey is browserKey, made if there is none.
func (s *site) ensureBrowserKey(w http.ResponseWriter, r *http.Request) string {
	if key := s.browserKey(r); key != "" {
		return key
	}
	key := rand.Text()
	s.setCookie(w, cookieForm, key, 0)
	return key
}

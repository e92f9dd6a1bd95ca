package authserver

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// The server's cookies. On https their names begin with __Host-, which binds
// them to the host and to Path=/ (RFC 6265bis §4.1.3.2). Over plain http,
// which is for loopback alone, browsers would refuse such a name.
const (
	cookieBrowser = "authserver-browser" // binds interactions to a browser
	cookieSession = "authserver-session" // an end user's login
)

// cookieBytes is how many random bytes a cookie holds; cookieLength is the
// length of their base64url.
const (
	cookieBytes  = 32
	cookieLength = 43
)

func (s *Server) secure() bool { return s.issuer.Scheme == "https" }

func (s *Server) cookieName(name string) string {
	if s.secure() {
		return "__Host-" + name
	}
	return name
}

// readCookie is the value of a cookie of ours, or empty: one that is absent,
// that comes twice, or that we cannot have made is none.
func (s *Server) readCookie(r *http.Request, name string) string {
	found := r.CookiesNamed(s.cookieName(name))
	if len(found) != 1 || len(found[0].Value) != cookieLength {
		return ""
	}
	return found[0].Value
}

func (s *Server) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	c := &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/",
		Secure: s.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case value == "":
		c.MaxAge = -1
	case life > 0:
		c.MaxAge = int(life / time.Second)
	}
	http.SetCookie(w, c)
}

// newCookieValue is 256 random bits, base64url.
func newCookieValue() string {
	var b [cookieBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// browser is the value that stands for the browser r came from; a browser
// without one is given one.
func (s *Server) browser(w http.ResponseWriter, r *http.Request) string {
	if value := s.readCookie(r, cookieBrowser); value != "" {
		return value
	}
	name := s.cookieName(cookieBrowser) + "="
	for _, line := range w.Header().Values("Set-Cookie") {
		if rest, ok := strings.CutPrefix(line, name); ok {
			value, _, _ := strings.Cut(rest, ";")
			return value
		}
	}
	value := newCookieValue()
	s.setCookie(w, cookieBrowser, value, 0)
	return value
}

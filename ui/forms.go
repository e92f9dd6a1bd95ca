package ui

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// maxForm is the most bytes a form may have.
const maxForm = 64 << 10

// Every form carries a token that only this browser's cookie makes valid, and
// only for that form of that authorization request. The token is a MAC under
// the cookie's value over a fresh nonce and what the form is for, so that no
// page repeats a secret which compression could give away.

// formToken is a token for what a form is for.
func formToken(key string, purpose ...string) string {
	nonce := rand.Text()
	return nonce + "." + mac(key, append([]string{nonce}, purpose...))
}

// validToken reports whether a token was made by formToken.
func validToken(key, token string, purpose ...string) bool {
	nonce, sum, ok := strings.Cut(token, ".")
	want := mac(key, append([]string{nonce}, purpose...))
	return ok && key != "" && hmac.Equal([]byte(sum), []byte(want))
}

// mac is HMAC-SHA-256 over parts that cannot run into each other.
func mac(key string, parts []string) string {
	h := hmac.New(sha256.New, []byte(key))
	for _, part := range parts {
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// guarded serves a form that was sent from the page of that name: by the same
// origin and with its token. Everything else is answered with 403.
func (s *site) guarded(page string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := s.sameOrigin(r); err != nil {
			s.fail(w, r, http.StatusForbidden, "error.forbidden", err)
			return
		}
		if !s.parse(w, r) {
			return
		}
		token, interaction := r.PostForm.Get("csrf_token"), r.PostForm.Get("interaction")
		if !validToken(s.browserKey(r), token, page, interaction) {
			s.fail(w, r, http.StatusForbidden, "error.forbidden", errors.New("ui: no valid csrf_token"))
			return
		}
		next(w, r)
	}
}

// sameOrigin refuses a form of another origin. http.CrossOriginProtection
// compares hosts alone where a browser sends no Sec-Fetch-Site, so the scheme
// is compared here; and an opaque origin is none of ours unless the browser
// says that it is.
func (s *site) sameOrigin(r *http.Request) error {
	if err := s.cross.Check(r); err != nil {
		return err
	}
	switch origin := r.Header.Get("Origin"); {
	case origin == "" || origin == s.origin:
		return nil
	case origin == "null" && r.Header.Get("Sec-Fetch-Site") == "same-origin":
		return nil
	}
	return errors.New("ui: Origin is not the issuer's")
}

// parse reads the body of a form: of bounded size, each field once.
func (s *site) parse(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		status, text := http.StatusBadRequest, "error.unanswerable"
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status, text = http.StatusRequestEntityTooLarge, "error.too-large"
		}
		s.fail(w, r, status, text, errors.New("ui: form cannot be read"))
		return false
	}
	for _, values := range r.PostForm {
		if len(values) > 1 {
			s.fail(w, r, http.StatusBadRequest, "error.unanswerable", errors.New("ui: form has a field twice"))
			return false
		}
	}
	return true
}

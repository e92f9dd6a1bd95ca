package admin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
)

// The most bytes of a form, and of a cookie that is believed to be ours.
const (
	maxForm   = 64 << 10
	maxCookie = 512
)

// The cookies of the pages. Neither says who is signed in.
const (
	cookieForm     = "authserver-admin-form"     // the key of this browser's form tokens
	cookieLanguage = "authserver-admin-language" // what the person chose
)

// textLength is that of rand.Text.
const textLength = 26

// repeated are the fields that a form may have more than once.
var repeated = map[string]bool{"grant_types": true, "response_types": true}

// Every form carries a token that only this browser's cookie makes valid, and
// only for the address it is sent to, the person it was shown to and what it
// showed. It is a MAC under the cookie's value over a fresh nonce, so that no
// page repeats a secret which compression could give away.
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

// purpose is what a form token is for.
func (v *visit) purpose(action, subject string) []string {
	return []string{action, string(v.actor.Kind), v.actor.ID, v.tenant, subject}
}

// guarded serves a form that was sent from the page that shows it. Everything
// else is answered with 403.
func (c *Console) guarded(next func(http.ResponseWriter, *visit)) func(http.ResponseWriter, *visit) {
	return func(w http.ResponseWriter, v *visit) {
		if err := c.sameOrigin(v.Request); err != nil {
			c.fail(w, v.Request, http.StatusForbidden, err)
			return
		}
		if !c.parse(w, v) {
			return
		}
		purpose := v.purpose(v.URL.EscapedPath(), v.PostForm.Get("subject"))
		if !validToken(c.browserKey(v.Request), v.PostForm.Get("csrf_token"), purpose...) {
			c.fail(w, v.Request, http.StatusForbidden, errors.New("admin: no valid csrf_token"))
			return
		}
		next(w, v)
	}
}

// parse reads the body of a form: of bounded size, each field once but for
// those that are lists.
func (c *Console) parse(w http.ResponseWriter, v *visit) bool {
	v.Body = http.MaxBytesReader(w, v.Body, maxForm)
	if err := v.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		c.fail(w, v.Request, status, errors.New("admin: form cannot be read"))
		return false
	}
	for name, values := range v.PostForm {
		if len(values) > 1 && !repeated[name] {
			c.fail(w, v.Request, http.StatusBadRequest, errors.New("admin: form has a field twice"))
			return false
		}
	}
	return true
}

// cookieName is the name a cookie has: with the prefix that binds it to this
// host and to https, where there is https (RFC 6265bis §4.1.3.2).
func (c *Console) cookieName(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return name
}

// cookie is the value of a cookie; empty if there is none, or more than one,
// or it cannot be ours.
func (c *Console) cookie(r *http.Request, name string) string {
	found := r.CookiesNamed(c.cookieName(name))
	if len(found) != 1 || len(found[0].Value) > maxCookie {
		return ""
	}
	return found[0].Value
}

// setCookie sets a cookie; without a lifetime it ends with the browser.
func (c *Console) setCookie(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookieName(name), Value: value, Path: "/", MaxAge: int(lifetime / time.Second),
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// browserKey is the key of this browser's form tokens; empty if it has none.
func (c *Console) browserKey(r *http.Request) string {
	if key := c.cookie(r, cookieForm); len(key) == textLength {
		return key
	}
	return ""
}

// protect gives a page's forms their key, made if the browser has none.
func (c *Console) protect(w http.ResponseWriter, v *visit, p *Page) {
	key := c.browserKey(v.Request)
	if key == "" {
		key = rand.Text()
		c.setCookie(w, cookieForm, key, 0)
	}
	p.token = func(action, subject string) string {
		return formToken(key, v.purpose(action, subject)...)
	}
}

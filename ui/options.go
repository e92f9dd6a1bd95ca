package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Options are what a host decides about its pages. Only Users is required.
type Options struct {
	// Users say who may log in and what is known of them. Required.
	Users Users

	// Name of the service or organization, shown above every page. Empty
	// shows none.
	Name string
	// LogoURL is shown beside Name: a data: URI of an image, or a path on
	// the issuer's own origin. Pages load nothing from elsewhere.
	LogoURL string
	// AccentColor colours buttons and links, as #rrggbb. Whatever it is,
	// text stays readable: shades with too little contrast are adjusted.
	// Empty means a calm blue.
	AccentColor string
	// Links stand below every page: imprint, privacy policy, help.
	Links []Link

	// Templates replace those of the package, by file name: layout.html,
	// login.html, consent.html, device.html, device_confirm.html,
	// device_done.html, logout.html, logged_out.html, applications.html,
	// application_revoke.html, error.html, and style.css. What is missing is taken from the package. Templates are
	// html/template, are given a *Page, and should keep the element ids.
	Templates fs.FS
	// Languages offered, as BCP 47 tags; the first is for people who ask for
	// none of them. If nil, all there are, English first.
	Languages []string
	// Messages add and replace texts: a file en.json, fr.json and so on, in
	// the form of the package's own locales folder. If nil, there are English
	// and German.
	Messages fs.FS

	// SignInLimit bounds the guessing of passwords.
	SignInLimit SignInLimit
	// BrowserKey authenticates the cookie by which a browser that logged in
	// to an account before is known; see SignInLimit. At least 32 random
	// bytes, the same on every replica. If nil, a key of this process, which
	// forgets browsers when it ends.
	BrowserKey []byte
	// TrustedProxies may say by X-Forwarded-For where a request came from,
	// as in authserver.Config.
	TrustedProxies []netip.Prefix

	// Logger receives one record a fault. If nil, slog.Default.
	Logger *slog.Logger
}

// A Link is one below every page.
type Link struct {
	// Text by language tag; "" is the fallback.
	Text map[string]string
	// URL is https, http, mailto, or a path on the issuer's origin.
	URL string
}

// A SignInLimit bounds the guessing of passwords on the login page. Attempts
// are counted in this process; one that succeeds is not counted.
//
// Nobody can lock another person out for good: a browser in which the account
// has logged in before has counters of its own, which guesses made elsewhere do
// not touch, and everybody may try again when the window is over.
type SignInLimit struct {
	// PerAccount is how many wrong passwords a name may meet within Window,
	// whether or not there is such an account. Zero means 10; negative means
	// no limit.
	PerAccount int
	// PerAddress is how many wrong passwords may come from one IPv4 address
	// or IPv6 /64 network within Window. Zero means 100; negative means no
	// limit.
	PerAddress int
	// Window is the time over which attempts are counted. Zero means 15
	// minutes.
	Window time.Duration
}

// minBrowserKey is the least length of a BrowserKey in bytes.
const minBrowserKey = 32

// faults checks what needs no parsing of templates or messages.
func (o Options) faults() error {
	var errs []error
	fault := func(field, reason string) {
		errs = append(errs, fmt.Errorf("ui: Options.%s: %s", field, reason))
	}
	if o.Users == nil {
		fault("Users", "required")
	}
	if o.LogoURL != "" && !isOwnImage(o.LogoURL) {
		fault("LogoURL", "want a data: URI of an image, or a path that begins with one slash")
	}
	if _, err := parseColor(o.AccentColor); o.AccentColor != "" && err != nil {
		fault("AccentColor", err.Error())
	}
	for _, l := range o.Links {
		if !isLink(l.URL) {
			fault("Links", "want https, http, mailto, or a path that begins with one slash")
		}
	}
	if o.BrowserKey != nil && (len(o.BrowserKey) < minBrowserKey || isOneByte(o.BrowserKey)) {
		fault("BrowserKey", "want at least 32 random bytes")
	}
	if o.SignInLimit.Window < 0 {
		fault("SignInLimit.Window", "negative")
	}
	return errors.Join(errs...)
}

// isOwnImage reports whether an image can be shown without leaving the
// issuer's origin.
func isOwnImage(s string) bool {
	return strings.HasPrefix(s, "data:image/") || isOwnPath(s)
}

// isOwnPath reports whether s is a path on the origin of the page that links
// to it. Browsers read \ as / and skip tabs and line breaks.
func isOwnPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && !strings.ContainsAny(s, "\\\t\r\n")
}

// isLink reports whether people may be sent to s.
func isLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "https", "http":
		return u.Host != ""
	case "mailto":
		return true
	}
	return isOwnPath(s)
}

// isOneByte reports whether a key is one byte repeated.
func isOneByte(key []byte) bool {
	return bytes.Count(key, key[:1]) == len(key)
}

package ui

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// secureHeaders are those of everything that is served.
func (s *site) secureHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000") // RFC 6797
	}
}

// pageHeaders are those of a page. Nothing of it is kept by caches or the
// history of the browser, framed by others, or able to run a script.
func (s *site) pageHeaders(h http.Header, p *Page) {
	s.secureHeaders(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", policy(p))
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Content-Language", p.Lang)
	h.Add("Vary", "Accept-Language, Cookie")
}

// policy is the Content-Security-Policy of a page.
func policy(p *Page) string {
	images := strings.Join(append([]string{"img-src 'self' data:"}, logoOrigins(p)...), " ")
	csp := "default-src 'none'; style-src 'self'; " + images + "; base-uri 'none'; frame-ancestors 'none'"
	// Browsers apply form-action to every redirect that follows, also those
	// of the client after it got its answer: it cannot name where a login or
	// consent form may lead.
	if !slices.Contains([]string{kindLogin, kindConsent}, p.Kind) {
		csp += "; form-action 'self'"
	}
	return csp
}

// logoOrigins are those of the logos on a page.
func logoOrigins(p *Page) (origins []string) {
	var logos []string
	if p.Client != nil {
		logos = append(logos, p.Client.Logo)
	}
	for _, a := range p.Applications {
		logos = append(logos, a.Logo)
	}
	for _, logo := range logos {
		if origin, ok := imageOrigin(logo); ok && !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}

// plainHost is a host and port that need no quoting in a policy.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)

// imageOrigin is the origin of a client's logo, if one can be shown: https
// alone, so that no page has mixed content.
func imageOrigin(logo string) (string, bool) {
	u, err := url.Parse(logo)
	if err != nil || u.Scheme != "https" || u.User != nil || !plainHost.MatchString(u.Host) {
		return "", false
	}
	return "https://" + u.Host, true
}

package wire

import (
	"crypto/rand"
	"net/http"
	"strings"
)

// DefaultCSP is the content security policy of a page that loads, runs and
// submits nothing.
const DefaultCSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Header values that every response shares. None is ever changed; that their
// capacity is their length makes an append copy them.
var (
	valueNoStore  = []string{"no-store"}
	valueNoCache  = []string{"no-cache"}
	valueNoSniff  = []string{"nosniff"}
	valueJSON     = []string{"application/json"}
	valueHTML     = []string{"text/html; charset=utf-8"}
	valueDeny     = []string{"DENY"}
	valueReferrer = []string{"no-referrer"}
)

// noStore keeps a response out of every cache (RFC 6749 §5.1).
func noStore(h http.Header) {
	h["Cache-Control"] = valueNoStore
	h["Pragma"] = valueNoCache
	h["X-Content-Type-Options"] = valueNoSniff
}

// SecurityHeaders sets the headers of every page and redirect: not cached, not
// framed, no referrer, no sniffing, and the content security policy, or
// DefaultCSP for the empty string. A policy must itself have frame-ancestors.
func SecurityHeaders(h http.Header, csp string) {
	if csp == "" {
		csp = DefaultCSP
	}
	noStore(h)
	h["Content-Security-Policy"] = []string{csp}
	h["X-Frame-Options"] = valueDeny
	h["Referrer-Policy"] = valueReferrer
}

// referenceLength is how many characters of 5 bits a reference has.
const referenceLength = 10

// NewReference returns the short random name that one refusal has in the
// response and in the log: letters A to Z and digits 2 to 7, of 50 bits.
func NewReference() string { return rand.Text()[:referenceLength] }

// maxDescription is the most bytes of an error_description.
const maxDescription = 300

// Description makes a text fit for error_description: the characters of RFC
// 6749 §5.2, and no more than 300. Descriptions are fixed texts of such
// characters already; this is the last defence.
func Description(s string) string {
	if len(s) <= maxDescription && !strings.ContainsFunc(s, notDescription) {
		return s
	}
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case notDescription(c):
			return '?'
		}
		return c
	}, s[:min(len(s), maxDescription)])
	return s
}

// notDescription reports whether c must not stand in an error_description.
func notDescription(c rune) bool { return notScope(c) }

// describe is the description with the reference that the log line carries
// too.
func describe(description, reference string) string {
	description = Description(description)
	switch {
	case reference == "":
		return description
	case description == "":
		return "Reference: " + reference
	}
	return description + ". Reference: " + reference
}

package ui

import (
	"html/template"
	"strings"
	"time"
	"unicode"

	"github.com/seed36673005/authserver/oauth"
)

// A Page is what a template shows. Which fields are set depends on the kind
// of page; every text from outside is plain and is escaped by html/template.
type Page struct {
	// Kind is the template's name without .html; Title the heading.
	Kind, Title string
	// Lang and Dir are the language of the page, Languages those to switch
	// to: none on pages that cannot be reloaded.
	Lang, Dir string
	Languages []Language
	// Name, Logo and Links are those of Options.
	Name  string
	Logo  template.URL
	Links []PageLink
	// Stylesheet is the address of the stylesheet, Path the issuer's path:
	// forms are sent to Path/login, Path/consent, Path/device, Path/logout and
	// Path/applications/revoke.
	Stylesheet, Path string

	// Token and Interaction must be sent with every form, as csrf_token and
	// interaction. Interaction names the authorization request that waits, or
	// the page of ours that somebody logs in for.
	Token, Interaction string
	// Problem says what was wrong with the form, or what happened.
	Problem string
	// Username fills in the login form.
	Username string
	// Account is who is logged in; nil if nobody is.
	Account *Account
	// Client is who asks; nil if nobody does.
	Client *Client

	// Permissions, Claims and Resources are what the client asks for.
	Permissions, Claims []Permission
	Resources           []string
	// RedirectHost is where the answer goes; Loopback says that it is a
	// program on this device.
	RedirectHost string
	Loopback     bool
	// MayRemember offers to remember the consent.
	MayRemember bool

	// UserCode is the code of a device, AskedAt when it asked, as RFC 3339,
	// and Minutes how long ago.
	UserCode, AskedAt string
	// AskedFrom is the network address the device asked from.
	AskedFrom string
	Minutes   int
	// Approved says how a device's request ended.
	Approved bool

	// Applications are what is connected to the account, the one that was
	// used last first. Application is the one to be revoked, and Revoked the
	// name of the one that just was.
	Applications []Application
	Application  *Application
	Revoked      string

	// Fault is what an error page may tell; nil on other pages.
	Fault *Fault

	locale locale
}

// A Language to switch to.
type Language struct {
	Tag, Name, URL string
	Current        bool
}

// A PageLink is a Link in the page's language.
type PageLink struct{ Text, URL string }

// An Account is the end user's, as they know it.
type Account struct {
	Name, Initial string
	// Detail tells accounts of the same name apart; may be empty.
	Detail string
	// Token must be sent with a decision, as account: it is refused when
	// another account is logged in by then.
	Token string
	// SwitchURL leads to the login page.
	SwitchURL string
}

// A Client is who asks.
type Client struct {
	Name, Initial string
	// Logo is shown of verified clients alone.
	Logo                string
	PolicyURI, TermsURI string
	// Unverified says that nobody vouches for the client.
	Unverified bool
}

// An Application is a client that is connected to the account.
type Application struct {
	Client
	// ID is the client_id.
	ID string
	// Gone says that the client is no longer registered.
	Gone        bool
	Permissions []Permission
	// LastUsed is zero if it was not used yet.
	Since, LastUsed time.Time
	// Remembered says that the consent stands in for the next.
	Remembered bool
	// RevokeURL leads to the page that revokes it.
	RevokeURL string
}

// A Permission is a scope or a claim. Text says what it means; if empty, there
// is but the Name.
type Permission struct{ Name, Text string }

// A Fault is what an error page may tell.
type Fault struct {
	Code        oauth.Code
	Description string
	Reference   string
}

// T is the text of that id in the page's language.
func (p *Page) T(id string) string {
	s, _ := p.locale.text(id, p)
	return s
}

// N is the text of that id for a number of things.
func (p *Page) N(id string, n int) string { return p.locale.counted(id, n) }

// Ago is how long ago that was, in the page's language.
func (p *Page) Ago(t time.Time) string {
	const day = 24 * time.Hour
	switch d := time.Since(t); {
	case d < time.Minute:
		return p.T("confirm.now")
	case d < time.Hour:
		return p.N("confirm.ago", minutes(d))
	case d < day:
		return p.N("ago.hours", int(d/time.Hour))
	case d < 60*day:
		return p.N("ago.days", int(d/day))
	case d < 730*day:
		return p.N("ago.months", int(d/(30*day)))
	default:
		return p.N("ago.years", int(d/(365*day)))
	}
}

// When is a time for the datetime attribute.
func (p *Page) When(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// minutes is a duration in whole minutes, for people.
func minutes(d time.Duration) int { return max(0, int(d/time.Minute)) }

// maxText bounds what pages show of a text from outside, in runes.
const maxText = 120

// clean makes a text from outside fit to stand in a sentence of ours: in one
// line, of bounded length, and without the invisible characters that turn
// writing around or break it (Unicode Cc, Cf).
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

// initial is the letter that stands for a name.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}

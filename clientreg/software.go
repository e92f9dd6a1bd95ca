package clientreg

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/seed36673005/authserver/oauth"
)

// localizable are the members that may come in several languages (RFC 7591
// §2.2), and whether each is a URL.
var localizable = map[string]bool{
	"client_name": false, "client_uri": true, "logo_uri": true, "policy_uri": true, "tos_uri": true,
}

// languages checks the texts and links in other languages. A fault names the
// member without its tag: that is whatever was sent.
func (f *faults) languages(c *oauth.Client) {
	f.list("localized", len(c.Localized))
	for key, value := range c.Localized {
		member, tag, _ := strings.Cut(key, "#")
		isURL, known := localizable[member]
		switch {
		case !known || !isTag(tag):
			f.add("localized", "want members with a language tag, as client_name#de (RFC 7591 §2.2)")
		case isURL && !isWeb(value):
			f.add(member+"#", "want an absolute http or https URL")
		case !isURL && !isName(value):
			f.add(member+"#", "want at most 200 bytes of UTF-8 without control or invisible characters")
		}
	}
}

// isTag reports whether a text is a language tag (BCP 47).
func isTag(text string) bool {
	_, err := language.Parse(text)
	return err == nil && len(text) <= 35
}

// isName reports whether a text can be shown as a name, on one line.
func isName(text string) bool {
	return len(text) <= maxName && utf8.ValidString(text) && !strings.ContainsFunc(text, deceives)
}

const maxContacts = 10

func (f *faults) software(c *oauth.Client) {
	for field, value := range map[string]string{"software_id": c.SoftwareID, "software_version": c.SoftwareVersion} {
		if !isName(value) {
			f.add(field, "want at most 200 bytes of UTF-8 without control or invisible characters")
		}
	}
	if len(c.Contacts) > maxContacts {
		f.add("contacts", fmt.Sprintf("want at most %d", maxContacts))
	}
	for i, contact := range c.Contacts {
		if contact == "" || !isName(contact) {
			f.add(fmt.Sprintf("contacts[%d]", i), "want at most 200 bytes of UTF-8 without control or invisible characters")
		}
	}
}

func (f *faults) keys(c *oauth.Client) {
	if len(c.JWKS) > 0 && c.JWKSURI != "" {
		f.add("jwks", "want jwks or jwks_uri, not both (RFC 7591 §2)")
	}
	if c.JWKSURI != "" && !isHTTPS(c.JWKSURI) {
		f.add("jwks_uri", "want an https URL")
	}
	if len(c.JWKS) > 0 {
		if reason := checkKeySet(c.JWKS); reason != "" {
			f.add("jwks", reason)
		}
	}
}

package wire

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// maxRedirectURI is the most bytes of a redirect URI.
const maxRedirectURI = 2048

// loopback is the hosts of RFC 8252 §7.3, and localhost, which §8.3 advises
// against and clients use; each counts for itself alone.
var loopback = []string{"127.0.0.1", "[::1]", "localhost"}

// refusedSchemes run or read something in the browser, or lead to something
// that is no client.
var refusedSchemes = []string{
	"javascript", "data", "vbscript", "blob", "file", "about",
	"filesystem", "view-source", "jar", "intent", "mailto", "tel", "sms", "ftp", "ws", "wss",
}

// MatchRedirect reports whether a requested redirect URI is one the client
// registered: the same, byte for byte (RFC 9700 §2.1), or, for a native client
// on http loopback, the same but for the port (RFC 8252 §7.3). No registration
// makes a URI match that has a fragment, user information, characters outside
// a URI's, or a scheme that runs code.
func MatchRedirect(c *oauth.Client, requested string) bool {
	if !safeRedirect(requested) {
		return false
	}
	if slices.Contains(c.RedirectURIs, requested) {
		return true
	}
	if c.ApplicationType != oauth.ApplicationNative {
		return false
	}
	want, ok := splitLoopback(requested)
	return ok && slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		have, ok := splitLoopback(registered)
		return ok && have == want
	})
}

// safeRedirect reports whether a redirect URI may be redirected to at all.
func safeRedirect(uri string) bool {
	if uri == "" || len(uri) > maxRedirectURI || strings.ContainsFunc(uri, notURI) || strings.Contains(uri, "#") {
		return false
	}
	u, err := url.Parse(uri)
	return err == nil && u.IsAbs() && u.User == nil && !slices.Contains(refusedSchemes, u.Scheme)
}

// notURI reports whether c is outside the characters of a URI (RFC 3986 §2).
func notURI(c rune) bool {
	return c <= ' ' || c > '~' || strings.ContainsRune("\"<>\\^`{|}", c)
}

// A portless is a loopback URI without its port, nothing of it decoded or
// cleaned.
type portless struct{ host, rest string }

// splitLoopback takes an http loopback URI apart. It is false for any other
// URI, and for a port that is none.
func splitLoopback(uri string) (portless, bool) {
	after, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		return portless{}, false
	}
	end := strings.IndexAny(after, "/?")
	if end < 0 {
		end = len(after)
	}
	authority, rest := after[:end], after[end:]
	for _, host := range loopback {
		if port, ok := strings.CutPrefix(authority, host); ok {
			return portless{host, rest}, port == "" || validPort(port)
		}
	}
	return portless{}, false
}

// validPort reports whether s is a colon and a number from 1 to 65535 without
// leading zeros.
func validPort(s string) bool {
	digits, ok := strings.CutPrefix(s, ":")
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return false
	}
	_, err := strconv.ParseUint(digits, 10, 16)
	return err == nil
}

// ValidRedirectURI reports why a redirect URI may not be registered, or nil.
// It wants https, or http on 127.0.0.1, [::1] or localhost, or, for a native
// client, a private-use scheme (RFC 8252 §7).
func ValidRedirectURI(uri string, native bool) error {
	switch {
	case uri == "":
		return errors.New("redirect URI is empty")
	case len(uri) > maxRedirectURI:
		return errors.New("redirect URI is longer than 2048 bytes")
	case strings.ContainsFunc(uri, notURI):
		return errors.New("redirect URI has characters that must be percent-encoded (RFC 3986)")
	case strings.Contains(uri, "#"):
		return errors.New("redirect URI has a fragment (RFC 6749 §3.1.2)")
	case strings.Contains(uri, "*"):
		return errors.New("redirect URI has a wildcard; it is compared exactly")
	}
	u, err := url.Parse(uri)
	if err != nil {
		return errors.New("redirect URI cannot be parsed")
	}
	return validRedirectURL(u, native)
}

// validRedirectURL checks the parts of a redirect URI.
func validRedirectURL(u *url.URL, native bool) error {
	switch {
	case !u.IsAbs():
		return errors.New("redirect URI is not absolute (RFC 6749 §3.1.2)")
	case slices.Contains(refusedSchemes, u.Scheme):
		return errors.New("redirect URI has a scheme that is never redirected to")
	case u.User != nil:
		return errors.New("redirect URI has user information")
	case hasDotSegment(u.Path):
		return errors.New("redirect URI has dot segments")
	case u.Scheme == "https" || u.Scheme == "http":
		return validWebRedirect(u)
	case !native:
		return errors.New("redirect URI has a private-use scheme, which is for native clients (RFC 8252 §7.1)")
	case u.Opaque == "" && u.Path == "" && u.Host == "":
		return errors.New("redirect URI has nothing after its scheme")
	}
	return nil
}

// validWebRedirect checks host and port of an http or https redirect URI.
func validWebRedirect(u *url.URL) error {
	host := strings.TrimSuffix(u.Host, ":"+u.Port())
	switch {
	case u.Hostname() == "" || u.Opaque != "":
		return errors.New("redirect URI has no host")
	case host != u.Host && !validPort(":"+u.Port()):
		return errors.New("redirect URI has a port that is none")
	case u.Scheme == "http" && !slices.Contains(loopback, host):
		return errors.New("redirect URI is plain http off loopback")
	}
	return nil
}

// hasDotSegment reports whether a browser would shorten the path.
func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

package discovery

import (
	"errors"
	"net/url"
	"strings"
)

// The names of metadata documents (RFC 8615).
const (
	OpenIDConfiguration      = "openid-configuration"       // OpenID Connect Discovery §4
	OAuthAuthorizationServer = "oauth-authorization-server" // RFC 8414 §3
	OAuth20Configuration     = "oauth2.0-configuration"     // an alias of existing products
)

const wellKnown = "/.well-known/"

// Paths are the URL paths at which clients look for an issuer's metadata, as
// they stand on the wire. For an issuer without a path the inserted ones are
// the appended ones.
type Paths struct {
	OpenIDAppended string // <path>/.well-known/openid-configuration (OpenID Connect Discovery §4)
	OAuthInserted  string // /.well-known/oauth-authorization-server<path> (RFC 8414 §3.1)
	OpenIDInserted string // /.well-known/openid-configuration<path> (RFC 8414 §5)
	OAuthAppended  string // <path>/.well-known/oauth-authorization-server, as some clients ask
	Alias          string // <path>/.well-known/oauth2.0-configuration
}

// WellKnown returns the paths of an issuer, which must be an absolute URL.
func WellKnown(issuer string) (Paths, error) {
	path, err := issuerPath(issuer)
	if err != nil {
		return Paths{}, err
	}
	return Paths{
		OpenIDAppended: path + wellKnown + OpenIDConfiguration,
		OAuthInserted:  wellKnown + OAuthAuthorizationServer + path,
		OpenIDInserted: wellKnown + OpenIDConfiguration + path,
		OAuthAppended:  path + wellKnown + OAuthAuthorizationServer,
		Alias:          path + wellKnown + OAuth20Configuration,
	}, nil
}

// All returns every path once.
func (p Paths) All() []string {
	return append([]string{p.OpenIDAppended, p.OAuthAppended, p.Alias}, p.Outside()...)
}

// Outside returns the paths that lie outside the issuer's path: a host that
// mounts the server under that has to mount these as well.
func (p Paths) Outside() []string {
	if p.OAuthInserted == p.OAuthAppended {
		return nil
	}
	return []string{p.OAuthInserted, p.OpenIDInserted}
}

// issuerPath is the path of an issuer without a slash at its end (RFC 8414
// §3.1, OpenID Connect Discovery §4.1), escaped as it is on the wire.
func issuerPath(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", errors.New("discovery: issuer is not an absolute URL")
	}
	return strings.TrimRight(u.EscapedPath(), "/"), nil
}

// Endpoint is the address of a path below an issuer. The issuer's own text is
// kept byte by byte, but for a slash at its end.
func Endpoint(issuer, path string) string {
	return strings.TrimRight(issuer, "/") + "/" + strings.TrimLeft(path, "/")
}

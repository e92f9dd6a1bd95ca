package authserver

import (
	"net/http"
	"net/url"
	"time"

	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

// clientGuesses is how many wrong secrets a client may meet from one address.
var clientGuesses = limit.Limit{Max: 20, Window: time.Minute}

// crossOrigin lets pages of other origins send a request here. A preflight
// cannot name a client, so it is answered for every origin and tells nothing;
// the answer itself can be read by the client's own origins alone, which
// allowOrigin decides once the client is known.
func crossOrigin(methods ...string) func(http.HandlerFunc) http.Handler {
	return func(h http.HandlerFunc) http.Handler {
		return wire.CORS{
			Methods:     methods,
			AllowOrigin: func(r *http.Request, _ string) bool { return r.Method == http.MethodOptions },
		}.Handler(h)
	}
}

// allowOrigin lets a page of one of the client's own origins read the answer:
// those of its redirect URIs. Cookies are never part of it.
func allowOrigin(w http.ResponseWriter, r *http.Request, c *oauth.Client) {
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return
	}
	for _, uri := range c.RedirectURIs {
		if originOf(uri) == origin {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
			return
		}
	}
}

// originOf is the origin of an http or https URI, or empty.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

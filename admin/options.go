package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed36673005/authserver/clientreg"
)

// An ActorFunc is the host's own authorization: it says who sent a request, by
// whatever it knows people or programs by: a session cookie, a bearer token, a
// client certificate. An Actor without an ID says that nobody is signed in,
// which is answered 401, and an error that whoever it is may not be here, which
// is answered 403. It may be called from many goroutines at once, and must not
// answer the request.
type ActorFunc func(r *http.Request) (clientreg.Actor, error)

// Options are what a host decides of its console. Service, Actor and Origins
// are required.
type Options struct {
	// Service manages the clients. Where its Permit refuses with an error
	// that wraps oauth.AccessDenied or fs.ErrPermission the answer is 403;
	// with storage.ErrNotFound it is as if there were no such client.
	// Required.
	Service *clientreg.Service
	// Actor says who sent a request. It is asked for each. Required.
	Actor ActorFunc
	// Origins are those that browsers and programs reach the console by, as
	// https://admin.example.com: nothing but scheme, host and port. A request
	// for another host is 421, which keeps out names that somebody else made
	// lead here (DNS rebinding); a form from another origin is 403. All https,
	// or all http. Required.
	Origins []string
	// Path is where the console is mounted, as /clients, and the empty string
	// at the root. Requests must arrive with it.
	Path string
	// Challenge is the WWW-Authenticate of 401 answers (RFC 9110 §11.6.1). If
	// empty, there is none.
	Challenge string

	// Tenant says which tenant a request is for. Clients of all others are as
	// if they did not exist, and new ones are put into it. If nil, or for a
	// request it returns "" for, clients of all tenants are shown, as far as
	// Service permits.
	Tenant func(r *http.Request) string

	// Name of the service or organization, shown above every page. Empty
	// shows none.
	Name string
	// Languages offered, as BCP 47 tags; the first is for people who ask for
	// none of them. If nil, all there are, English first.
	Languages []string
	// Messages add and replace texts: a file en.json, fr.json and so on, in
	// the form of the package's own locales folder. If nil, there are English
	// and German.
	Messages fs.FS

	// Logger receives one record a fault. If nil, slog.Default.
	Logger *slog.Logger
}

// validate returns every fault at once.
func (o Options) validate() error {
	var errs []error
	fault := func(field, reason string) {
		errs = append(errs, fmt.Errorf("admin: Options.%s: %s", field, reason))
	}
	if o.Service == nil {
		fault("Service", "required")
	}
	if o.Actor == nil {
		fault("Actor", "required: without it anybody could manage clients")
	}
	if len(o.Origins) == 0 {
		fault("Origins", "required: where browsers find the console")
	}
	schemes := map[string]bool{}
	for i, origin := range o.Origins {
		u, ok := parseOrigin(origin)
		if !ok {
			fault(fmt.Sprintf("Origins[%d]", i), "want http or https, host and port, and nothing more")
			continue
		}
		schemes[u.Scheme] = true
	}
	if len(schemes) > 1 {
		fault("Origins", "want all https, or all http")
	}
	if o.Path != "" && !isPath(o.Path) {
		fault("Path", "want one that begins with a slash, does not end with one, and needs no escapes")
	}
	return errors.Join(errs...)
}

// parseOrigin reads an origin as browsers write it.
func parseOrigin(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, false
	}
	return u, s == u.Scheme+"://"+strings.ToLower(u.Host)
}

// isPath reports whether p is a path in which nothing is escaped, cleaned or
// empty.
func isPath(p string) bool {
	segments := strings.Split(p, "/")
	if len(segments) < 2 || segments[0] != "" {
		return false
	}
	for _, s := range segments[1:] {
		if !isSegment(s) {
			return false
		}
	}
	return true
}

// isSegment reports whether s can be one segment of our paths: what ids are
// made of, and never a step upwards.
func isSegment(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsFunc(s, func(c rune) bool {
		return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c)
	})
}

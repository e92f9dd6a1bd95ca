package ui

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/discovery"
)

// A site is the pages of one server.
type site struct {
	ui     *UI
	server *authserver.Server
	path   string // the issuer's, escaped, without a slash at the end
	origin string // of the issuer, as browsers write it
	secure bool   // https
	routes map[string]route
	cross  http.CrossOriginProtection
}

// A route is what serves one address; either may be nil.
type route struct{ get, post http.HandlerFunc }

func newSite(u *UI, server *authserver.Server, m discovery.Metadata) *site {
	s := &site{ui: u, server: server}
	if parsed, err := url.Parse(m.Issuer); err == nil {
		s.path = strings.TrimSuffix(parsed.EscapedPath(), "/")
		s.origin = originOf(parsed)
		s.secure = parsed.Scheme == "https"
	}
	s.routes = map[string]route{
		"login":                        {s.getLogin, s.guarded("login", s.postLogin)},
		"consent":                      {s.getConsent, s.guarded("consent", s.postConsent)},
		"logout":                       {s.getLogout, s.guarded("logout", s.postLogout)},
		pageApplications:               {s.getApplications, nil},
		pageRevoke:                     {s.getRevoke, s.guarded(pageRevoke, s.postRevoke)},
		"assets/" + u.views.style.name: {s.getStyle, nil},
	}
	if m.DeviceAuthorizationEndpoint != "" {
		s.routes["device"] = route{s.getDevice, s.guarded("device", s.postDevice)}
	}
	return s
}

// originOf is the origin of a URL as an Origin header has it (RFC 6454 §6.2).
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _ := strings.CutPrefix(r.URL.EscapedPath(), s.path+"/")
	route, found := s.routes[name]
	if !found {
		s.fail(w, r, http.StatusNotFound, "error.not-found", nil)
		return
	}
	switch {
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && route.get != nil:
		route.get(w, r)
	case r.Method == http.MethodPost && route.post != nil:
		route.post(w, r)
	default:
		w.Header().Set("Allow", route.allow())
		s.fail(w, r, http.StatusMethodNotAllowed, "error.method", nil)
	}
}

func (rt route) allow() string {
	if rt.post == nil {
		return "GET, HEAD"
	}
	return "GET, HEAD, POST"
}

// getStyle serves the stylesheet, which has its digest in its name.
func (s *site) getStyle(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	s.secureHeaders(h)
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(s.ui.views.style.body)
}

// goTo leads the browser to another page of ours. Only the id of a request, or
// the name of a page of ours, is ever carried: where it all ends is known to
// the server alone.
func (s *site) goTo(w http.ResponseWriter, r *http.Request, page, interaction string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, s.link(page, "interaction", interaction), http.StatusSeeOther)
}

// link is the address of a page, with parameters that are not empty.
func (s *site) link(page string, nameValues ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(nameValues); i += 2 {
		if nameValues[i+1] != "" {
			q.Set(nameValues[i], nameValues[i+1])
		}
	}
	link := s.path + "/" + page
	if len(q) > 0 {
		link += "?" + q.Encode()
	}
	return link
}

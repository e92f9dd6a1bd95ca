package ui

import (
	"cmp"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/discovery"
)

// UI is a set of pages. It is safe for concurrent use, and may serve several
// servers.
type UI struct {
	users     Users
	name      string
	logo      template.URL
	links     []Link
	views     *views
	catalogue *catalogue
	limits    *signInLimits
	proxies   []netip.Prefix
	log       *slog.Logger
	faults    error

	mu    sync.RWMutex
	sites []*site // of the servers that asked for a Handler
}

var _ authserver.Pages = (*UI)(nil)

// New makes pages of Options. It reads the templates and messages at once and
// reports no error: Validate does, which authserver.New asks.
func New(o Options) *UI {
	accent, err := parseColor(o.AccentColor)
	if err != nil {
		accent = defaultTint
	}
	views, viewsErr := newViews(o.Templates, accent)
	catalogue, catalogueErr := newCatalogue(o.Messages, o.Languages)
	u := &UI{
		users:     o.Users,
		name:      o.Name,
		links:     o.Links,
		views:     views,
		catalogue: catalogue,
		limits:    newSignInLimits(o.SignInLimit, o.BrowserKey),
		proxies:   o.TrustedProxies,
		log:       cmp.Or(o.Logger, slog.Default()),
		faults:    errors.Join(o.faults(), viewsErr, catalogueErr),
	}
	if o.Users == nil {
		u.users = noUsers{}
	}
	if isOwnImage(o.LogoURL) {
		u.logo = template.URL(o.LogoURL) //nolint:gosec // checked above; html/template knows no data: images
	}
	return u
}

// Validate returns every fault of the Options, joined, or nil.
func (u *UI) Validate() error { return u.faults }

// Handler serves the pages below the issuer's path of s.
func (u *UI) Handler(s *authserver.Server) http.Handler {
	site := newSite(u, s, s.Metadata())
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sites = append(u.sites, site)
	return site
}

// Interact answers an authorization request at once if its end user need not
// be asked, or may not be (prompt=none), and leads to the login or consent
// page otherwise.
func (u *UI) Interact(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
	u.siteOf(req.Server).interact(w, r, req)
}

// Error shows the error page.
func (u *UI) Error(w http.ResponseWriter, r *http.Request, e authserver.PageError) {
	u.siteAt(r.URL.EscapedPath()).showError(w, r, e)
}

// siteOf is the site of a server.
func (u *UI) siteOf(s *authserver.Server) *site {
	u.mu.RLock()
	defer u.mu.RUnlock()
	for _, site := range u.sites {
		if site.server == s {
			return site
		}
	}
	return newSite(u, s, s.Metadata())
}

// siteAt is the site that a path belongs to: of several, the one with the
// longest path that the path lies below; if there is none, any.
func (u *UI) siteAt(path string) *site {
	u.mu.RLock()
	defer u.mu.RUnlock()
	var best *site
	for _, site := range u.sites {
		if strings.HasPrefix(path, site.path+"/") && (best == nil || len(site.path) > len(best.path)) {
			best = site
		}
	}
	switch {
	case best != nil:
		return best
	case len(u.sites) > 0:
		return u.sites[0]
	}
	return newSite(u, nil, discovery.Metadata{})
}

package authserver

import (
	"net/url"
	"slices"
	"strings"

	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

// openIDScopes are those of OpenID Connect Core §5.4 and §11.
var openIDScopes = map[string]bool{
	oauth.ScopeOpenID: true, oauth.ScopeProfile: true, oauth.ScopeEmail: true,
	oauth.ScopeAddress: true, oauth.ScopePhone: true, oauth.ScopeOfflineAccess: true,
}

func validScope(name string) bool {
	list, ok := wire.ScopeList(name)
	return ok && len(list) == 1
}

// requestedScopes are those a request asks for: each known to the server and
// allowed to the client, compared exactly. A request that names none asks for
// the client's defaults.
func (s *Server) requestedScopes(c *oauth.Client, param string) ([]string, *oauth.Error) {
	if param == "" {
		return slices.Clone(c.DefaultScopes), nil
	}
	list, ok := wire.ScopeList(param)
	if !ok {
		return nil, oauth.E(oauth.InvalidScope, "scope: expected a space-separated list of at most 50 scopes (RFC 6749 section 3.3)")
	}
	for _, scope := range list {
		if !slices.Contains(c.Scopes, scope) || !s.knows(scope) {
			return nil, oauth.E(oauth.InvalidScope, "scope: expected only scopes that this client may ask for")
		}
	}
	return list, nil
}

func (s *Server) knows(scope string) bool {
	return openIDScopes[scope] || slices.ContainsFunc(s.cfg.Scopes, func(k Scope) bool { return k.Name == scope })
}

// describe adds to scopes what the host says of them.
func (s *Server) describe(scopes []string) []Scope {
	described := make([]Scope, len(scopes))
	for i, name := range scopes {
		described[i].Name = name
		for _, known := range s.cfg.Scopes {
			if known.Name == name {
				described[i] = known
			}
		}
	}
	return described
}

// normalResource is a resource in the form two spellings of which are compared
// in: scheme and host in lower case, no default port, no empty path.
func normalResource(resource string) (string, bool) {
	u, err := url.Parse(resource)
	if err != nil || !u.IsAbs() || strings.Contains(resource, "#") || len(resource) > 2048 {
		return "", false
	}
	if u.Opaque != "" {
		return resource, true
	}
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), true
}

var errTarget = oauth.E(oauth.InvalidTarget, "resource: expected absolute URIs of resources that this client may use (RFC 8707 section 2)")

// requestedResources are those a request names, in their registered spelling.
func (s *Server) requestedResources(c *oauth.Client, params []string) ([]string, *oauth.Error) {
	if len(params) > 16 {
		return nil, errTarget
	}
	return matchResources(params, slices.Concat(s.cfg.Resources, c.Resources, []string{s.cfg.Issuer}))
}

// matchResources finds each of asked among allowed, and returns the spelling
// that stands there.
func matchResources(asked, allowed []string) ([]string, *oauth.Error) {
	var found []string
	for _, resource := range asked {
		i := slices.IndexFunc(allowed, func(known string) bool { return sameResource(known, resource) })
		if i < 0 {
			return nil, errTarget
		}
		if !slices.Contains(found, allowed[i]) {
			found = append(found, allowed[i])
		}
	}
	return found, nil
}

func sameResource(a, b string) bool {
	x, okX := normalResource(a)
	y, okY := normalResource(b)
	return okX && okY && x == y
}

// defaultResources are those of an authorization that names none: all of the
// client's, else the server's only one, else none. Where the end user is to be
// told of, the server itself stays one of them, for userinfo.
func (s *Server) defaultResources(c *oauth.Client, scopes []string) []string {
	resources := slices.Clone(c.Resources)
	if len(resources) == 0 && len(s.cfg.Resources) == 1 {
		resources = slices.Clone(s.cfg.Resources)
	}
	if len(resources) > 0 && slices.Contains(scopes, oauth.ScopeOpenID) {
		resources = append(resources, s.cfg.Issuer)
	}
	return resources
}

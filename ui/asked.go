package ui

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
)

// client is a client, fit to be shown.
func client(c *oauth.Client) *Client {
	shown := &Client{
		Name:       clean(c.Name),
		PolicyURI:  webLink(c.PolicyURI),
		TermsURI:   webLink(c.TermsURI),
		Unverified: !c.Verified,
	}
	if shown.Name == "" {
		shown.Name = clean(c.ID)
	}
	shown.Initial = initial(shown.Name)
	// A logo is the strongest way to pose as somebody else.
	if _, ok := imageOrigin(c.LogoURI); ok && c.Verified {
		shown.Logo = c.LogoURI
	}
	return shown
}

// webLink is a link of a client if it leads to the web.
func webLink(s string) string {
	if strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") {
		return s
	}
	return ""
}

// describe fills in what is asked for.
func describe(p *Page, req *authserver.AuthorizationRequest) {
	p.Permissions = p.permissions(req.Scopes)
	for _, name := range req.Claims {
		p.Claims = append(p.Claims, Permission{Name: name, Text: p.known("claim." + name)})
	}
	p.Resources = req.Resources
	p.RedirectHost = clean(req.RedirectHost)
	p.Loopback = isLoopback(req.RedirectHost)
	p.MayRemember = mayRemember(req)
}

// permissions are scopes, in words.
func (p *Page) permissions(scopes []authserver.Scope) (list []Permission) {
	for _, scope := range scopes {
		text := p.locale.pick(scope.Description)
		if text == "" {
			text = p.known("scope." + scope.Name)
		}
		list = append(list, Permission{Name: scope.Name, Text: text})
	}
	return list
}

// scopeOrder is that in which the scopes of OpenID Connect are read best.
var scopeOrder = []string{
	oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone, oauth.ScopeOfflineAccess,
}

// ordered are scopes that no request put in an order: who one is first, then
// what the host's own scopes allow, by name.
func ordered(scopes []authserver.Scope) []authserver.Scope {
	place := func(s authserver.Scope) int {
		if i := slices.Index(scopeOrder, s.Name); i >= 0 {
			return i
		}
		return len(scopeOrder)
	}
	return slices.SortedStableFunc(slices.Values(scopes), func(a, b authserver.Scope) int { return place(a) - place(b) })
}

// known is the text of that id, or nothing.
func (p *Page) known(id string) string {
	if text, ok := p.locale.text(id, nil); ok {
		return text
	}
	return ""
}

// mayRemember reports whether a consent may stand in for the next: only for a
// client that proves who it is (RFC 6749 §10.2, RFC 8252 §8.6).
func mayRemember(req *authserver.AuthorizationRequest) bool {
	return req.Client.Verified && !req.Client.Public() && !req.Device && !isLoopback(req.RedirectHost)
}

// isLoopback reports whether a redirect host is this device.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasPrefix(host, "localhost:") {
		return true
	}
	if ap, err := netip.ParseAddrPort(host); err == nil {
		return ap.Addr().Unmap().IsLoopback()
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

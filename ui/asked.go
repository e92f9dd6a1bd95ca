package ui

import (
	"net/netip"
	"strings"

	"github.com/seed36673005/authserver"
)

// client is who asks, fit to be shown.
func client(req *authserver.AuthorizationRequest) *Client {
	c := &Client{
		Name:       clean(req.Client.Name),
		PolicyURI:  webLink(req.Client.PolicyURI),
		TermsURI:   webLink(req.Client.TermsURI),
		Unverified: !req.Client.Verified,
	}
	if c.Name == "" {
		c.Name = clean(req.Client.ID)
	}
	c.Initial = initial(c.Name)
	// A logo is the strongest way to pose as somebody else.
	if _, ok := imageOrigin(req.Client.LogoURI); ok && req.Client.Verified {
		c.Logo = req.Client.LogoURI
	}
	return c
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
	for _, scope := range req.Scopes {
		text := p.locale.pick(scope.Description)
		if text == "" {
			text = p.known("scope." + scope.Name)
		}
		p.Permissions = append(p.Permissions, Permission{Name: scope.Name, Text: text})
	}
	for _, name := range req.Claims {
		p.Claims = append(p.Claims, Permission{Name: name, Text: p.known("claim." + name)})
	}
	p.Resources = req.Resources
	p.RedirectHost = clean(req.RedirectHost)
	p.Loopback = isLoopback(req.RedirectHost)
	p.MayRemember = mayRemember(req)
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

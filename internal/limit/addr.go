package limit

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops is how many proxies in a row are believed.
const maxHops = 16

// ClientAddr is the address a request came from: the peer's, or, while that is
// one of the trusted proxies, the nearest entry of X-Forwarded-For that is
// not. What stands before an entry that nobody trusted wrote, and after one
// that is no address, is ignored. The zero address means that the peer has
// none, as on a Unix socket.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr := parseAddr(r.RemoteAddr)
	if len(trusted) == 0 || !isTrusted(addr, trusted) {
		return addr
	}
	forwarded := strings.Join(r.Header["X-Forwarded-For"], ",")
	for range maxHops {
		rest, last := cutLast(forwarded)
		hop := parseAddr(last)
		if !hop.IsValid() {
			return addr
		}
		if addr = hop; !isTrusted(addr, trusted) {
			return addr
		}
		forwarded = rest
	}
	return addr
}

// cutLast splits a list at its last comma.
func cutLast(list string) (rest, last string) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		return list[:i], strings.TrimSpace(list[i+1:])
	}
	return "", strings.TrimSpace(list)
}

// parseAddr reads an address with or without a port; zero if it is neither.
func parseAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap()
	}
	a, _ := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap()
}

// isTrusted reports whether an address lies in one of the networks.
func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	a = a.WithZone("")
	return a.IsValid() && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

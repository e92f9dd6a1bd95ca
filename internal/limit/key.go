package limit

import (
	"net/netip"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// AccountKey is the key of an account name: spellings that a user base may
// treat alike share it. Case, compatibility forms, spaces around the name and
// dots after it do not make another key.
func AccountKey(name string) string {
	folded := cases.Fold().String(norm.NFKC.String(name))
	return strings.TrimRight(strings.TrimSpace(folded), ". ")
}

// AddrKey is the key of an address: an IPv6 network of 64 bits, which is what
// one subscriber has, or an IPv4 address, however it is written. The zero
// address, of a peer without one, has the empty key.
func AddrKey(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	network, _ := a.Prefix(64) // 64 is valid for every IPv6 address
	return network.String()
}

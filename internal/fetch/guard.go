package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// ErrAddress says that a host is at an address that is not on the public
// Internet, or at a port that is not 443: no connection was made.
var ErrAddress = errors.New("fetch: address is not public")

// metadataService is a host's own service at a public address: Azure's.
var metadataService = netip.MustParsePrefix("168.63.129.16/32")

// Public reports whether an address is on the public Internet.
func Public(a netip.Addr) bool {
	network := "tcp4"
	if a = a.Unmap(); a.Is6() {
		network = "tcp6"
	}
	return a.Zone() == "" && public.Safe(network, netip.AddrPortFrom(a, httpsPort).String(), nil) == nil
}

const httpsPort = 443

var public = ssrf.New(ssrf.WithPorts(httpsPort), ssrf.WithDeniedV4Prefixes(metadataService))

// control is asked about each address just before it is dialled, whatever name
// it came from and however often that was resolved: a name that leads to a
// public address first and to a private one then (DNS rebinding) is refused as
// the private address is.
func control(allowLoopback bool) func(network, address string, _ syscall.RawConn) error {
	guard := public
	if allowLoopback {
		guard = ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(metadataService),
			ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.0/8")),
			ssrf.WithAllowedV6Prefixes(netip.MustParsePrefix("::1/128")))
	}
	return func(network, address string, c syscall.RawConn) error {
		if err := guard.Safe(network, address, c); err != nil {
			return fmt.Errorf("%w: %w", ErrAddress, err)
		}
		return nil
	}
}

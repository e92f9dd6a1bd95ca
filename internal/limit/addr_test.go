package limit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAccountKey(t *testing.T) {
	for _, same := range []string{"Alice", "ALICE", " alice ", "alice.", "alice. .", "Ａlice"} {
		require.Equal(t, "alice", AccountKey(same), same)
	}
	require.Equal(t, AccountKey("STRASSE"), AccountKey("straße"))
	require.NotEqual(t, AccountKey("alice"), AccountKey("al.ice"))
}

func TestAddrKey(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1":              "192.0.2.1",
		"::ffff:192.0.2.1":       "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":   "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":    "2001:db8:1:2::/64",
		"fe80::1%eth0":           "fe80::/64",
		"2001:0DB8:1:2:0:0:0:00": "2001:db8:1:2::/64",
	} {
		require.Equal(t, want, AddrKey(netip.MustParseAddr(addr)), addr)
	}
	require.Empty(t, AddrKey(netip.Addr{}))
}

// HG-04: X-Forwarded-For counts from trusted peers alone.
func TestClientAddr(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"untrusted peer", "198.51.100.7:1", []string{"192.0.2.1"}, "198.51.100.7"},
		{"trusted peer", "10.0.0.1:1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"mapped trusted peer", "[::ffff:10.0.0.1]:1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"IPv6 peer", "[fd00::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"forged entry in front", "10.0.0.1:1", []string{"203.0.113.9, 192.0.2.1"}, "192.0.2.1"},
		{"forged header line in front", "10.0.0.1:1", []string{"203.0.113.9", "192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		{"proxies only", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no header", "10.0.0.1:1", nil, "10.0.0.1"},
		{"no address", "10.0.0.1:1", []string{"192.0.2.1, unknown"}, "10.0.0.1"},
		{"with ports", "10.0.0.1:1", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"peer without port", "198.51.100.7", nil, "198.51.100.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.forwarded
			require.Equal(t, c.want, ClientAddr(r, trusted).String())
		})
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.RemoteAddr = "@"
	require.False(t, ClientAddr(r, trusted).IsValid())

	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", strings.Repeat("10.0.0.1,", 100_000)+"10.0.0.1")
	require.Equal(t, "10.0.0.1", ClientAddr(r, trusted).String())
}

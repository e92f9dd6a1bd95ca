package fetch

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A site serves documents on loopback and counts connections and requests.
type site struct {
	*httptest.Server
	connects, requests atomic.Int32
}

func newSite(t *testing.T, h http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		h(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connects.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// client is one that reaches the site, unless it is on guard.
func (s *site) client(loopback bool) *Client {
	return New(Options{UnsafeAllowLoopback: loopback, Roots: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
}

func serveJSON(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, body)
	}
}

func TestJSON(t *testing.T) {
	s := newSite(t, serveJSON(`{"keys":[]}`))
	body, err := s.client(true).JSON(t.Context(), s.URL+"/jwks")
	require.NoError(t, err)
	require.JSONEq(t, `{"keys":[]}`, string(body))
}

func TestPublic(t *testing.T) {
	for _, a := range []string{"8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"} {
		require.True(t, Public(netip.MustParseAddr(a)), a)
	}
	for _, a := range []string{
		"127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "0.0.0.0", "0.1.2.3",
		"100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"168.63.129.16", "192.88.99.1", "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1",
		"fd00::1", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1",
	} {
		require.False(t, Public(netip.MustParseAddr(a)), a)
	}
	require.False(t, Public(netip.Addr{}))
}

func TestGuard(t *testing.T) {
	// RG-09: nobody is connected to, whatever the URL looks like.
	t.Run("private addresses", func(t *testing.T) {
		s := newSite(t, serveJSON(`{}`))
		_, port, err := net.SplitHostPort(s.Listener.Addr().String())
		require.NoError(t, err)
		c := s.client(false)
		for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST.", "a.localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:7f00:1]", "[::]", "0.0.0.0"} {
			_, err := c.JSON(t.Context(), "https://"+host+":"+port+"/")
			require.Error(t, err, host)
		}
		require.Zero(t, s.connects.Load())
	})
	// The first answer of a resolver was public when it was checked; the guard
	// looks at each address that is dialled, when it is dialled.
	t.Run("RG-10", func(t *testing.T) {
		guard := control(false)
		require.NoError(t, guard("tcp4", "8.8.8.8:443", nil))
		for network, address := range map[string]string{"tcp4": "127.0.0.1:443", "tcp6": "[::1]:443", "tcp": "8.8.8.8:443", "udp4": "8.8.8.8:443", "unix": "/run/x"} {
			require.ErrorIs(t, guard(network, address, nil), ErrAddress, network)
		}
		require.ErrorIs(t, guard("tcp4", "8.8.8.8:8443", nil), ErrAddress, "another port")
		require.ErrorIs(t, guard("tcp6", "[::ffff:10.0.0.1]:443", nil), ErrAddress)

		// A name that resolves to a public address first and to this machine then.
		s := newSite(t, serveJSON(`{}`))
		c := s.client(false)
		dials := []string{}
		inner := c.http.Transport.(*http.Transport)
		inner.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			dialer := net.Dialer{Control: func(network, address string, conn syscall.RawConn) error {
				dials = append(dials, address)
				return control(false)(network, address, conn)
			}}
			return dialer.DialContext(ctx, "tcp", s.Listener.Addr().String())
		}
		require.NoError(t, c.Check("https://rebinding.example/jwks"))
		_, err := c.JSON(t.Context(), "https://rebinding.example/jwks")
		require.ErrorIs(t, err, ErrAddress)
		require.Len(t, dials, 1)
		require.Zero(t, s.connects.Load())

		// A public answer that leads to a private one.
		trap := newSite(t, serveJSON(`{}`))
		leads := newSite(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, trap.URL, http.StatusFound) })
		_, err = leads.client(true).JSON(t.Context(), leads.URL)
		require.ErrorIs(t, err, ErrAnswer)
		require.Zero(t, trap.connects.Load(), "no redirect is followed")
	})
	t.Run("no proxy", func(t *testing.T) {
		s := newSite(t, serveJSON(`{}`))
		t.Setenv("HTTPS_PROXY", s.URL)
		_, err := s.client(false).JSON(t.Context(), "https://192.0.2.1/")
		require.ErrorIs(t, err, ErrAddress)
		require.Zero(t, s.connects.Load())
		require.Nil(t, New(Options{}).http.Transport.(*http.Transport).Proxy)
	})
}

func TestCheck(t *testing.T) {
	c := New(Options{})
	for _, good := range []string{"https://a.example", "https://a.example:443/x?y=z", "https://8.8.8.8/", "https://1.2.3.4.example/"} {
		require.NoError(t, c.Check(good), good)
	}
	for _, bad := range []string{
		"", "/x", "http://a.example/", "https://", "https:a.example", "https:///x", "https://u@a.example/", "https://u:p@a.example/", "https://a.example/#f",
		"https://a.example:8443/", "file:///etc/passwd", "gopher://a.example/", "https://a.example/" + strings.Repeat("x", maxURL), "https://a b/", "https://[::1", "https://[fe80::1%25eth0]/",
	} {
		require.Error(t, c.Check(bad), bad)
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
		},
		"type":      func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "{}") },
		"too large": serveJSON(strings.Repeat(" ", maxBody+1)),
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 10<<20))
			_ = z.Close()
		},
		"header": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) },
		"cut":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, h)
			body, err := s.client(true).JSON(t.Context(), s.URL+"/?token=secret-token")
			require.Error(t, err)
			require.Nil(t, body)
			require.NotContains(t, err.Error(), "secret-token")
		})
	}
	t.Run("certificate", func(t *testing.T) {
		s := newSite(t, serveJSON("{}"))
		_, err := New(Options{UnsafeAllowLoopback: true}).JSON(t.Context(), s.URL)
		require.Error(t, err)
		require.Zero(t, s.requests.Load())
	})
}

func TestOneFetchForMany(t *testing.T) {
	var once sync.Once
	asked, proceed := make(chan struct{}), make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		<-proceed
		serveJSON("{}")(w, r)
	})
	c := s.client(true)
	var all sync.WaitGroup
	var done atomic.Int32
	fetch := func() {
		if _, err := c.JSON(t.Context(), s.URL); err == nil {
			done.Add(1)
		}
	}
	all.Go(fetch)
	<-asked
	for range 20 {
		all.Go(fetch)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.JSON(ended, s.URL)
	require.ErrorIs(t, err, context.Canceled, "who has no time waits no longer, and ends nobody else's")
	close(proceed)
	all.Wait()
	require.EqualValues(t, 21, done.Load())
	require.LessOrEqual(t, s.requests.Load(), int32(2), "but for one who came when it had just ended")
}

func TestFailuresAreRemembered(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	c := s.client(true)
	for range 100 {
		_, err := c.JSON(t.Context(), s.URL)
		require.ErrorIs(t, err, ErrAnswer)
	}
	require.EqualValues(t, 1, s.requests.Load())
	c.failed.Add(s.URL, failure{errors.New("before"), time.Now().Add(-time.Second)})
	_, err := c.JSON(t.Context(), s.URL)
	require.ErrorIs(t, err, ErrAnswer)
	require.EqualValues(t, 2, s.requests.Load())
}

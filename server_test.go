package authserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
)

// What net/http and the server do together on a real connection.

// A listening harness serves on loopback, with the limits of
// examples/quickstart.
type listening struct {
	*harness
	addr string
	unit time.Duration // what a second is here
}

// listen serves h. Its seconds are a tenth of one, unless AUTHSERVER_SLOW=1
// asks for whole ones.
func listen(t *testing.T, options ...func(*authserver.Config)) *listening {
	t.Helper()
	l := &listening{unit: time.Second / 10}
	if slowly {
		l.unit = time.Second
	}
	l.harness = newHarness(t, append(options, func(c *authserver.Config) { c.RequestTimeout = 10 * l.unit })...)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{
		Handler: l.srv, ReadHeaderTimeout: 5 * l.unit, WriteTimeout: 30 * l.unit, IdleTimeout: 60 * l.unit,
		MaxHeaderBytes: 32 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	l.addr = listener.Addr().String()
	return l
}

func (l *listening) dial() net.Conn {
	l.t.Helper()
	conn, err := new(net.Dialer).DialContext(l.t.Context(), "tcp", l.addr)
	require.NoError(l.t, err)
	l.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(l.t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return conn
}

// send writes a request as it is and returns the statuses of what comes back
// until the connection ends.
func (l *listening) send(raw string) (statuses []int) {
	l.t.Helper()
	conn := l.dial()
	_, err := io.WriteString(conn, raw)
	if !gone(err) {
		require.NoError(l.t, err)
	}
	for r := bufio.NewReader(conn); ; {
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		statuses = append(statuses, response.StatusCode)
	}
}

// gone reports whether the other side has closed the connection.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// tokenPath is the token endpoint's.
const tokenPath = "/authentication/token"

// wireRequest is a request of client credentials, with more header lines, that
// ends its connection.
func wireRequest(lines, body string) string {
	return "POST " + tokenPath + " HTTP/1.1\r\nHost: login.example\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"Authorization: " + basicHeader(service, secret) + "\r\n" + lines + "\r\n" + body
}

// keptAlive does not end its connection.
func keptAlive(raw string) string { return strings.Replace(raw, "Connection: close\r\n", "", 1) }

func TestBodiesOnTheWire(t *testing.T) {
	t.Run("TK-09", func(t *testing.T) {
		l := listen(t)
		conn := l.dial()
		_, err := io.WriteString(conn, wireRequest("Transfer-Encoding: chunked\r\n", ""))
		require.NoError(t, err)
		chunk := "1000\r\n" + strings.Repeat("a", 0x1000) + "\r\n"
		written := 0
		for err == nil && written < 64<<20 { // until it is closed
			var n int
			n, err = io.WriteString(conn, chunk)
			written += n
		}
		require.True(t, gone(err), "after %d bytes: %v", written, err)
		require.Equal(t, []int{http.StatusRequestEntityTooLarge}, l.send(wireRequest("Content-Length: 10485760\r\n", "grant_type=")))
	})
	// What net/http reads of a request that two parsers could read in two
	// ways is what RFC 9112 says, and never a second request.
	t.Run("TK-16", func(t *testing.T) {
		l := listen(t)
		body := "grant_type=client_credentials"
		length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
		chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		smuggled := "GET /authentication/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n"
		require.Equal(t, []int{200}, l.send(wireRequest(length, body)))
		for name, c := range map[string]struct {
			raw  string
			want []int
		}{
			"two lengths":         {wireRequest("Content-Length: 3\r\n"+length, body), []int{400}},
			"list of lengths":     {wireRequest("Content-Length: 29, 3\r\n", body), []int{400}},
			"signed length":       {wireRequest("Content-Length: +29\r\n", body), []int{400}},
			"pipelined":           {keptAlive(wireRequest(length, body)) + wireRequest(length, body), []int{200, 200}},
			"unknown coding":      {wireRequest("Transfer-Encoding: gzip, chunked\r\n", chunked), []int{501}},
			"coding twice":        {wireRequest("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked), []int{501}},
			"hidden coding":       {wireRequest("Transfer-Encoding: \vchunked\r\n"+length, body), []int{400}},
			"space before colon":  {wireRequest("Content-Length : 3\r\n", body), []int{400}},
			"bare CR":             {wireRequest("X: a\rContent-Length: 3\r\n"+length, body), []int{400}},
			"NUL":                 {wireRequest("X: a\x00b\r\n"+length, body), []int{400}},
			"chunk of bare LF":    {wireRequest("Transfer-Encoding: chunked\r\n", strings.ReplaceAll(chunked, "\r\n", "\n")), []int{400}},
			"chunk and length":    {keptAlive(wireRequest("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked+smuggled)), []int{200}},   // RFC 9112 §6.1: the coding counts,
			"length and chunk":    {keptAlive(wireRequest("Transfer-Encoding: chunked\r\nContent-Length: 400\r\n", chunked+smuggled)), []int{200}}, // and the connection ends
			"lines of bare LF":    {strings.ReplaceAll(wireRequest(length, ""), "\r\n", "\n") + body, []int{200}},                                  // RFC 9112 §2.2: a line may end so
			"folded":              {wireRequest("X: a\r\n Content-Length: 3\r\n"+length, body), []int{200}},                                        // RFC 9112 §5.2: the fold is a space
			"credentials, folded": {wireRequest(length+"Authorization: Basic\r\n "+strings.Repeat("x", 8)+"\r\n", body), []int{400}},               // two headers
			"CR LF in the URL":    {strings.Replace(wireRequest(length, body), tokenPath, tokenPath+"?a=\r\nX: y", 1), []int{400}},
			"absolute, elsewhere": {strings.Replace(wireRequest(length, body), tokenPath, "http://evil.example"+tokenPath, 1), []int{200}}, // the issuer is fixed
		} {
			l.sub(name, func(t *testing.T) { require.Equal(t, c.want, l.send(c.raw)) })
		}
	})
	t.Run("HG-06", func(t *testing.T) {
		l := listen(t)
		length := "Content-Length: 29\r\n"
		body := "grant_type=client_credentials"
		for name, c := range map[string]struct {
			raw  string
			want int
		}{
			"40 KiB in one field":  {wireRequest("X: "+strings.Repeat("a", 40<<10)+"\r\n"+length, body), 431},
			"34 KiB in two fields": {wireRequest(strings.Repeat("X: "+strings.Repeat("a", 17<<10)+"\r\n", 2)+length, body), 431},
			"1,000 lines":          {wireRequest(strings.Repeat("X: a\r\n", 1000)+length, body), 431},
			"17 KiB URL": {
				strings.Replace(wireRequest(length, body), tokenPath, tokenPath+"?x="+strings.Repeat("a", 17<<10), 1), 414,
			},
			"17 KiB URL of a page": {"GET /authentication/authorize?x=" + strings.Repeat("a", 17<<10) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414},
			"60 KiB URL":           {"GET /authentication/jwks.json?x=" + strings.Repeat("a", 60<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
		} {
			l.sub(name, func(t *testing.T) { require.Equal(t, []int{c.want}, l.send(c.raw)) })
		}
	})
}

// p99 sends n requests, 200 a second, and returns how long all but the
// slowest of a hundred took.
func (l *listening) p99(n int) time.Duration {
	l.t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, n)
	statuses := make([]int, n)
	var all sync.WaitGroup
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		all.Go(func() {
			began := time.Now()
			r, _ := http.NewRequestWithContext(l.t.Context(), http.MethodPost, "http://"+l.addr+tokenPath,
				strings.NewReader(url.Values{"grant_type": {"client_credentials"}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(service, secret)
			if response, err := client.Do(r); err == nil {
				statuses[i] = response.StatusCode
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			took[i] = time.Since(began)
		})
	}
	all.Wait()
	require.Equal(l.t, slices.Repeat([]int{http.StatusOK}, n), statuses)
	slices.Sort(took)
	return took[n*99/100]
}

// unhurt wants normal traffic to be as fast as it was before. What a busy
// machine adds is let pass.
func unhurt(t *testing.T, before, now time.Duration) {
	t.Helper()
	require.False(t, now > 2*before && now > 100*time.Millisecond, "p99 was %v and is %v", before, now)
}

// drip writes a byte a second until the connection is closed, and returns how
// long that took.
func (l *listening) drip(conn net.Conn, start string) time.Duration {
	began := time.Now()
	tick := time.NewTicker(l.unit)
	defer tick.Stop()
	for _, err := io.WriteString(conn, start); err == nil; _, err = io.WriteString(conn, "a") {
		<-tick.C
	}
	return time.Since(began)
}

func TestSlowConnections(t *testing.T) {
	t.Run("TK-12", func(t *testing.T) {
		l := listen(t)
		before := l.p99(100)
		var all sync.WaitGroup
		lasted := make([]time.Duration, 100)
		for i := range lasted {
			conn := l.dial()
			start := "POST " + tokenPath + " HTTP/1.1\r\nHost: x\r\nX: "
			if i%2 == 0 {
				start = wireRequest("Content-Length: 60000\r\n", "")
			}
			all.Go(func() { lasted[i] = l.drip(conn, start) })
		}
		unhurt(t, before, l.p99(100))
		all.Wait()
		// A write or two after the end go into the void.
		require.Less(t, slices.Max(lasted), 10*l.unit+2*l.unit+time.Second)
	})
	t.Run("HG-07", func(t *testing.T) {
		l := listen(t)
		connections := 300
		if l.unit == time.Second {
			connections = 2000
		}
		before := l.p99(100)
		for i := range connections {
			conn := l.dial()
			if i%2 == 0 {
				_, err := io.WriteString(conn, "POST "+tokenPath+" HTTP/1.1\r\nHo")
				require.NoError(t, err)
			}
		}
		unhurt(t, before, l.p99(100))
	})
}

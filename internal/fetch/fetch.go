package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// What a fetch may take.
const (
	timeout   = 5 * time.Second
	maxBody   = 64 << 10 // after decompression, of which there is none
	maxHeader = 16 << 10
	maxURL    = 2048
	// What failed is not tried again for a while, however often it is asked.
	failedFor = 30 * time.Second
	maxFailed = 1024
)

// The refusals, beside ErrAddress.
var (
	// ErrURL says that a URL is not one that is fetched: absolute, https,
	// without user information and fragment.
	ErrURL = errors.New("fetch: want an absolute https URL")
	// ErrAnswer says that what came back is no small JSON document.
	ErrAnswer = errors.New("fetch: want status 200 and at most 64 KiB of JSON")
)

// Options are what tests and private networks need.
type Options struct {
	// UnsafeAllowLoopback lets URLs lead to this machine, at any port. Sound
	// only in tests.
	UnsafeAllowLoopback bool
	// Roots, if not nil, are the certificate authorities instead of the
	// system's.
	Roots *x509.CertPool
}

// A Client fetches documents. Its methods may be called from many goroutines
// at once: those that ask for the same URL share one fetch.
type Client struct {
	http   *http.Client
	flight singleflight.Group
	failed *lru.Cache[string, failure] // by URL
	loop   bool
}

// A failure is what became of a URL, and until when it is not asked again.
type failure struct {
	err   error
	until time.Time
}

// New returns a Client.
func New(o Options) *Client {
	failed, err := lru.New[string, failure](maxFailed)
	if err != nil {
		panic("fetch: " + err.Error()) // only for a size that is not positive
	}
	dialer := &net.Dialer{Timeout: timeout, Control: control(o.UnsafeAllowLoopback)}
	transport := &http.Transport{
		Proxy:                  nil, // a proxy would resolve and reach for us
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableKeepAlives:      true, // each fetch asks the guard
		DisableCompression:     true,
		ForceAttemptHTTP2:      false,
	}
	return &Client{
		http: &http.Client{
			Transport: transport, Timeout: timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		failed: failed,
		loop:   o.UnsafeAllowLoopback,
	}
}

// Check reports whether a URL could be fetched at all, without asking any
// server for anything: its form, and its address where it names one.
func (c *Client) Check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > maxURL || u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return ErrURL
	case u.User != nil || strings.Contains(address, "#"):
		return ErrURL
	}
	return c.checkHost(u.Hostname(), u.Port())
}

// checkHost refuses what needs no resolving to be known as private.
func (c *Client) checkHost(host, port string) error {
	addr, err := netip.ParseAddr(host)
	local := strings.TrimSuffix(strings.ToLower(host), ".")
	isLocal := local == "localhost" || strings.HasSuffix(local, ".localhost")
	if c.loop && (isLocal || err == nil && addr.IsLoopback()) {
		return nil
	}
	if isLocal || port != "" && port != "443" || err == nil && !Public(addr) {
		return ErrAddress
	}
	// What no resolver knows as a name some know as a number: 2130706433 and
	// 0x7f.1 are 127.0.0.1. The guard of the dial has the last word.
	if err != nil && endsInNumber(local) {
		return ErrAddress
	}
	return nil
}

// endsInNumber reports whether a host is taken for an IPv4 address by those
// who read URLs as browsers do (WHATWG URL Standard).
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits := strings.TrimPrefix(last, "0x")
	return !strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' }) ||
		digits != last && !strings.ContainsFunc(digits, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// JSON returns the document at a URL, which is not parsed. A URL that failed
// is not asked for again for half a minute. No error holds what a server
// answered.
func (c *Client) JSON(ctx context.Context, address string) ([]byte, error) {
	if err := c.Check(address); err != nil {
		return nil, err
	}
	if f, found := c.failed.Get(address); found && time.Now().Before(f.until) {
		return nil, f.err
	}
	// The fetch outlives whoever asked first: others may wait for it too.
	shared := context.WithoutCancel(ctx)
	answer := c.flight.DoChan(address, func() (any, error) {
		body, err := c.get(shared, address)
		if err != nil {
			c.failed.Add(address, failure{err, time.Now().Add(failedFor)})
		}
		return body, err
	})
	select {
	case a := <-answer:
		if a.Err != nil {
			return nil, a.Err
		}
		body, _ := a.Val.([]byte)
		return body, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Client) get(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, ErrURL
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "authserver")
	response, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK || !isJSON(response.Header) || response.Header.Get("Content-Encoding") != "" {
		return nil, ErrAnswer
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	if len(body) > maxBody {
		return nil, ErrAnswer
	}
	return body, nil
}

// withoutURL is the cause of an error of net/http, which names the URL: its
// query may be a secret.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// isJSON reports whether an answer says it is JSON, or some format made of it,
// as application/jwk-set+json.
func isJSON(h http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (mediaType == "application/json" || strings.HasSuffix(mediaType, "+json"))
}

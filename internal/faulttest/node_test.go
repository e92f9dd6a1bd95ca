package faulttest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

const (
	issuer   = "https://login.example"
	clientID = "app"
	callback = "https://app.example/callback"
)

// The secrets are fixed, so that a node knows what those before it knew.
const (
	clientSecret = "cs_0123456789abcdef0123456789abcdef0123456789a"
	ringSecret   = "thirty-two bytes, all of them known"
)

// A node is one replica of the server: the host's part is to approve at once,
// for whom the client hints at, and to register clients.
type node struct {
	*authserver.Server
	store   storage.Storage
	timeout time.Duration
}

func newNode(store storage.Storage, options ...func(*authserver.Config)) (*node, error) {
	hushed := slog.New(slog.NewTextHandler(io.Discard, nil))
	ring, err := keys.Managed(store, []byte(ringSecret), keys.ManagedOptions{Algorithms: []string{keys.ES256}, Logger: hushed})
	if err != nil {
		return nil, err
	}
	n := &node{store: store}
	cfg := authserver.Config{
		Issuer: issuer, Storage: store, Keys: ring, Clients: n, Logger: hushed, RequestTimeout: 5 * time.Second,
		Interact: func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			req.Server.Approve(w, r, req.ID, authserver.Approval{Subject: req.LoginHint, AuthTime: time.Now()})
		},
	}
	for _, option := range options {
		option(&cfg)
	}
	n.timeout = cfg.RequestTimeout
	n.Server, err = authserver.New(cfg)
	return n, err
}

// Client implements authserver.ClientSource.
func (n *node) Client(ctx context.Context, id string) (*oauth.Client, error) {
	c := &oauth.Client{
		ID: id, RedirectURIs: []string{callback}, Scopes: []string{oauth.ScopeOpenID, oauth.ScopeOfflineAccess},
		GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken},
		Secrets:    []oauth.Secret{{Digest: digest}},
	}
	if id == clientID {
		return c, nil
	}
	r, err := n.store.Get(ctx, storage.KindClient, id)
	if err != nil {
		return nil, err
	}
	c = new(oauth.Client)
	return c, json.Unmarshal(r.Data, c)
}

// digest is that of clientSecret.
var digest = func() string {
	sum := sha256.Sum256([]byte(clientSecret))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}()

// ServeHTTP also registers clients, at /clients.
func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/clients" {
		n.Server.ServeHTTP(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), n.timeout)
	defer cancel()
	id := r.FormValue("id")
	data, err := json.Marshal(&oauth.Client{
		ID: id, Secrets: []oauth.Secret{{Digest: digest}}, GrantTypes: []string{oauth.GrantTypeClientCredentials},
	})
	if err == nil {
		_, err = n.store.Create(ctx, storage.Record{Kind: storage.KindClient, Key: id, ClientID: id, Data: data})
	}
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// RoundTrip implements http.RoundTripper for clients without a network.
func (n *node) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	return w.Result(), nil
}

// A process is this test binary, run again as a node on a SQLite file.
type process struct {
	t    *testing.T
	addr string
	path string
	cmd  *exec.Cmd
}

const (
	processPath = "FAULTTEST_PATH"
	processAddr = "FAULTTEST_ADDR"
)

// TestMain serves, or runs the tests.
func TestMain(m *testing.M) {
	if path := os.Getenv(processPath); path != "" {
		fmt.Fprintln(os.Stderr, serve(path, os.Getenv(processAddr)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serve(path, addr string) error {
	store, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return err
	}
	n, err := newNode(store)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: n, ReadHeaderTimeout: time.Second}).Serve(listener)
}

func newProcess(t *testing.T, path string) *process {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &process{t: t, addr: listener.Addr().String(), path: path}
	require.NoError(t, listener.Close())
	p.start()
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
	})
	return p
}

// start returns how long it took until a request was answered.
func (p *process) start() time.Duration {
	began := time.Now()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), processPath+"="+p.path, processAddr+"="+p.addr)
	p.cmd.Stderr = os.Stderr
	require.NoError(p.t, p.cmd.Start())
	probe := newClient(&history{}, p)
	for {
		if d := probe.jwks(); d.outcome == ok {
			return time.Since(began)
		}
		require.Less(p.t, time.Since(began), time.Minute, "the server does not start")
		time.Sleep(5 * time.Millisecond)
	}
}

// kill is kill -9.
func (p *process) kill() {
	require.NoError(p.t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	p.cmd = nil
}

// transport is shared: its connections die with the process.
var transport = &http.Transport{MaxIdleConnsPerHost: 64}

// RoundTrip sends what is for the issuer to the process.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", p.addr
	return transport.RoundTrip(r)
}

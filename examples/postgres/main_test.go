package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/testservers"
)

func TestTwoProcessesAreOneServerOnPostgreSQL(t *testing.T) {
	twoProcesses(t, "-dsn", testservers.Postgres(t))
}

func TestTwoProcessesAreOneServerOnRedisCluster(t *testing.T) {
	twoProcesses(t, "-redis", strings.Join(testservers.RedisCluster(t), ","))
}

// process is one running program.
type process struct {
	cmd    *exec.Cmd
	origin string
	said   map[string]string
}

// twoProcesses starts the program twice at the same moment, behind a proxy
// that sends every request to the other one than the one before.
func twoProcesses(t *testing.T, backend ...string) {
	binary := filepath.Join(t.TempDir(), "postgres")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	var secret [32]byte
	_, _ = rand.Read(secret[:])
	b := &balancer{}
	proxy := httptest.NewServer(b)
	t.Cleanup(proxy.Close)
	issuer := proxy.URL + "/authentication"
	started := make(chan *process, 2)
	for range 2 {
		go func() {
			started <- start(t, binary, base64.StdEncoding.EncodeToString(secret[:]), append(backend, "-issuer", issuer)...)
		}()
	}
	for i := range 2 {
		b.processes[i] = <-started
		require.NotNil(t, b.processes[i])
	}
	first, second := b.processes[0], b.processes[1]
	require.Equal(t, first.said, second.said)

	oneLogin(t, issuer, first.said)
	oneRing(t, first, second)
}

// balancer takes turns.
type balancer struct {
	processes [2]*process
	turn      atomic.Uint64
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, err := url.Parse(b.processes[b.turn.Add(1)%2].origin)
	if err != nil {
		panic(err)
	}
	(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}).ServeHTTP(w, r)
}

func start(t *testing.T, binary, secret string, args ...string) *process {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return nil
	}
	addr := l.Addr().String()
	_ = l.Close()
	cmd := exec.Command(binary, append(args, "-addr", addr, "-keys-refresh", "1s")...) //nolint:noctx // ended below
	cmd.Env = append(os.Environ(), "AUTHSERVER_SECRET="+secret)
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("%s: %v\n%s", addr, err, log.String())
		}
	})
	p := &process{cmd: cmd, origin: "http://" + addr, said: map[string]string{}}
	lines := bufio.NewScanner(stdout)
	for len(p.said) < 5 && lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		p.said[name] = value
	}
	if len(p.said) < 5 {
		t.Errorf("%s did not start", addr)
		return nil
	}
	return p
}

// oneLogin walks a whole login, each step of it at another process.
func oneLogin(t *testing.T, issuer string, said map[string]string) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	verifier := strings.Repeat("v", 43)
	q := url.Values{
		"client_id": {clientID}, "redirect_uri": {"http://127.0.0.1:1/callback"}, "response_type": {"code"},
		"scope": {"openid offline_access"}, "state": {"s"}, "code_challenge_method": {"S256"},
		"code_challenge": {s256(verifier)},
	}
	at := issuer + "/authorize?" + q.Encode()
	var code string
	for range 12 {
		require.Eventually(t, func() bool { return up(browser, issuer) }, 10*time.Second, 20*time.Millisecond)
		at, code = step(t, browser, at, said)
		if code != "" {
			break
		}
	}
	require.NotEmpty(t, code)

	tokens := token(t, issuer, said, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {"http://127.0.0.1:1/callback"},
	}, http.StatusOK)
	token(t, issuer, said, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"]}}, http.StatusOK)
	// The other process knows that the code is spent, and ends it all.
	token(t, issuer, said, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {"http://127.0.0.1:1/callback"},
	}, http.StatusBadRequest)
	token(t, issuer, said, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"]}}, http.StatusBadRequest)
}

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func up(c *http.Client, issuer string) bool {
	resp, err := c.Get(issuer + "/jwks.json") //nolint:noctx // bounded by the test
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

var (
	action = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// step follows a redirect, or fills in the form it meets. It returns the next
// address, or the code.
func step(t *testing.T, browser *http.Client, at string, said map[string]string) (next, code string) {
	resp, err := browser.Get(at) //nolint:noctx // bounded by the test
	require.NoError(t, err)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	if resp.StatusCode == http.StatusSeeOther {
		return follow(t, resp)
	}
	require.Equal(t, http.StatusOK, resp.StatusCode, string(page))
	form := url.Values{"username": {"alice"}, "password": {said["password"]}, "decision": {"approve"}}
	for _, m := range hidden.FindAllStringSubmatch(string(page), -1) {
		form.Set(m[1], m[2])
	}
	m := action.FindStringSubmatch(string(page))
	require.NotNil(t, m, string(page))
	to, err := resp.Request.URL.Parse(m[1])
	require.NoError(t, err)
	resp, err = browser.PostForm(to.String(), form) //nolint:noctx // bounded by the test
	require.NoError(t, err)
	page, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, string(page))
	return follow(t, resp)
}

func follow(t *testing.T, resp *http.Response) (next, code string) {
	to, err := resp.Location()
	require.NoError(t, err)
	return to.String(), to.Query().Get("code")
}

func token(t *testing.T, issuer string, said map[string]string, form url.Values, status int) map[string]string {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(said["client_id"], said["client_secret"])
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var members map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&members))
	require.Equal(t, status, resp.StatusCode, members)
	texts := map[string]string{}
	for name, value := range members {
		texts[name] = fmt.Sprint(value)
	}
	return texts
}

// oneRing rotates the keys at one process: the other publishes them too, and
// both publish the same.
func oneRing(t *testing.T, first, second *process) {
	before := jwks(t, first)
	require.Equal(t, before, jwks(t, second), "one ring from the first moment")
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool {
		now := jwks(t, first)
		return now != before && now == jwks(t, second)
	}, 15*time.Second, 50*time.Millisecond)
}

func jwks(t *testing.T, p *process) string {
	resp, err := http.Get(p.origin + "/authentication/jwks.json") //nolint:noctx // bounded by the test
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

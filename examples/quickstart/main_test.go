package main

import (
	"bufio"
	"context"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// running is a quickstart that runs in this process.
type running struct {
	said map[string]string // what it printed
	stop func()
}

func (r running) origin() string { return strings.TrimSuffix(r.said["issuer"], "/authentication") }

// start runs the quickstart until stop, or the end of the test.
func start(t *testing.T, addr, db string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, addr, db, write)
		_ = write.CloseWithError(err)
		ended <- err
	}()
	said := map[string]string{}
	for lines := bufio.NewScanner(read); said["password"] == "" && lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		said[name] = value
	}
	require.NotEmpty(t, said["password"])
	stopped := false
	stop := func() {
		if cancel(); !stopped {
			stopped = true
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return running{said, stop}
}

// visitor is a browser without scripts.
type visitor struct {
	t      *testing.T
	client http.Client
}

// page is what the visitor sees.
type page struct {
	status int
	url    *url.URL
	text   string
}

func newVisitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{t: t, client: http.Client{Jar: jar}}
}

func (v *visitor) open(address string) page {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(v.t, err)
	return v.do(req)
}

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	action = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

// submit sends the first form of a page, with what the visitor filled in as
// names and values in turn.
func (v *visitor) submit(p page, filled ...string) page {
	v.t.Helper()
	found := action.FindStringSubmatch(p.text)
	require.NotNil(v.t, found, p.text)
	values := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(p.text, -1) {
		values.Set(field[1], html.UnescapeString(field[2]))
	}
	for i := 0; i < len(filled); i += 2 {
		values.Set(filled[i], filled[i+1])
	}
	return v.post(p.url, html.UnescapeString(found[1]), values)
}

// press sends a form that is a button.
func (v *visitor) press(p page, path string) page {
	v.t.Helper()
	require.Contains(v.t, p.text, `action="`+path+`"`)
	return v.post(p.url, path, nil)
}

func (v *visitor) post(from *url.URL, reference string, values url.Values) page {
	v.t.Helper()
	to, err := from.Parse(reference)
	require.NoError(v.t, err)
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, to.String(), strings.NewReader(values.Encode()))
	require.NoError(v.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", to.Scheme+"://"+to.Host)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.do(req)
}

func (v *visitor) do(req *http.Request) page {
	v.t.Helper()
	resp, err := v.client.Do(req)
	require.NoError(v.t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	return page{resp.StatusCode, resp.Request.URL, string(body)}
}

// logIn goes from the demo's first page to its last.
func (v *visitor) logIn(r running) page {
	v.t.Helper()
	p := v.open(r.origin() + "/login")
	require.Contains(v.t, p.text, `id="login-submit"`)
	p = v.submit(p, "username", r.said["user"], "password", r.said["password"], "action", "login")
	return v.consent(p)
}

func (v *visitor) consent(p page) page {
	v.t.Helper()
	require.Contains(v.t, p.text, `id="consent-approve"`)
	p = v.submit(p, "decision", "approve")
	require.Contains(v.t, p.text, `<span id="greeting">Alice`)
	return p
}

// code is what an element of code on a page of the demo holds.
func (p page) code(t *testing.T, id string) string {
	t.Helper()
	found := regexp.MustCompile(`id="` + id + `"[^>]*>([^<]+)<`).FindStringSubmatch(p.text)
	require.NotNil(t, found, id)
	return html.UnescapeString(found[1])
}

func TestQuickstart(t *testing.T) {
	r := start(t, "127.0.0.1:0", filepath.Join(t.TempDir(), "quickstart.db"))
	v := newVisitor(t)
	p := v.logIn(r)
	require.Equal(t, r.origin()+"/", p.url.String())
	require.Contains(t, p.text, "signature verified")

	t.Run("refresh", func(t *testing.T) {
		before := p.code(t, "access-token")
		p = v.press(p, "/refresh")
		require.NotEqual(t, before, p.code(t, "access-token"))
	})
	t.Run("userinfo", func(t *testing.T) {
		p = v.press(p, "/userinfo")
		require.Contains(t, p.code(t, "userinfo-answer"), `"email"`)
	})
	t.Run("revoke", func(t *testing.T) {
		p = v.press(p, "/revoke")
		require.Contains(t, p.text, `id="revoked"`)
		refused := v.press(p, "/userinfo")
		require.Equal(t, http.StatusBadRequest, refused.status)
		require.Contains(t, refused.text, "invalid_token")
	})
	t.Run("forget", func(t *testing.T) {
		require.Contains(t, v.press(p, "/forget").text, `id="login"`)
	})
}

func TestDevice(t *testing.T) {
	r := start(t, "127.0.0.1:0", filepath.Join(t.TempDir(), "quickstart.db"))
	television, phone := newVisitor(t), newVisitor(t)
	screen := television.press(television.open(r.origin()), "/device")
	code := screen.code(t, "code")

	p := phone.open(screen.code(t, "verification-uri"))
	p = phone.submit(p, "user_code", code)
	p = phone.submit(p, "username", r.said["user"], "password", r.said["password"], "action", "login")
	require.Contains(t, p.text, code)
	p = phone.submit(p, "decision", "approve")
	require.Contains(t, p.text, `id="device-done"`)

	screen = television.press(screen, "/device/check")
	require.Contains(t, screen.text, `<b id="greeting">Alice`)
}

func TestRestart(t *testing.T) {
	db := filepath.Join(t.TempDir(), "quickstart.db")
	first := start(t, "127.0.0.1:0", db)
	v := newVisitor(t)
	token := v.logIn(first).code(t, "access-token")
	published := v.open(first.said["issuer"] + "/jwks").text
	first.stop()

	second := start(t, strings.TrimPrefix(first.origin(), "http://"), db)
	require.Equal(t, first.said, second.said)

	t.Run("keys", func(t *testing.T) {
		require.Equal(t, published, v.open(second.said["issuer"]+"/jwks").text)
	})
	t.Run("tokens", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, second.said["issuer"]+"/userinfo", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		require.Contains(t, v.do(req).text, `"sub"`)
	})
	t.Run("session", func(t *testing.T) { v.consent(v.open(second.origin() + "/login")) })
	t.Run("password", func(t *testing.T) { newVisitor(t).logIn(second) })
	t.Run("clients", func(t *testing.T) {
		for _, grant := range []string{"client_credentials", "password"} {
			p := askToken(t, second, url.Values{
				"grant_type": {grant}, "username": {second.said["user"]}, "password": {second.said["password"]},
			})
			require.Equal(t, http.StatusOK, p.status, p.text)
		}
	})
}

// askToken asks the token endpoint as the confidential client.
func askToken(t *testing.T, r running, form url.Values) page {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.said["issuer"]+"/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(r.said["client_id"], r.said["client_secret"])
	return newVisitor(t).do(req)
}

func TestAnswersOfStrangers(t *testing.T) {
	r := start(t, "127.0.0.1:0", filepath.Join(t.TempDir(), "quickstart.db"))
	v := newVisitor(t)
	for _, query := range []string{"", "?state=unknown&code=code", "?state=&error=access_denied"} {
		p := v.open(r.origin() + "/callback" + query)
		require.Equal(t, http.StatusBadRequest, p.status)
		require.Contains(t, p.text, `id="problem"`)
	}
	for _, path := range []string{"/refresh", "/revoke", "/userinfo", "/device/check"} {
		p := v.post(&url.URL{}, r.origin()+path, nil)
		require.Contains(t, p.text, `id="login"`, path)
	}
}

func TestSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	made, err := openSecret(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

	again, err := openSecret(path)
	require.NoError(t, err)
	require.Equal(t, made, again)
	require.Regexp(t, `^cs_[A-Za-z0-9_-]{43}$`, made.clientSecret())
	require.Regexp(t, `^([a-z2-7]{4}-){3}[a-z2-7]{4}$`, made.password())

	require.NoError(t, os.WriteFile(path, []byte("c2hvcnQ=\n"), 0o600))
	_, err = openSecret(path)
	require.ErrorContains(t, err, "want 32 bytes")

	t.Run("HG-10", func(t *testing.T) {
		for _, mode := range []fs.FileMode{0o644, 0o640, 0o604, 0o660} {
			path := filepath.Join(t.TempDir(), "secret")
			_, err := openSecret(path)
			require.NoError(t, err)
			require.NoError(t, os.Chmod(path, mode))
			_, err = openSecret(path)
			require.ErrorContains(t, err, "want 0600", mode)
		}
	})
}

func TestOrigin(t *testing.T) {
	for asked, want := range map[string]string{
		"127.0.0.1:0": "http://127.0.0.1:4711", "localhost:0": "http://localhost:4711", ":0": "http://127.0.0.1:4711",
		"0.0.0.0:0": "http://127.0.0.1:4711", "[::1]:0": "http://[::1]:4711", "[::]:0": "http://127.0.0.1:4711",
	} {
		got, err := originOf(asked, address("127.0.0.1:4711"))
		require.NoError(t, err)
		require.Equal(t, want, got, asked)
	}
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

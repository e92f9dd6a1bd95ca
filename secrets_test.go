package authserver_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/storage/sqlstore/sqlite"
)

// A vault holds every secret that was issued or sent, and what it was.
type vault map[string]string

func (v vault) keep(what string, secrets ...string) {
	for _, s := range secrets {
		if len(s) >= 8 {
			v[s] = what
		}
	}
}

// secretParams are the parameters and members that hold secrets.
var secretParams = []string{
	"code", "access_token", "refresh_token", "id_token", "device_code", "user_code", "client_secret", "password", "code_verifier", "token",
	"id_token_hint", "client_assertion",
}

// form keeps what a request sends.
func (v vault) form(form url.Values) url.Values {
	for _, name := range secretParams {
		v.keep("sent "+name, form[name]...)
	}
	return form
}

// answer keeps what is issued: in JSON, in a redirect and in cookies.
func (v vault) answer(a *answer) *answer {
	for _, c := range a.Cookie {
		v.keep("cookie "+c.Name, c.Value)
	}
	if a.Status == http.StatusSeeOther {
		v.form(a.location())
	}
	var members map[string]any
	if json.Unmarshal([]byte(a.Body), &members) == nil {
		for _, name := range secretParams {
			s, _ := members[name].(string)
			v.keep(name, s)
			v.keep(name+" as it is typed", strings.ReplaceAll(s, "-", ""))
		}
	}
	return a
}

// absent wants none of the secrets in a text, as they are or as JSON has bytes.
func (v vault) absent(t *testing.T, where, text string) {
	t.Helper()
	require.NotEmpty(t, text, where)
	for s, what := range v {
		require.False(t, strings.Contains(text, s), "%s in %s: %s", what, where, s)
		encoded := base64.StdEncoding.EncodeToString([]byte(s))
		require.False(t, strings.Contains(text, encoded), "%s in %s: %s, base64", what, where, s)
	}
}

// A secretive harness keeps its keys and a client in the storage, and every
// secret in a vault.
type secretive struct {
	*harness
	vault  vault
	logged *syncBuffer
	client string // registered in the storage
	secret string
}

func newSecretive(t *testing.T, store storage.Storage) *secretive {
	s := &secretive{vault: vault{}, logged: &syncBuffer{}}
	root := hostSecret()
	ring, err := keys.Managed(store, root, keys.ManagedOptions{Algorithms: []string{keys.ES256}})
	require.NoError(t, err)
	registered := clientreg.New(store)
	s.harness = newHarness(t, withStore(store), func(c *authserver.Config) {
		c.Keys = ring
		c.Logger = slog.New(slog.NewTextHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		clients := c.Clients
		c.Clients = clientFunc(func(ctx context.Context, id string) (*oauth.Client, error) {
			if found, err := clients.Client(ctx, id); err == nil {
				return found, nil
			}
			return registered.Client(ctx, id)
		})
	})
	like := *s.clients[confidential]
	like.ID, like.Secrets, like.TokenEndpointAuthMethod = "", nil, oauth.AuthMethodBasic
	created, made, err := registered.Create(t.Context(), like)
	require.NoError(t, err)
	s.client, s.secret = created.ID, made
	s.vault.keep("client secret", made, secret)
	s.vault.keep("password", password)
	s.vault.keep("host's secret", string(root))
	return s
}

// send is post, with all secrets kept.
func (s *secretive) send(path string, form url.Values) *answer {
	s.t.Helper()
	return s.vault.answer(s.post(path, s.vault.form(form), basic(s.client, s.secret), elsewhere()))
}

func (s *secretive) asks(path string, query url.Values) *answer {
	s.t.Helper()
	return s.vault.answer(s.get(path, s.vault.form(query)))
}

// everything does whatever hands out or takes a secret, well and badly.
func (s *secretive) everything(t *testing.T) {
	mine := []string{"client_id", s.client}
	for _, responseType := range s.clients[confidential].ResponseTypes {
		front := s.asks("/authorize", request(append(mine, "response_type", responseType)...)).location()
		require.Empty(t, front.Get("error"), front)
		if front.Has("code") {
			issued := s.send("/token", redeem(front.Get("code")))
			again := s.send("/token", refreshForm(issued.str("refresh_token")))
			s.send("/introspect", url.Values{"token": {again.str("access_token")}})
			s.send("/introspect", url.Values{"token": {again.str("refresh_token")}})
			s.vault.answer(s.get("/userinfo", nil, bearer(again.str("access_token"))))
			s.send("/token", redeem(front.Get("code"))) // a replay
			s.send("/revoke", url.Values{"token": {again.str("refresh_token")}})
			s.asks("/authorize", request(append(mine, "id_token_hint", issued.str("id_token"))...))
		}
	}
	s.waits(t, mine)
	s.devices(t)
	for _, given := range []string{password, "a wrong password"} {
		s.send("/token", url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {given}, "scope": {"openid offline_access"}})
	}
	s.logsIn(t)
	s.sendsBadly()
}

// waits answers requests from pages, and leaves one that waits.
func (s *secretive) waits(t *testing.T, mine []string) {
	for _, decide := range []func(cookies []*http.Cookie, id string) *answer{
		func(cookies []*http.Cookie, id string) *answer { return s.approveLater(cookies, id, alice) },
		func(cookies []*http.Cookie, id string) *answer { return s.denyLater(cookies, id, nil) },
		func([]*http.Cookie, string) *answer { return s.get("/jwks.json", nil) },
	} {
		id, cookies := s.wait(request(mine...))
		require.NotEmpty(t, id)
		s.vault.keep("interaction id", id)
		for _, c := range cookies {
			s.vault.keep("browser's cookie", c.Value)
		}
		s.vault.answer(decide(cookies, id))
	}
}

// devices begins device authorizations that are approved, denied and left
// open.
func (s *secretive) devices(t *testing.T) {
	for _, decide := range []func(p *person, id string){
		func(p *person, id string) { p.approves(id) }, func(p *person, id string) { p.denies(id) }, func(*person, string) {},
	} {
		start := s.send("/device_authorization", url.Values{"scope": {"openid offline_access"}})
		p := s.person()
		req, err := p.types(start.str("user_code"))
		require.NoError(t, err)
		require.Equal(t, start.str("user_code"), req.UserCode)
		s.vault.keep("interaction id", req.ID)
		for _, c := range p.cookies {
			s.vault.keep("browser's cookie", c.Value)
		}
		p.visit(func(_ http.ResponseWriter, r *http.Request) {
			again, err := s.srv.AuthorizationRequest(r, req.ID)
			require.NoError(t, err)
			require.Equal(t, req.UserCode, again.UserCode)
		})
		decide(p, req.ID)
		s.send("/token", pollFor(start.str("device_code")))
	}
	for _, typed := range []string{"BCDF-GHJK", "not a user code"} {
		s.vault.keep("guessed user code", typed)
		_, err := s.person().types(typed)
		require.Error(t, err)
	}
}

// logsIn leaves sessions behind, and ends one.
func (s *secretive) logsIn(t *testing.T) {
	for _, out := range []bool{false, true} {
		p := s.person()
		s.vault.answer(p.visit(func(w http.ResponseWriter, r *http.Request) {
			_, err := s.srv.SignIn(w, r, authserver.Approval{Subject: alice})
			require.NoError(t, err)
		}))
		if out {
			s.vault.answer(p.visit(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, s.srv.SignOut(w, r)) }))
		}
	}
}

// sendsBadly sends secrets where they do not belong.
func (s *secretive) sendsBadly() {
	guess, _ := clientauth.NewSecret()
	stray := url.Values{
		"code": {"as_ac_a-code-that-strayed"}, "client_secret": {guess}, "access_token": {"as_at_a-token-that-strayed"},
		"password": {"a password that strayed"}, "token": {"as_rt_a-token-that-strayed"}, "device_code": {"as_dc_strayed-device-code"},
		"grant_type": {"authorization_code"}, "client_id": {"a client"}, "refresh_token": {"as_rt_another-that-strayed"},
	}
	for _, path := range []string{"/token", "/introspect", "/revoke", "/device_authorization", "/authorize", "/userinfo", "/nowhere"} {
		s.asks(path, stray)
		s.vault.answer(s.post(path, s.vault.form(stray)))
		s.vault.answer(s.post(path, stray, func(r *http.Request) { r.URL.RawQuery = stray.Encode() }))
		s.vault.answer(s.post(path, stray, basic("a client", guess)))
		s.vault.answer(s.get(path, nil, bearer(guess)))
	}
}

func TestSecretsStaySecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secretive.db")
	for name, open := range map[string]func() (storage.Storage, error){
		"memory": func() (storage.Storage, error) { return memory.New(), nil },
		"sqlite": func() (storage.Storage, error) { return sqlite.Open(t.Context(), file) },
	} {
		inner, err := open()
		require.NoError(t, err)
		store := watch(inner)
		s := newSecretive(t, store)
		s.everything(t)
		require.Greater(t, len(s.vault), 80)
		t.Run("HG-02 "+name, func(t *testing.T) {
			s.vault.absent(t, "storage", dump(t, store))
			if name == "sqlite" {
				s.vault.absent(t, "the file", contents(t, file))
			}
		})
		t.Run("HG-01 "+name, func(t *testing.T) {
			code := s.asks("/authorize", request("client_id", s.client)).location().Get("code")
			store.down.Store(true) // what causes a fault is logged too
			s.send("/token", redeem(code))
			s.sendsBadly()
			store.down.Store(false)
			events, err := json.Marshal(s.seen())
			require.NoError(t, err)
			s.vault.absent(t, "the events", string(events))
			s.vault.absent(t, "the log", s.logged.String())
			s.vault.absent(t, "the log, unquoted", strings.ReplaceAll(s.logged.String(), `\`, ""))
		})
	}
}

// contents are those of a database and of the files beside it.
func contents(t *testing.T, path string) string {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Greater(t, len(files), 1, "the write-ahead log is one of them")
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(content)
	}
	return all.String()
}

package authserver_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// The issuer of tests has a path, so that whoever guesses addresses breaks.
const testIssuer = "https://login.example/authentication"

// Clients of every harness.
const (
	confidential = "confidential" // all grants, secret by Basic
	public       = "public"       // native, loopback and private-use redirects
	other        = "other"        // a second confidential client
	service      = "service"      // client credentials alone
	spa          = "spa"          // public, https redirect
)

const (
	redirect = "https://good.example/cb"
	alice    = "alice-subject"
	password = "correct horse"
)

// secret is that of every confidential client.
var secret, secretDigest = clientauth.NewSecret()

// harness is a server in memory with a host that approves at once for alice,
// unless a test says otherwise.
type harness struct {
	t       testing.TB
	srv     *authserver.Server
	store   storage.Storage
	clients clientMap
	log     *syncBuffer

	mu     sync.Mutex
	events []authserver.Event

	// interact, where set, replaces the host that approves at once.
	interact authserver.InteractFunc
	// gone are subjects that may no longer be served.
	gone map[string]bool
}

// clientMap is the host's own client source.
type clientMap map[string]*oauth.Client

func (m clientMap) Client(_ context.Context, id string) (*oauth.Client, error) {
	if c, ok := m[id]; ok {
		return c, nil
	}
	return nil, storage.ErrNotFound
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// testKeys are made once: RSA keys are slow to draw.
var testKeys = sync.OnceValue(func() keys.Source {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, _ := rsa.GenerateKey(rand.Reader, 2048)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	source, err := keys.Static(secret, ec, rs, ed)
	if err != nil {
		panic(err)
	}
	return source
})

// newHarness makes a server with every grant on. Each option changes the
// Config before New sees it.
func newHarness(t testing.TB, options ...func(*authserver.Config)) *harness {
	t.Helper()
	h := &harness{t: t, clients: testClients(), log: &syncBuffer{}, gone: map[string]bool{}}
	cfg := authserver.Config{
		Issuer: testIssuer, Storage: memory.New(), Keys: testKeys(), Clients: h.clients,
		Grants: []grants.Grant{
			grants.AuthorizationCode{Hybrid: true},
			grants.RefreshToken{},
			grants.ClientCredentials{},
			grants.Password{Authenticate: checkPassword},
			grants.DeviceCode{},
			grants.Implicit{},
		},
		Scopes:    []authserver.Scope{{Name: "read"}, {Name: "write"}},
		Resources: []string{"https://api.example/", "https://files.example/"},
		ACRValues: []string{"mfa"},
		Logger:    slog.New(slog.NewJSONHandler(h.log, nil)),
		Interact: func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			if h.interact != nil {
				h.interact(w, r, req)
				return
			}
			h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice, AuthTime: time.Now()})
		},
		Claims: testClaims,
		CheckSubject: func(_ context.Context, subject string) error {
			if h.gone[subject] {
				return authserver.ErrSubjectGone
			}
			return nil
		},
		Events: func(_ context.Context, ev authserver.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, ev)
		},
	}
	for _, option := range options {
		option(&cfg)
	}
	h.store = cfg.Storage
	srv, err := authserver.New(cfg)
	require.NoError(t, err)
	h.srv = srv
	return h
}

// withStore is the option that most tests on each backend need.
func withStore(store storage.Storage) func(*authserver.Config) {
	return func(c *authserver.Config) { c.Storage = store }
}

func checkPassword(_ context.Context, username, given string) (grants.Authenticated, error) {
	if username == "alice" && given == password {
		return grants.Authenticated{Subject: alice, AMR: []string{"pwd"}}, nil
	}
	return grants.Authenticated{}, grants.ErrBadCredentials
}

func testClaims(_ context.Context, subject string, _ []string) (map[string]json.RawMessage, error) {
	return map[string]json.RawMessage{
		"name": json.RawMessage(`"Alice Liddell"`), "given_name": json.RawMessage(`"Alice"`),
		"email": json.RawMessage(`"alice@example.com"`), "email_verified": json.RawMessage(`true`),
		"phone_number": json.RawMessage(`"+441865270000"`), "address": json.RawMessage(`{"country":"GB"}`),
		"sub": json.RawMessage(`"somebody else"`), "nickname": json.RawMessage(`null`),
	}, nil
}

func testClients() clientMap {
	everything := []string{
		oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials,
		oauth.GrantTypePassword, oauth.GrantTypeDeviceCode, oauth.GrantTypeImplicit,
	}
	responseTypes := []string{
		oauth.ResponseTypeCode, oauth.ResponseTypeToken, oauth.ResponseTypeIDToken, oauth.ResponseTypeIDTokenToken,
		oauth.ResponseTypeCodeIDToken, oauth.ResponseTypeCodeToken, oauth.ResponseTypeCodeIDTokenToken, oauth.ResponseTypeNone,
	}
	scopes := []string{"openid", "profile", "email", "address", "phone", "offline_access", "read", "write"}
	digests := []oauth.Secret{{ID: "1", Digest: secretDigest}}
	return clientMap{
		confidential: {
			ID: confidential, Name: "Confidential", Secrets: digests, RedirectURIs: []string{redirect},
			GrantTypes: everything, ResponseTypes: responseTypes, Scopes: scopes,
		},
		other: {
			ID: other, Name: "Other", Secrets: digests, RedirectURIs: []string{"https://other.example/cb"},
			GrantTypes: everything, ResponseTypes: responseTypes, Scopes: scopes,
		},
		public: {
			ID: public, Name: "Native", ApplicationType: oauth.ApplicationNative,
			RedirectURIs: []string{"http://127.0.0.1/cb", "com.app:/cb"},
			GrantTypes:   []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode},
			Scopes:       scopes,
		},
		spa: {
			ID: spa, Name: "Page", RedirectURIs: []string{"https://spa.example/cb"},
			GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken}, Scopes: scopes,
		},
		service: {
			ID: service, Name: "Service", Secrets: digests,
			GrantTypes: []string{oauth.GrantTypeClientCredentials}, Scopes: []string{"read", "write", "openid", "offline_access"},
			DefaultScopes: []string{"read"},
		},
	}
}

// answer is a response, read.
type answer struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
	Cookie []*http.Cookie
}

// do sends a request straight to the handler. Its URL is absolute.
func (h *harness) do(r *http.Request) *answer {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, r)
	return &answer{t: h.t, Status: w.Code, Header: w.Header(), Body: w.Body.String(), Cookie: w.Result().Cookies()}
}

func (h *harness) get(path string, query url.Values, edits ...func(*http.Request)) *answer {
	h.t.Helper()
	target := testIssuer + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodGet, target, nil)
	for _, edit := range edits {
		edit(r)
	}
	return h.do(r)
}

func (h *harness) post(path string, form url.Values, edits ...func(*http.Request)) *answer {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, testIssuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, edit := range edits {
		edit(r)
	}
	return h.do(r)
}

// basic authenticates a client.
func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// json is a member of a JSON answer.
func (a *answer) json(name string) any {
	a.t.Helper()
	var members map[string]any
	require.NoError(a.t, json.Unmarshal([]byte(a.Body), &members), a.Body)
	return members[name]
}

// str is a member of a JSON answer that is a string, or empty.
func (a *answer) str(name string) string {
	a.t.Helper()
	s, _ := a.json(name).(string)
	return s
}

// location are the parameters of a redirect, from query or fragment.
func (a *answer) location() url.Values {
	a.t.Helper()
	require.Equal(a.t, http.StatusSeeOther, a.Status, a.Body)
	u, err := url.Parse(a.Header.Get("Location"))
	require.NoError(a.t, err)
	if u.Fragment != "" {
		v, err := url.ParseQuery(u.EscapedFragment())
		require.NoError(a.t, err)
		return v
	}
	return u.Query()
}

// refused wants a JSON error with a status and code.
func (a *answer) refused(status int, code oauth.Code) {
	a.t.Helper()
	require.Equal(a.t, status, a.Status, a.Body)
	require.Equal(a.t, string(code), a.str("error"), a.Body)
	require.Equal(a.t, "no-store", a.Header.Get("Cache-Control"))
	require.Regexp(a.t, `^[\x20\x21\x23-\x5B\x5D-\x7E]*$`, a.str("error_description"))
}

// page wants an error page of the server's own, without a redirect.
func (a *answer) page(status int) {
	a.t.Helper()
	require.Equal(a.t, status, a.Status, a.Body)
	require.Empty(a.t, a.Header.Get("Location"))
	require.Contains(a.t, a.Header.Get("Content-Type"), "text/html")
	require.Equal(a.t, "DENY", a.Header.Get("X-Frame-Options"))
}

// redirectedError wants an error at the client, with state and iss.
func (a *answer) redirectedError(code oauth.Code) {
	a.t.Helper()
	v := a.location()
	require.Equal(a.t, string(code), v.Get("error"), a.Header.Get("Location"))
	require.Equal(a.t, testIssuer, v.Get("iss"))
	require.Empty(a.t, v.Get("code"))
}

const verifier = "a-code-verifier-of-at-least-forty-three-characters"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// request is a valid authorization request of the confidential client; pairs
// of name and value change it, an empty value removes.
func request(pairs ...string) url.Values {
	v := url.Values{
		"client_id": {confidential}, "redirect_uri": {redirect}, "response_type": {"code"},
		"scope": {"openid read offline_access"}, "state": {"the-state"}, "nonce": {"the-nonce"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	return change(v, pairs...)
}

func change(v url.Values, pairs ...string) url.Values {
	for pair := range slices.Chunk(pairs, 2) {
		if v.Del(pair[0]); pair[1] != "" {
			v.Set(pair[0], pair[1])
		}
	}
	return v
}

// code walks to an authorization code.
func (h *harness) code(pairs ...string) string {
	h.t.Helper()
	v := h.get("/authorize", request(pairs...)).location()
	require.NotEmpty(h.t, v.Get("code"), v)
	return v.Get("code")
}

// redeem is the token request for a code of the confidential client.
func redeem(code string, pairs ...string) url.Values {
	return change(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	}, pairs...)
}

// token sends a token request as the confidential client.
func (h *harness) token(form url.Values) *answer {
	h.t.Helper()
	return h.post("/token", form, basic(confidential, secret))
}

// tokens are a whole set from a fresh code.
func (h *harness) tokens(pairs ...string) *answer {
	h.t.Helper()
	a := h.token(redeem(h.code(pairs...)))
	require.Equal(h.t, http.StatusOK, a.Status, a.Body)
	return a
}

// refresh sends a refresh token as the confidential client.
func (h *harness) refresh(token string, pairs ...string) *answer {
	h.t.Helper()
	return h.token(change(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, pairs...))
}

// active asks the introspection endpoint as the token's own client.
func (h *harness) active(token string) bool {
	h.t.Helper()
	a := h.post("/introspect", url.Values{"token": {token}}, basic(confidential, secret))
	require.Equal(h.t, http.StatusOK, a.Status, a.Body)
	return a.json("active") == true
}

// claims are those of a JWT, unverified.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw, &m))
	return m
}

// header is that of a JWT.
func header(t testing.TB, token string) map[string]any {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw, &m))
	return m
}

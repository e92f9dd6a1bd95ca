package authserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// anyone lets everybody register, from one address as often as they like.
func anyone() clientreg.Options { return clientreg.Options{Policy: clientreg.Open, PerAddress: -1} }

// registering is a harness whose clients register themselves.
func registering(t testing.TB, o clientreg.Options, options ...func(*authserver.Config)) *harness {
	t.Helper()
	return newHarness(t, append([]func(*authserver.Config){func(c *authserver.Config) {
		c.Clients, c.Registration = nil, &o
	}}, options...)...)
}

// send sends JSON to the registration endpoints.
func (h *harness) send(method, path, body string, edits ...func(*http.Request)) *answer {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, testIssuer+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for _, edit := range edits {
		edit(r)
	}
	return h.do(r)
}

// metadataWith is the minimal registration, changed: pairs of member and JSON.
func metadataWith(pairs ...string) string {
	members := map[string]json.RawMessage{"client_name": json.RawMessage(`"App"`), "redirect_uris": json.RawMessage(`["https://app.example/cb"]`)}
	for pair := range slices.Chunk(pairs, 2) {
		members[pair[0]] = json.RawMessage(pair[1])
	}
	text, _ := json.Marshal(members)
	return string(text)
}

func (h *harness) register(pairs ...string) *answer {
	h.t.Helper()
	return h.send(http.MethodPost, "/register", metadataWith(pairs...))
}

// registered wants a registration to succeed.
func (h *harness) registered(pairs ...string) *answer {
	h.t.Helper()
	a := h.register(pairs...)
	require.Equal(h.t, http.StatusCreated, a.Status, a.Body)
	require.Equal(h.t, "no-store", a.Header.Get("Cache-Control"))
	return a
}

// strs is a member of a JSON answer that is a list of strings.
func (a *answer) strs(name string) (list []string) {
	a.t.Helper()
	values, ok := a.json(name).([]any)
	require.True(a.t, ok, "%s: %s", name, a.Body)
	for _, v := range values {
		list = append(list, v.(string))
	}
	return list
}

// codeFor walks a registered client to a code.
func (h *harness) codeAs(a *answer) string {
	h.t.Helper()
	v := h.get("/authorize", request("client_id", a.str("client_id"), "redirect_uri", a.strs("redirect_uris")[0], "scope", "openid offline_access")).location()
	require.NotEmpty(h.t, v.Get("code"), v)
	return v.Get("code")
}

func (h *harness) redeemFor(a *answer, code string) *answer {
	h.t.Helper()
	return h.post("/token", redeem(code, "redirect_uri", a.strs("redirect_uris")[0]), basic(a.str("client_id"), a.str("client_secret")))
}

// own is the registration access token of a registration.
func own(a *answer) func(*http.Request) { return bearer(a.str("registration_access_token")) }

func (a *answer) path() string { return "/register/" + a.str("client_id") }

func TestRegistrationSwitch(t *testing.T) {
	t.Run("RG-01", func(t *testing.T) {
		h := newHarness(t)
		for _, path := range []string{"/register", "/register/" + confidential} {
			require.Equal(t, http.StatusNotFound, h.send(http.MethodPost, path, metadataWith()).Status)
		}
		require.Nil(t, h.get("/.well-known/openid-configuration", nil).json("registration_endpoint"))
		require.Nil(t, h.srv.Clients())
	})
	t.Run("on", func(t *testing.T) {
		h := registering(t, anyone())
		require.Equal(t, testIssuer+"/register", h.get("/.well-known/openid-configuration", nil).json("registration_endpoint"))
		require.NotNil(t, h.srv.Clients())
		a := h.send(http.MethodGet, "/register", "")
		require.Equal(t, http.StatusMethodNotAllowed, a.Status)
		require.Equal(t, "POST", a.Header.Get("Allow"))
	})
	t.Run("RG-02", func(t *testing.T) {
		var config *authserver.ConfigError
		_, err := authserver.New(authserver.Config{Issuer: testIssuer, Registration: &clientreg.Options{}})
		require.ErrorAs(t, err, &config)
		require.ErrorContains(t, err, "Registration: Policy: required", "no registration is open by itself")

		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := registering(t, clientreg.Options{Policy: clientreg.InitialToken("a-static-token"), PerAddress: -1}, withStore(store))
			_, token, err := h.srv.Clients().CreateInitialToken(t.Context(), clientreg.System, clientreg.InitialTokenOptions{Name: "partner", Uses: 2, Owner: "p"})
			require.NoError(t, err)
			with := func(token string) int {
				return h.send(http.MethodPost, "/register", metadataWith(), bearer(token)).Status
			}
			h.register().refused(401, oauth.InvalidToken)
			require.Equal(t, 401, with("iat_"+strings.Repeat("A", 43)))
			require.Equal(t, 401, with("x"))
			require.Equal(t, 400, h.send(http.MethodPost, "/register", `{}`, bearer(token)).Status, "which uses nothing up")
			require.Equal(t, 201, with(token))
			require.Equal(t, 201, with(token))
			require.Equal(t, 401, with(token), "used up")
			require.Equal(t, 201, with("a-static-token"))

			_, short, err := h.srv.Clients().CreateInitialToken(t.Context(), clientreg.System, clientreg.InitialTokenOptions{Name: "short"})
			require.NoError(t, err)
			var made atomic.Int32
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					if with(short) == 201 {
						made.Add(1)
					}
				})
			}
			all.Wait()
			require.EqualValues(t, 1, made.Load(), "one use is one client")
		})
	})
	t.Run("RG-03", func(t *testing.T) {
		for _, policy := range []clientreg.Policy{clientreg.Open, clientreg.InitialToken()} {
			h := registering(t, clientreg.Options{Policy: policy, PerAddress: -1})
			for _, value := range []string{"Bearer", "Bearer ", "", " ", "Bearer a b", "Basic YTpi", "Bearer \x00\xff", "Bearer é", "Bearer " + strings.Repeat("a", 5000)} {
				a := h.send(http.MethodPost, "/register", metadataWith(), func(r *http.Request) { r.Header["Authorization"] = []string{value} })
				a.refused(401, oauth.InvalidToken)
				require.Contains(t, a.Header.Get("WWW-Authenticate"), "Bearer ")
			}
			h.send(http.MethodPost, "/register", metadataWith(), func(r *http.Request) {
				r.Header["Authorization"] = []string{"Bearer a", "Bearer b"}
			}).refused(401, oauth.InvalidToken)
		}
	})
	t.Run("administrators alone", func(t *testing.T) {
		permit := func(_ context.Context, actor clientreg.Actor, action clientreg.Action, _ *oauth.Client) error {
			if action == clientreg.ActionCreate && actor != clientreg.Person("root") {
				return errors.New("not an administrator")
			}
			return nil
		}
		store := memory.New()
		service, err := clientreg.NewService(clientreg.ServiceOptions{Storage: store, Permit: permit})
		require.NoError(t, err)
		who := func(r *http.Request) (clientreg.Actor, error) {
			if name := r.Header.Get("X-Person"); name != "" {
				return clientreg.Person(name), nil
			}
			return clientreg.Actor{}, errors.New("nobody")
		}
		h := registering(t, clientreg.Options{Policy: clientreg.AdminOnly(who), Service: service}, withStore(store))
		is := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("X-Person", name) } }
		h.register().refused(401, oauth.InvalidToken)
		h.send(http.MethodPost, "/register", metadataWith(), is("joe")).refused(403, oauth.AccessDenied)
		require.Equal(t, 201, h.send(http.MethodPost, "/register", metadataWith(), is("root")).Status)
	})
}

func TestRegistrationMinimal(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := registering(t, anyone(), withStore(store))
		a := h.registered()
		require.Regexp(t, `^[A-Z2-7]{26}$`, a.str("client_id"))
		require.Regexp(t, `^[A-Za-z0-9_-]{40,}$`, a.str("client_secret"))
		require.EqualValues(t, 0, a.json("client_secret_expires_at"))
		require.InDelta(t, time.Now().Unix(), a.json("client_id_issued_at"), 60)
		require.Equal(t, "client_secret_basic", a.str("token_endpoint_auth_method"))
		require.Equal(t, "web", a.str("application_type"))
		require.Equal(t, []string{"https://app.example/cb"}, a.strs("redirect_uris"))
		require.Equal(t, []string{"authorization_code", "refresh_token", oauth.GrantTypeDeviceCode}, a.strs("grant_types"))
		require.Equal(t, []string{"code"}, a.strs("response_types"))
		require.Equal(t, testIssuer+a.path(), a.str("registration_client_uri"))
		require.NotEmpty(t, a.str("registration_access_token"))

		tokens := h.redeemFor(a, h.codeAs(a))
		require.Equal(t, 200, tokens.Status, tokens.Body)
		require.NotEmpty(t, tokens.str("refresh_token"))
	})
	t.Run("RG-15", func(t *testing.T) {
		h := registering(t, anyone())
		a := h.registered()
		form := redeem(h.codeAs(a), "redirect_uri", "https://app.example/cb", "client_id", a.str("client_id"))
		h.post("/token", form).refused(401, oauth.InvalidClient)
		require.Equal(t, 200, h.post("/token", change(form, "client_id", ""), basic(a.str("client_id"), a.str("client_secret"))).Status)
	})
	t.Run("RG-16", func(t *testing.T) {
		h := registering(t, anyone())
		a := h.registered("client_id", `"mine"`, "client_secret", `"hunter2-hunter2-hunter2"`, "client_id_issued_at", `1`)
		require.NotEqual(t, "mine", a.str("client_id"))
		require.NotEqual(t, "hunter2-hunter2-hunter2", a.str("client_secret"))
	})
	t.Run("RG-17", func(t *testing.T) {
		h := registering(t, anyone())
		plain := h.registered()
		a := h.registered(
			"verified", `true`, "introspect_any", `true`, "trusted", `true`, "skip_consent", `true`, "owner", `"root"`, "tenant", `"t"`, "id", `"x"`,
			"enabled", `true`, "disabled", `true`, "created_at", `"2001-01-01T00:00:00Z"`, "state", `"approved"`, "type", `"oauth1"`,
			"secrets", `[{"id":"1","digest":"x"}]`, "pkce", `"optional"`, "dynamic", `false`, "resources", `["https://api.example/"]`,
			"Verified", `true`, "scopes", `["admin"]`, "default_scopes", `["openid"]`, "refresh", `"keep"`, "registration", `"x"`, "v", `2`,
		)
		of := func(a *answer) oauth.Client {
			e, err := h.srv.Clients().Get(t.Context(), clientreg.System, a.str("client_id"))
			require.NoError(t, err)
			e.Client.ID, e.Client.Secrets, e.Client.CreatedAt = "", nil, time.Time{}
			return e.Client
		}
		require.Equal(t, of(plain), of(a))
		require.True(t, of(a).Dynamic)
	})
	t.Run("M35 a secret that ends", func(t *testing.T) {
		o := anyone()
		o.SecretLifetime = time.Hour
		a := registering(t, o).registered()
		require.InDelta(t, time.Now().Add(time.Hour).Unix(), a.json("client_secret_expires_at"), 5)
	})
	t.Run("every origin may read it", func(t *testing.T) {
		h := registering(t, anyone())
		origin := func(r *http.Request) { r.Header.Set("Origin", "https://anywhere.example") }
		a := h.send(http.MethodPost, "/register", metadataWith(), origin)
		require.Equal(t, "*", a.Header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, a.Header.Get("Access-Control-Allow-Credentials"))
		a = h.send(http.MethodOptions, a.path(), "", origin, func(r *http.Request) {
			r.Header.Set("Access-Control-Request-Method", "PUT")
			r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		})
		require.Equal(t, 204, a.Status)
		require.Equal(t, "PUT", a.Header.Get("Access-Control-Allow-Methods"))
	})
}

// A trap listens and counts who comes.
type trap struct {
	net.Listener
	connects atomic.Int32
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tr := &trap{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tr.connects.Add(1)
			_ = conn.Close()
		}
	}()
	return tr
}

func TestRegistrationFetches(t *testing.T) {
	t.Run("RG-07", func(t *testing.T) {
		h, trap := registering(t, anyone()), newTrap(t)
		a := h.registered("logo_uri", quoted("https://"+trap.Addr().String()+"/logo.png"))
		h.redeemFor(a, h.codeAs(a))
		require.Zero(t, trap.connects.Load())
	})
	t.Run("RG-09", func(t *testing.T) {
		h, trap := registering(t, anyone()), newTrap(t)
		_, port, _ := net.SplitHostPort(trap.Addr().String())
		hosts := []string{
			"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "172.16.0.1", "192.168.1.1",
			"169.254.169.254", "[fe80::1]", "[fd00::1]", "[fc00::1]", "0.0.0.0", "[::]", "100.64.0.1", "168.63.129.16", "[64:ff9b::7f00:1]", "224.0.0.1", "sub.localhost",
		}
		for _, member := range []string{"jwks_uri", "sector_identifier_uri", "initiate_login_uri", "backchannel_logout_uri", "request_uris"} {
			for _, host := range hosts {
				for _, address := range []string{"https://" + host + ":" + port + "/x", "https://" + host + "/x", "http://" + host + ":" + port + "/x"} {
					value := quoted(address)
					if member == "request_uris" {
						value = "[" + value + "]"
					}
					h.register(member, value).refused(400, oauth.InvalidClientMetadata)
				}
			}
		}
		require.Zero(t, trap.connects.Load())
	})
	t.Run("RG-24", func(t *testing.T) {
		h, trap := registering(t, anyone()), newTrap(t)
		for _, id := range []string{"https://" + trap.Addr().String() + "/client.json", "https://client.example/metadata"} {
			h.get("/authorize", request("client_id", id)).page(400)
			h.post("/token", url.Values{"grant_type": {"client_credentials"}}, basic(id, "x")).refused(401, oauth.InvalidClient)
		}
		require.Zero(t, trap.connects.Load())
	})
	t.Run("sector", func(t *testing.T) {
		var asked atomic.Int32
		documents := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, map[string]string{
				"/good": `["https://app.example/cb","https://other.example/cb"]`, "/less": `["https://other.example/cb"]`, "/no": `{}`,
			}[r.URL.Path])
		}))
		t.Cleanup(documents.Close)
		o := anyone()
		o.InsecureLoopbackFetch, o.FetchRoots = true, documents.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		h := registering(t, o)
		pairwise := func(path string) *answer {
			return h.register("subject_type", `"pairwise"`, "sector_identifier_uri", quoted(documents.URL+path))
		}
		require.Equal(t, 201, pairwise("/good").Status)
		pairwise("/less").refused(400, oauth.InvalidClientMetadata)
		pairwise("/no").refused(400, oauth.InvalidClientMetadata)
		pairwise("/gone").refused(400, oauth.InvalidClientMetadata)
		require.EqualValues(t, 4, asked.Load())
	})
}

func TestRegistrationConfig(t *testing.T) {
	for want, o := range map[string]clientreg.Options{
		"Policy: required":              {},
		"Type: want":                    {Policy: clientreg.Open, Type: oauth.TypeOAuth1},
		"InitialState: want":            {Policy: clientreg.Open, InitialState: "x"},
		"SecretLifetime and Window":     {Policy: clientreg.Open, Window: -1},
		"GrantTypes: none":              {Policy: clientreg.Open, GrantTypes: []string{}},
		"implicit is not switched on":   {Policy: clientreg.Open, GrantTypes: []string{"implicit"}},
		"grant_types[0]":                {Policy: clientreg.Open, GrantTypes: []string{"magic"}},
		"admin is not among Scopes":     {Policy: clientreg.Open, Scopes: []string{"admin"}},
		"scopes[0]: want one scope-tok": {Policy: clientreg.Open, Scopes: []string{"a b"}},
	} {
		_, err := authserver.New(authserver.Config{Issuer: testIssuer, Storage: memory.New(), Keys: testKeys(), Registration: &o, Interact: func(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) {}})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "Config.Registration")
	}
}

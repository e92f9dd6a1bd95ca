package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/e2e/server"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/ui"
)

// TestConsole walks through the whole life of a client, in the console of its
// administrator and in the browser of its end user, and inspects each page.
func TestConsole(t *testing.T) {
	liveOfClient(t, newTab(t), (*tab).inspect)
}

// TestConsoleWithoutScripts walks through it with scripts switched off.
func TestConsoleWithoutScripts(t *testing.T) {
	b := newTab(t)
	b.withoutScripts()
	liveOfClient(t, b, func(b *tab, _ string) { b.calm() })
}

// A managed server is one whose clients are managed in a console, which has a
// listener of its own.
type managed struct {
	provider
	console string
}

// startManaged starts one without any client, on two loopback ports.
func startManaged(t *testing.T) managed {
	t.Helper()
	store, logger := memory.New(), slog.New(slog.NewTextHandler(t.Output(), nil))
	service, err := clientreg.NewService(clientreg.ServiceOptions{
		Storage: store, Permit: clientreg.PermitAll, InitialState: oauth.StatePending,
		GrantTypes: []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken},
	})
	require.NoError(t, err)
	front, back := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	m := managed{
		provider: provider{User: server.Alice, Password: rand.Text()},
		console:  originOf(back.Listener) + "/console",
	}
	m.Origin = originOf(front.Listener)
	m.Issuer = m.Origin + "/authentication"

	users := ui.NewUsers(store)
	_, err = users.Create(t.Context(), ui.User{Username: m.User, Claims: map[string]any{"name": "Alice Example"}}, m.Password)
	require.NoError(t, err)
	secret := make([]byte, 32)
	rand.Read(secret)
	ring, err := keys.Managed(store, secret, keys.ManagedOptions{Algorithms: []string{keys.ES256}})
	require.NoError(t, err)
	srv, err := authserver.New(authserver.Config{
		Issuer: m.Issuer, Storage: store, Keys: ring, Clients: service, Claims: users.Claims, Logger: logger,
		Pages:  ui.New(ui.Options{Users: users, Logger: logger}),
		Grants: []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{}},
	})
	require.NoError(t, err)
	console, err := admin.New(admin.Options{
		Service: service, Origins: []string{originOf(back.Listener)}, Path: "/console", Name: "Example", Logger: logger,
		Actor: func(*http.Request) (clientreg.Actor, error) { return clientreg.Person("administrator"), nil },
	})
	require.NoError(t, err)
	for s, h := range map[*httptest.Server]http.Handler{front: srv, back: console} {
		s.Config.Handler = h
		s.Start()
		t.Cleanup(s.Close)
	}
	return m
}

func originOf(l net.Listener) string { return "http://" + l.Addr().String() }

// liveOfClient creates a client, and ends it.
func liveOfClient(t *testing.T, b *tab, look func(*tab, string)) {
	t.Helper()
	m, app := startManaged(t), startClient(t)
	m.create(b, app, look)

	// Nobody has decided yet.
	b.open(request(m.provider, app.redirectURI(), nil))
	b.await("#error-page")
	require.Equal(t, "unauthorized_client", m.refusal(t, app))

	m.openClient(b, "#client-approve")
	look(b, "console-pending")
	b.press("#client-approve", "#client-disapprove")
	require.Contains(t, b.text("#client-state"), "Approved")
	look(b, "console-approved")

	b.open(request(m.provider, app.redirectURI(), nil))
	b.logIn(m.User, m.Password, "#consent-approve")
	token := m.consent(b, app)
	require.Equal(t, http.StatusOK, m.userinfo(t, token))
	m.openClient(b, "#authorization-list")
	look(b, "console-authorizations")

	b.press("#client-disapprove", "#client-approve")
	look(b, "console-disapproved")
	require.Equal(t, http.StatusUnauthorized, m.userinfo(t, token))
	b.open(request(m.provider, app.redirectURI(), nil))
	b.await("#error-page")
	require.Equal(t, "unauthorized_client", m.refusal(t, app))
	m.openClient(b, "#client-approve")
	b.press("#client-approve", "#client-disapprove")
	require.Equal(t, http.StatusOK, m.userinfo(t, token), "nothing was lost")

	moved := startClient(t)
	m.move(b, moved, look)
	b.open(request(m.provider, app.redirectURI(), nil))
	b.await("#error-page")

	old := m.provider
	m.rotate(b, look)
	require.Equal(t, "invalid_client", (&managed{provider: old}).refusal(t, moved))
	b.open(request(m.provider, moved.redirectURI(), nil))
	b.await("#consent-approve")
	token = m.consent(b, moved)

	m.remove(b, look)
	require.Equal(t, http.StatusUnauthorized, m.userinfo(t, token))
	require.Equal(t, "invalid_client", m.refusal(t, moved))
	b.open(request(m.provider, moved.redirectURI(), nil))
	b.await("#error-page")
	b.calm()
}

// create makes a client, the type first, and keeps its secret.
func (m *managed) create(b *tab, app relyingParty, look func(*tab, string)) {
	b.t.Helper()
	b.open(m.console + "/")
	b.await("#client-none")
	look(b, "console-empty")
	b.press("#client-new", "#type-openid")
	look(b, "console-types")
	b.press("#type-openid", "#client_name")
	look(b, "console-new")
	b.enter("#client_name", "Reports")
	b.enter("#redirect_uris", "nonsense")
	b.press("#client-save", "#problem")
	look(b, "console-new-faults")
	b.enter("#redirect_uris", app.redirectURI())
	b.press("#client-save", "#new-secret")
	look(b, "console-secret")
	m.ClientID, m.ClientSecret = b.value("#client-id"), b.value("#new-secret")
	b.press("#secret-kept", "#client-approve")
	b.open(m.console + "/?q=repo&state=pending&type=openid&sort=created&order=desc")
	b.await("#client-table")
	look(b, "console-table")
}

// openClient opens the page of the client.
func (m *managed) openClient(b *tab, wanted string) {
	b.t.Helper()
	b.open(m.console + "/clients/" + m.ClientID)
	b.await(wanted)
}

// consent agrees and redeems the code that the client is given.
func (m *managed) consent(b *tab, app relyingParty) (accessToken string) {
	b.t.Helper()
	verifier := oauth2.GenerateVerifier()
	b.open(request(m.provider, app.redirectURI(), url.Values{"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}}))
	b.await("#consent-approve")
	b.press("#consent-approve", "#answered")
	answer, err := url.Parse(b.location())
	require.NoError(b.t, err)
	token, err := m.config(app).Exchange(b.t.Context(), answer.Query().Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(b.t, err)
	return token.AccessToken
}

// move edits the redirect URIs.
func (m *managed) move(b *tab, to relyingParty, look func(*tab, string)) {
	b.t.Helper()
	m.openClient(b, "#client-edit")
	b.press("#client-edit", "#redirect_uris")
	look(b, "console-edit")
	b.enter("#redirect_uris", to.redirectURI())
	m.rename(b.t, "Renamed meanwhile")
	b.press("#client-save", "#differences")
	look(b, "console-conflict")
	require.Contains(b.t, b.text("#differences"), "Renamed meanwhile")
	b.press("#client-save", "#done")
	require.Contains(b.t, b.text("main"), to.redirectURI())
}

// rename changes the client by the API, as another administrator.
func (m *managed) rename(t *testing.T, name string) {
	t.Helper()
	address := m.console + "/api/clients/" + m.ClientID
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	var metadata map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&metadata))
	require.NoError(t, resp.Body.Close())
	metadata["client_name"] = name
	body, err := json.Marshal(metadata)
	require.NoError(t, err)
	req, err = http.NewRequestWithContext(t.Context(), http.MethodPut, address, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-Match", resp.Header.Get("ETag"))
	resp, err = http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// rotate makes a new secret; the old one ends at once.
func (m *managed) rotate(b *tab, look func(*tab, string)) {
	b.t.Helper()
	m.openClient(b, "#secret-rotate")
	b.press("#secret-rotate", "#overlap-0")
	look(b, "console-rotate")
	b.run(chromedp.Click("#overlap-0", chromedp.ByQuery))
	b.press("#confirm", "#new-secret")
	m.ClientSecret = b.value("#new-secret")
}

// remove ends the client.
func (m *managed) remove(b *tab, look func(*tab, string)) {
	b.t.Helper()
	m.openClient(b, "#client-remove")
	b.press("#client-remove", "#confirm")
	look(b, "console-remove")
	b.press("#confirm", "#client-none")
	b.open(m.console + "/clients/" + m.ClientID)
	b.await("#error-page")
	look(b, "console-gone")
}

func (m *managed) config(app relyingParty) *oauth2.Config {
	c := config(m.provider, "openid")
	c.RedirectURL = app.redirectURI()
	return c
}

// refusal is how the token endpoint refuses the client.
func (m *managed) refusal(t *testing.T, app relyingParty) string {
	t.Helper()
	_, err := m.config(app).Exchange(t.Context(), "some-code", oauth2.VerifierOption(oauth2.GenerateVerifier()))
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	return refused.ErrorCode
}

// userinfo is how an access token is received.
func (m *managed) userinfo(t *testing.T, accessToken string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.Issuer+"/userinfo", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+accessToken)
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// value is what a field holds.
func (b *tab) value(selector string) (value string) {
	b.t.Helper()
	b.run(within(chromedp.Value(selector, &value, chromedp.ByQuery)))
	require.NotEmpty(b.t, value)
	return value
}

package admin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// TestLife walks through the life of a client, page by page.
func TestLife(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser(root)
	require.NotNil(t, b.get("").find("client-none"), "an empty table says so")
	p := b.get("new")
	require.NotNil(t, p.find("type-openid"))

	p = b.get("new?type=openid").press("client-save", "client_name", "Reports", "redirect_uris", "https://a.example.com/cb\nhttps://b.example.com/cb")
	require.Equal(t, http.StatusCreated, p.Code, p.text)
	id, secret := p.shown("client-id"), p.shown("new-secret")
	require.True(t, strings.HasPrefix(secret, "cs_"))

	p = b.get("clients/" + id)
	require.Equal(t, "Pending", p.shown("client-state"))
	p = p.press("client-approve").follow()
	require.Equal(t, "Approved", p.shown("client-state"))
	require.NotNil(t, p.find("done"))
	p = p.press("client-disapprove").follow()
	require.Equal(t, "Disapproved", p.shown("client-state"))

	p = b.get("clients/"+id+"/edit").press("client-save", "redirect_uris", "https://c.example.com/cb").follow()
	require.Contains(t, p.text, "https://c.example.com/cb")
	require.NotContains(t, p.text, "https://a.example.com/cb")
	require.Equal(t, "Disapproved", p.shown("client-state"), "an edit decides nothing")

	p = b.get("clients/"+id+"/secrets/rotate").press("confirm", "overlap", "0")
	require.NotEqual(t, secret, p.shown("new-secret"))

	require.Contains(t, b.get("").shown("client-table"), "Reports")
	p = b.get("clients/" + id + "/remove").press("confirm").follow()
	require.NotNil(t, p.find("client-none"))
	require.Equal(t, http.StatusNotFound, b.get("clients/"+id).Code)
}

// TestTwice sends the form of a new client twice, as people do who press
// reload: there is one client.
func TestTwice(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser(root)
	form := b.get("new?type=oauth2")
	first := form.press("client-save", "client_name", "One", "redirect_uris", "https://a.example.com/cb")
	again := form.press("client-save", "client_name", "One", "redirect_uris", "https://a.example.com/cb").follow()
	require.Equal(t, first.shown("client-id"), again.shown("client-id"))
	require.NotContains(t, again.text, first.shown("new-secret"))
	require.Equal(t, "1 client", b.get("").shown("client-count"))
}

// TestFaults shows every fault beside its field, and what was entered.
func TestFaults(t *testing.T) {
	fx := newFixture(t, nil)
	p := fx.browser(root).get("new?type=openid").press("client-save",
		"client_name", "Mine", "redirect_uris", "https://good.example.com/cb\nnot-a-uri", "policy_uri", "javascript:alert(1)")
	require.Equal(t, http.StatusBadRequest, p.Code)
	require.NotNil(t, p.find("problem"))
	require.Contains(t, p.shown("redirect_uris-faults"), "2: ")
	require.NotEmpty(t, p.shown("policy_uri-faults"))
	require.True(t, has(p.find("section-about"), "open"), "a fault is not folded away")
	require.Equal(t, "Mine", p.shown("client_name"))
	require.Empty(t, fx.told())
}

func TestQuota(t *testing.T) {
	fx := newFixture(t, func(o *clientreg.ServiceOptions, _ *admin.Options) {
		o.Quotas = []clientreg.Quota{{Max: 1, Per: clientreg.PerServer}}
	})
	fx.add(oauth.Client{ID: "one"})
	p := fx.browser(root).get("new?type=oauth2").press("client-save", "client_name", "Two", "redirect_uris", "https://a.example.com/cb")
	require.Equal(t, http.StatusConflict, p.Code)
	require.Equal(t, "Two", p.shown("client_name"))
}

// TestSecrets adds several, names them and removes all but the last.
func TestSecrets(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", Name: "App"})
	b := fx.browser(root)
	p := b.get("clients/app/secrets/new").press("confirm", "name", "blue", "lifetime", "90")
	require.NotEmpty(t, p.shown("new-secret"))
	require.True(t, has(p.find("new-secret"), "readonly"))

	p = b.get("clients/app")
	require.Contains(t, p.shown("secret-list"), "blue")
	require.Contains(t, p.shown("secret-list"), "Not used yet")
	require.Contains(t, p.shown("secret-list"), "Ends")
	e, err := fx.service.Get(t.Context(), clientreg.Person(root), "app")
	require.NoError(t, err)
	require.Len(t, e.Client.Secrets, 2)
	for i, s := range e.Client.Secrets {
		p = b.get("clients/app/secrets/" + s.ID + "/remove").press("confirm")
		if i == 0 {
			require.NotNil(t, p.follow().find("done"))
			continue
		}
		require.Equal(t, http.StatusConflict, p.Code)
		require.NotNil(t, p.find("problem"))
	}
	require.Equal(t, http.StatusNotFound, b.get("clients/app/secrets/unknown/remove").Code)
	require.Equal(t, http.StatusBadRequest, b.get("clients/app/secrets/new").press("confirm", "lifetime", "-1").Code)
}

// TestPublic has no secrets to make.
func TestPublic(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", TokenEndpointAuthMethod: oauth.AuthMethodNone, GrantTypes: []string{oauth.GrantTypeAuthorizationCode}})
	b := fx.browser(root)
	require.Nil(t, b.get("clients/app").find("secret-add"))
	require.Equal(t, http.StatusConflict, b.get("clients/app/secrets/new").press("confirm").Code)
}

// TestAuthorizations shows what was granted and revokes it.
func TestAuthorizations(t *testing.T) {
	fx := newFixture(t, nil)
	made := fx.add(oauth.Client{ID: "app", State: oauth.StateApproved})
	_, token := fx.token("app", made.Secret)
	require.True(t, fx.lives(token))
	b := fx.browser(root)
	require.Contains(t, b.get("clients/app").shown("authorization-list"), "The client itself")
	p := b.get("clients/app/authorizations")
	link := regexp.MustCompile(`/clients/clients/app/authorizations/[^/"]+/revoke`).FindString(p.text)
	require.NotEmpty(t, link)
	p = b.get(link).press("confirm").follow()
	require.NotNil(t, p.find("done"))
	require.Nil(t, p.find("authorization-list"))
	require.False(t, fx.lives(token))
}

// TestTable searches, filters, sorts and pages.
func TestTable(t *testing.T) {
	fx := newFixture(t, nil)
	for _, c := range []oauth.Client{
		{ID: "a", Name: "Alpha", State: oauth.StateApproved},
		{ID: "b", Name: "Beta", Type: oauth.TypeOAuth2},
		{ID: "c", Name: "Gamma", Owner: "somebody"},
	} {
		fx.add(c)
	}
	b := fx.browser(reader)
	for query, want := range map[string][]string{
		"":                       {"Alpha", "Beta", "Gamma"},
		"?sort=name&order=desc":  {"Gamma", "Beta", "Alpha"},
		"?q=GAM":                 {"Gamma"},
		"?q=somebody":            {"Gamma"},
		"?state=approved":        {"Alpha"},
		"?type=oauth2":           {"Beta"},
		"?state=pending&sort=id": {"Beta", "Gamma"},
	} {
		require.Equal(t, want, rows(b.get(query)), query)
	}
	require.NotNil(t, b.get("?q=nothing").find("client-none"))
	require.NotNil(t, b.get("?q=nothing").find("client-all"))

	p := b.get("?limit=2")
	require.Equal(t, []string{"Alpha", "Beta"}, rows(p))
	p = b.get(attr(p.find("page-next"), "href"))
	require.Equal(t, []string{"Gamma"}, rows(p))
	require.Nil(t, p.find("page-next"))
	require.Equal(t, []string{"Alpha", "Beta"}, rows(b.get(attr(p.find("page-first"), "href"))))
}

// rows are the names in the table, in order.
func rows(p *page) []string {
	var names []string
	for n := range p.root.Descendants() {
		if attr(n, "class") == "row-link" {
			names = append(names, content(n))
		}
	}
	return names
}

// TestHeaders are those of pages, errors, the API and the stylesheet.
func TestHeaders(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser(root)
	p := b.get("")
	csp := p.Header().Get("Content-Security-Policy")
	require.Contains(t, csp, "default-src 'none'; style-src 'self';")
	require.Contains(t, csp, "form-action 'self'; frame-ancestors 'none'")
	require.Equal(t, "no-store", p.Header().Get("Cache-Control"))
	require.Equal(t, "DENY", p.Header().Get("X-Frame-Options"))
	require.NotEmpty(t, p.Header().Get("Strict-Transport-Security"))
	for _, c := range p.Result().Cookies() {
		require.True(t, strings.HasPrefix(c.Name, "__Host-") && c.HttpOnly && c.Secure && c.SameSite == http.SameSiteStrictMode, c.Name)
	}
	require.Contains(t, fx.browser("").get("").Header().Get("Content-Security-Policy"), "style-src 'sha256-")
	require.NotContains(t, p.text, "<script")
	require.NotContains(t, p.text, "style=")

	style := b.get(regexp.MustCompile(`/clients/assets/[^"]+`).FindString(p.text))
	require.Equal(t, "text/css; charset=utf-8", style.Header().Get("Content-Type"))
	w := fx.do(call{method: http.MethodGet, path: "clients", as: root})
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
}

func TestLanguages(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser(root)
	b.lang = "de-AT,en;q=0.5"
	p := b.get("")
	require.Contains(t, p.text, `<html lang="de"`)
	require.Contains(t, p.text, "Neuer Client")
	require.Contains(t, b.get("?lang=en").text, `<html lang="en"`)
	require.Contains(t, b.get("new").text, `<html lang="en"`, "the choice is kept")

	_, err := admin.New(admin.Options{Service: fx.service, Actor: actor, Origins: []string{origin}, Languages: []string{"fr"}})
	require.ErrorContains(t, err, "Options.Languages")
}

// TestTexts has every text in every language.
func TestTexts(t *testing.T) {
	var texts [2]map[string]any
	for i, name := range []string{"en", "de"} {
		b, err := admin.Locales.ReadFile("locales/" + name + ".json")
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &texts[i]))
	}
	for id := range texts[0] {
		require.Contains(t, texts[1], id)
	}
	require.Len(t, texts[1], len(texts[0]))

	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", State: oauth.StateApproved})
	b := fx.browser(root)
	raw := regexp.MustCompile(`[>"](field|hint|section|state|type|client|clients|secret|secrets|authorizations|confirm|error|form|new|layout|column|done)\.[a-z_-]+[<"]`)
	for _, address := range []string{
		"", "new", "new?type=openid", "new?type=oauth2", "new?type=oauth1", "clients/app", "clients/app/edit", "clients/app/remove",
		"clients/app/secrets/new", "clients/app/secrets/rotate", "clients/app/authorizations", "nothing",
	} {
		require.Empty(t, raw.FindString(b.get(address).text), address)
	}
}

func TestOptions(t *testing.T) {
	_, err := admin.New(admin.Options{Origins: []string{"https://a.example.com/", "http://b.example.com", "https://c.example.com"}, Path: "/a//b"})
	for _, want := range []string{"Options.Service", "Options.Actor", "Options.Origins[0]", "Options.Origins: want all", "Options.Path"} {
		require.ErrorContains(t, err, want)
	}
	_, err = admin.New(admin.Options{})
	require.ErrorContains(t, err, "Options.Origins: required")
}

// TestMethods answers each address by its own methods alone.
func TestMethods(t *testing.T) {
	fx := newFixture(t, nil)
	for _, rt := range fx.console.Routes() {
		if rt.Pattern != "api/clients/*" {
			continue
		}
		w := fx.do(call{method: http.MethodPatch, path: "clients/app", as: root})
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
		require.Equal(t, "GET, PUT, DELETE, HEAD", w.Header().Get("Allow"))
	}
	require.True(t, slices.ContainsFunc(fx.console.Routes(), func(rt admin.Route) bool { return rt.Method == http.MethodDelete }))
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodHead, base+"/", nil)
	r.Header.Set("Authorization", "Bearer "+root)
	fx.console.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
}

// TestTypes creates a client of each type, and a public one.
func TestTypes(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser(root)
	for _, kind := range []string{"openid", "oauth2", "oauth1"} {
		p := b.get("new?type="+kind).press("client-save", "client_name", kind, "redirect_uris", "https://a.example.com/cb")
		require.Equal(t, http.StatusCreated, p.Code, p.text)
		e, err := fx.service.Get(t.Context(), clientreg.Person(root), p.shown("client-id"))
		require.NoError(t, err)
		require.Equal(t, kind, string(e.Client.Type))
		require.Equal(t, kind == "oauth1", len(e.Client.GrantTypes) == 0)
		require.Equal(t, http.StatusSeeOther, b.get("clients/"+e.Client.ID+"/edit").press("client-save").Code, "the form takes back what it shows")
	}
	p := b.get("new?type=openid").press("client-save", "client_name", "App", "redirect_uris", "http://127.0.0.1/cb",
		"application_type", "native", "token_endpoint_auth_method", "none").follow()
	require.Contains(t, p.text, "A public client has no secrets.")
	p = b.get(strings.Replace(p.url.Path, "/clients/clients/", "clients/", 1)+"/edit").press("client-save", "token_endpoint_auth_method", "client_secret_basic")
	require.NotEmpty(t, p.shown("new-secret"), "one that becomes confidential is given a secret")
}

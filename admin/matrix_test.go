package admin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

// TestMatrix are the cases of group AD of testdata/security-matrix.txt.
func TestMatrix(t *testing.T) {
	t.Run("AD-01 every route without credentials", everyRouteAsksWho)
	t.Run("AD-02 every route without the permission", everyRouteAsksWhether)
	t.Run("AD-03 changes without proof of origin", changesNeedProof)
	t.Run("AD-04 clients of another tenant", otherTenants)
	t.Run("AD-05 hostile names", hostileNames)
	t.Run("AD-06 secrets are shown once", secretsOnce)
	t.Run("AD-07 tampered queries", tamperedQueries)
	t.Run("AD-08 unknown and internal members", strictBodies)
	t.Run("AD-09 two administrators edit one client", lostUpdates)
	t.Run("AD-10 effective at once", effectiveAtOnce)
	t.Run("AD-11 unknown Host", unknownHosts)
	t.Run("AD-12 path games", pathGames)
	t.Run("AD-13 nothing for debugging", nothingForDebugging)
	t.Run("AD-14 one record a change", oneRecord)
}

// each requests every route that there is, for the client app.
func (fx *fixture) each(as string, check func(rt admin.Route, w *httptest.ResponseRecorder)) {
	fx.Helper()
	for _, rt := range fx.console.Routes() {
		path := strings.Replace(rt.Pattern, "*", "app", 1)
		path = strings.ReplaceAll(path, "*", "part")
		r := httptest.NewRequest(rt.Method, base+"/"+path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", `"1"`)
		if !strings.HasPrefix(path, "api/") {
			r.Body, r.Header = http.NoBody, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		}
		if as != "" {
			r.Header.Set("Authorization", "Bearer "+as)
		}
		w := httptest.NewRecorder()
		fx.console.ServeHTTP(w, r)
		check(rt, w)
	}
}

func everyRouteAsksWho(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", Name: "Confidential name"})
	seen := 0
	fx.each("", func(rt admin.Route, w *httptest.ResponseRecorder) {
		seen++
		require.Equal(t, http.StatusUnauthorized, w.Code, rt)
		require.Equal(t, `Bearer realm="clients"`, w.Header().Get("WWW-Authenticate"))
		require.NotContains(t, w.Body.String(), "Confidential")
	})
	require.Greater(t, seen, 30)
	require.Equal(t, http.StatusUnauthorized, fx.browser("").get("nothing/here").Code)
	w := fx.do(call{method: "GET", path: "clients", header: map[string]string{"Authorization": "Bearer "}})
	require.Equal(t, http.StatusUnauthorized, w.Code, "a person without a name")
	require.Empty(t, fx.told())
}

func everyRouteAsksWhether(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", Name: "Confidential name"})
	fx.each(outsider, func(rt admin.Route, w *httptest.ResponseRecorder) {
		require.Equal(t, http.StatusForbidden, w.Code, rt)
	})
	// Somebody who may be here, and may do nothing.
	fx.each("nobody", func(rt admin.Route, w *httptest.ResponseRecorder) {
		switch rt.Pattern {
		case "api/openapi.json", "new": // about no client
			return
		}
		if strings.HasPrefix(rt.Pattern, "assets/") {
			return
		}
		require.Equal(t, http.StatusForbidden, w.Code, rt)
		require.NotContains(t, w.Body.String(), "Confidential", rt)
	})
	p := fx.browser("nobody").get("new?type=openid").press("client-save", "client_name", "X", "redirect_uris", "https://a.example.com/cb")
	require.Equal(t, http.StatusForbidden, p.Code)

	// Somebody who may look changes nothing.
	b := fx.browser(reader)
	require.Equal(t, http.StatusForbidden, b.get("clients/app").press("client-approve").Code)
	require.Equal(t, http.StatusForbidden, b.get("clients/app/edit").press("client-save", "client_name", "Mine").Code)
	require.Equal(t, http.StatusForbidden, b.get("clients/app/remove").press("confirm").Code)
	for _, c := range []call{
		{method: "POST", path: "clients", body: `{"redirect_uris":["https://a.example.com/cb"]}`},
		{method: "POST", path: "clients/app/approve"},
		{method: "POST", path: "clients/app/secrets", body: `{}`},
		{method: "POST", path: "clients/app/rotate_secret", body: `{}`},
		{method: "DELETE", path: "clients/app"},
	} {
		c.as = reader
		require.Equal(t, http.StatusForbidden, fx.do(c).Code, c.path)
	}
	require.Empty(t, fx.told())
}

func changesNeedProof(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app"})
	b := fx.browser(root)
	action, form := b.get("clients/app").form("client-approve")
	for name, header := range map[string]map[string]string{
		"cross-site":        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"another origin":    {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
		"another scheme":    {"Sec-Fetch-Site": "", "Origin": "http://admin.example.com"},
		"an opaque origin":  {"Sec-Fetch-Site": "", "Origin": "null"},
		"a sibling's page":  {"Sec-Fetch-Site": "same-site", "Origin": "https://www.example.com"},
		"without any proof": {"Sec-Fetch-Site": "", "Origin": ""},
	} {
		sent := form
		if name == "without any proof" {
			sent = url.Values{"version": form["version"], "seen": form["seen"]}
		}
		require.Equal(t, http.StatusForbidden, b.send("POST", action, sent, header).Code, name)
	}
	// The token is for one form, one person and one browser.
	require.Equal(t, http.StatusForbidden, b.send("POST", "clients/app/disapprove", form, nil).Code)
	require.Equal(t, http.StatusForbidden, fx.browser(root).send("POST", action, form, nil).Code)
	b.as = acme
	require.Equal(t, http.StatusForbidden, b.send("POST", action, form, nil).Code)
	b.as = root

	for _, c := range []call{
		{method: "POST", path: "clients/app/approve"},
		{method: "PUT", path: "clients/app", body: "{}"},
		{method: "DELETE", path: "clients/app"},
	} {
		c.header = map[string]string{"Cookie": "host-session=root"}
		require.Equal(t, http.StatusForbidden, fx.do(c).Code, "%s with a cookie alone", c.method)
		c.header["Origin"] = "https://evil.example"
		require.Equal(t, http.StatusForbidden, fx.do(c).Code)
	}
	// No other origin may read, nor ask whether it may send.
	for _, method := range []string{"OPTIONS", "GET"} {
		w := fx.do(call{method: method, path: "clients", as: root, header: map[string]string{
			"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE",
		}})
		for name := range w.Header() {
			require.False(t, strings.HasPrefix(name, "Access-Control-"), name)
		}
	}
	require.Empty(t, fx.told())
	require.Equal(t, http.StatusSeeOther, b.send("POST", action, form, nil).Code, "with all proof")
}

func otherTenants(t *testing.T) {
	// What Permit refuses is 403.
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", Name: "Confidential name", Tenant: "other"})
	fx.add(oauth.Client{ID: "mine", Name: "Mine", Tenant: "acme"})
	fx.each(acme, func(rt admin.Route, w *httptest.ResponseRecorder) {
		if strings.Contains(rt.Pattern, "*") {
			require.Equal(t, http.StatusForbidden, w.Code, rt)
		}
		require.NotContains(t, w.Body.String(), "Confidential", rt)
	})
	b := fx.browser(acme)
	require.Equal(t, http.StatusForbidden, b.get("?tenant=other").Code)
	require.Equal(t, http.StatusForbidden, b.get("").Code)
	require.Equal(t, []string{"Mine"}, rows(b.get("?tenant=acme")))
	body := `{"tenant": "other", "redirect_uris": ["https://a.example.com/cb"]}`
	require.Equal(t, http.StatusForbidden, fx.do(call{method: "POST", path: "clients", as: acme, body: body}).Code)

	// Where the console is of one tenant, the others do not exist.
	fx = newFixture(t, func(_ *clientreg.ServiceOptions, o *admin.Options) {
		o.Tenant = func(*http.Request) string { return "acme" }
	})
	fx.add(oauth.Client{ID: "app", Name: "Confidential name", Tenant: "other"})
	fx.add(oauth.Client{ID: "mine", Name: "Mine", Tenant: "acme"})
	fx.each(root, func(rt admin.Route, w *httptest.ResponseRecorder) {
		if strings.Contains(rt.Pattern, "*") && (rt.Method == "GET" || strings.HasPrefix(rt.Pattern, "api/")) {
			require.Equal(t, http.StatusNotFound, w.Code, rt)
		}
		require.NotContains(t, w.Body.String(), "Confidential", rt)
	})
	b = fx.browser(root)
	require.Equal(t, []string{"Mine"}, rows(b.get("")))
	require.Equal(t, http.StatusBadRequest, b.get("?tenant=other").Code)
	require.Equal(t, http.StatusBadRequest, fx.do(call{method: "POST", path: "clients", as: root, body: body}).Code)
	// A form of a client of mine, sent to another's address.
	_, form := b.get("clients/mine").form("client-approve")
	require.Equal(t, http.StatusForbidden, b.send("POST", "clients/app/approve", form, nil).Code)
	require.Empty(t, fx.told())
	p := b.get("new?type=oauth2").press("client-save", "client_name", "New", "redirect_uris", "https://a.example.com/cb")
	e, err := fx.service.Get(t.Context(), clientreg.Person(root), p.shown("client-id"))
	require.NoError(t, err)
	require.Equal(t, "acme", e.Client.Tenant)
}

func unknownHosts(t *testing.T) {
	fx := newFixture(t, nil)
	for host, want := range map[string]int{
		"admin.example.com": 200, "ADMIN.example.com": 200, "admin.example.com:443": 200,
		"evil.example": 421, "admin.example.com.evil.example": 421, "admin.example.com:8443": 421, "127.0.0.1": 421, "": 421,
	} {
		for _, path := range []string{"/clients/", "/clients/api/clients"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = host
			r.Header.Set("Authorization", "Bearer "+root)
			r.Header.Set("X-Forwarded-Host", "admin.example.com")
			w := httptest.NewRecorder()
			fx.console.ServeHTTP(w, r)
			require.Equal(t, want, w.Code, "%q %s", host, path)
		}
	}
}

func pathGames(t *testing.T) {
	fx := newFixture(t, nil)
	fx.add(oauth.Client{ID: "app", Name: "Confidential name"})
	for _, path := range []string{
		"//clients/", "/clients//", "/clients/../clients/", "/clients/./", "/clients;x/", "/clients/;x", "/clients/%2e%2e/clients/",
		"/clients%2f", "/%63lients/", "/CLIENTS/", "/clients/clients/app/", "/clients/clients/app;x", "/clients/clients/%61pp",
		"/clients/clients/app/..", "/clients/clients/../clients/app", "/clients/clients/app%00", "/clients/clients/app%2fedit",
		"/clients/assets/../clients/app", "/clients/api/../clients/app", "/clients/api//clients", "/clients", "/", "/clients/clients/..",
	} {
		for as, want := range map[string]int{"": http.StatusUnauthorized, root: http.StatusNotFound} {
			r := httptest.NewRequest("GET", origin, nil)
			var err error
			r.URL, err = url.ParseRequestURI(path)
			if strings.HasPrefix(path, "//") {
				r.URL = &url.URL{Path: path}
			}
			require.NoError(t, err)
			if as != "" {
				r.Header.Set("Authorization", "Bearer "+as)
			}
			w := httptest.NewRecorder()
			fx.console.ServeHTTP(w, r)
			require.Equal(t, want, w.Code, "%q as %q", path, as)
			require.NotContains(t, w.Body.String(), "Confidential", path)
		}
	}
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"} {
		value := "DELETE"
		if strings.HasSuffix(name, "URL") {
			value = "/clients/clients/app"
		}
		r := httptest.NewRequest("GET", base+"/api/clients/app?_method=DELETE", nil)
		r.Header.Set("Authorization", "Bearer "+root)
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		fx.console.ServeHTTP(w, r)
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, w.Code)
		r.Header.Del("Authorization")
		w = httptest.NewRecorder()
		fx.console.ServeHTTP(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code, name)
	}
	require.Empty(t, fx.told())
}

func nothingForDebugging(t *testing.T) {
	fx := newFixture(t, nil)
	for _, path := range []string{"debug/pprof/", "debug/pprof/heap", "debug/vars", "metrics", "healthz", "api/debug"} {
		require.Equal(t, http.StatusNotFound, fx.browser(root).get(path).Code, path)
		w := httptest.NewRecorder()
		fx.server.ServeHTTP(w, httptest.NewRequest("GET", issuer+"/"+path, nil))
		require.Equal(t, http.StatusNotFound, w.Code, path)
		_, pattern := http.DefaultServeMux.Handler(httptest.NewRequest("GET", origin+"/"+path, nil)) //nolint:forbidigo // it must stay empty
		require.Empty(t, pattern, "nothing is put on the host's default mux")
	}
}

func oneRecord(t *testing.T) {
	fx := newFixture(t, nil)
	made := fx.add(oauth.Client{ID: "app", Name: "Before"})
	b := fx.browser(root)
	one := func(action clientreg.Action, do func()) clientreg.Event {
		t.Helper()
		do()
		told := fx.told()
		require.Len(t, told, 1, action)
		require.Equal(t, action, told[0].Action)
		require.Equal(t, clientreg.Person(root), told[0].Actor)
		require.False(t, told[0].Time.IsZero())
		for _, c := range []*oauth.Client{told[0].Before, told[0].After} {
			if c != nil {
				for _, s := range c.Secrets {
					require.Empty(t, s.Digest)
				}
			}
		}
		return told[0]
	}
	one(clientreg.ActionApprove, func() { b.get("clients/app").press("client-approve") })
	_, token := fx.token("app", made.Secret)
	require.NotEmpty(t, token)
	ev := one(clientreg.ActionUpdate, func() { b.get("clients/app/edit").press("client-save", "client_name", "After") })
	require.Equal(t, "Before", ev.Before.Name)
	require.Equal(t, "After", ev.After.Name)
	one(clientreg.ActionAddSecret, func() { b.get("clients/app/secrets/new").press("confirm") })
	one(clientreg.ActionRotateSecret, func() { b.get("clients/app/secrets/rotate").press("confirm", "overlap", "168") })
	one(clientreg.ActionRemoveSecret, func() {
		b.get("clients/app/secrets/" + made.SecretID + "/remove").press("confirm")
	})
	given, err := fx.service.Authorizations(t.Context(), clientreg.Person(root), "app", 0, "")
	require.NoError(t, err)
	require.Len(t, given.Authorizations, 1)
	one(clientreg.ActionRevokeAuthorization, func() {
		b.get("clients/app/authorizations/" + given.Authorizations[0].GrantID + "/revoke").press("confirm")
	})
	one(clientreg.ActionDisapprove, func() { b.get("clients/app").press("client-disapprove") })
	ev = one(clientreg.ActionRemove, func() { b.get("clients/app/remove").press("confirm") })
	require.NotNil(t, ev.Before)
	require.Nil(t, ev.After)

	// And by the API, with which there is no way to change a record.
	body := `{"client_id": "app", "redirect_uris": ["https://a.example.com/cb"]}`
	ev = one(clientreg.ActionCreate, func() { fx.do(call{method: "POST", path: "clients", as: root, body: body}) })
	require.Nil(t, ev.Before)
	one(clientreg.ActionApprove, func() { fx.do(call{method: "POST", path: "clients/app/approve", as: root}) })
	one(clientreg.ActionRotateSecret, func() { fx.do(call{method: "POST", path: "clients/app/rotate_secret", as: root, body: `{}`}) })
	one(clientreg.ActionRemove, func() { fx.do(call{method: "DELETE", path: "clients/app", as: root}) })
	for _, rt := range fx.console.Routes() {
		require.NotContains(t, rt.Pattern, "event")
	}
}

package admin_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
)

func hostileNames(t *testing.T) {
	const payload = `'"></title></textarea><script>alert(1)</script><img src=x onerror=alert(1)>{{.Client}}`
	fx := newFixture(t, nil)
	fx.add(oauth.Client{
		ID: "app", Name: payload, Owner: payload, Tenant: payload, PolicyURI: "https://x.example.com/?<script>",
		RedirectURIs: []string{"https://x.example.com/?a='onerror=alert(1)"},
	})
	_, err := fx.service.AddSecret(t.Context(), clientreg.Person(root), "app", clientreg.NewSecret{Name: payload})
	require.NoError(t, err)
	b := fx.browser(root)
	for _, address := range []string{
		"", "?q=" + url.QueryEscape(payload), "clients/app", "clients/app/edit", "clients/app/remove", "clients/app/secrets/new",
		"clients/app/authorizations", "clients/app/authorizations/x/revoke",
	} {
		p := b.get(address)
		require.Equal(t, http.StatusOK, p.Code, address)
		for n := range p.root.Descendants() {
			require.NotContains(t, []string{"script", "img"}, n.Data, address)
			require.False(t, has(n, "onerror"), address)
		}
	}
	require.Contains(t, b.get("clients/app").text, html.EscapeString(payload[:20]))
	w := fx.do(call{method: "GET", path: "clients/app", as: root})
	require.NotContains(t, w.Body.String(), "<")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
}

func secretsOnce(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser(root)
	p := b.get("new?type=openid").press("client-save", "client_name", "App", "redirect_uris", "https://a.example.com/cb")
	id, secrets := p.shown("client-id"), []string{p.shown("new-secret")}
	require.Equal(t, 1, strings.Count(p.text, secrets[0]))
	require.Equal(t, "no-store", p.Header().Get("Cache-Control"))
	secrets = append(secrets, b.get("clients/"+id+"/secrets/new").press("confirm").shown("new-secret"))
	for _, body := range []string{"clients/" + id + "/secrets", "clients/" + id + "/rotate_secret"} {
		w := fx.do(call{method: "POST", path: body, as: root, body: `{}`})
		secrets = append(secrets, decode[issued](t, w, http.StatusCreated).ClientSecret)
		require.NotContains(t, w.Body.String(), "digest")
	}
	for _, answer := range []string{
		b.get("").text, b.get("clients/" + id).text, b.get("clients/" + id + "/edit").text,
		fx.do(call{method: "GET", path: "clients", as: root}).Body.String(),
		fx.do(call{method: "GET", path: "clients/" + id, as: root}).Body.String(),
		fx.do(call{method: "GET", path: "clients/" + id + "/secrets", as: root}).Body.String(),
		fmt.Sprint(fx.told()), fx.log.String(),
	} {
		for _, secret := range secrets {
			require.NotEmpty(t, secret)
			require.NotContains(t, answer, secret)
		}
		require.NotContains(t, answer, "sha256:")
		require.NotContains(t, answer, "digest")
	}
}

func tamperedQueries(t *testing.T) {
	fx := newFixture(t, nil)
	for i := range 3 {
		fx.add(oauth.Client{ID: fmt.Sprint("c", i)})
	}
	next := decode[map[string]any](t, fx.do(call{method: "GET", path: "clients?limit=1", as: root}), http.StatusOK)["next"].(string)
	for _, query := range []string{
		"sort=name%27%3B+DROP+TABLE+clients", "sort=secret", "order=down", "type=openid%27--", "state=1", "limit=-1", "limit=0",
		"limit=99999999999999999999", "limit=1e3", "cursor=%27+OR+1=1--", "cursor=" + strings.Repeat("A", 5000),
		"cursor=" + next[:len(next)-2] + "xx", "cursor=" + next + "&sort=created", "cursor=" + next + "&state=approved",
		"sort=name&sort=id", "q=%ff", "q=" + strings.Repeat("a", 201),
	} {
		w := fx.do(call{method: "GET", path: "clients?" + query, as: root})
		require.Equal(t, http.StatusBadRequest, w.Code, query)
		require.NotContains(t, strings.ToLower(w.Body.String()), "sql")
		require.Equal(t, http.StatusBadRequest, fx.browser(root).get("?"+query).Code, query)
	}
	require.Equal(t, http.StatusBadRequest, fx.do(call{method: "GET", path: "clients?unknown=1", as: root}).Code)
	require.Equal(t, http.StatusBadRequest, fx.do(call{method: "GET", path: "clients/c1/authorizations?cursor=%27", as: root}).Code)
	require.Equal(t, http.StatusBadRequest, fx.browser(root).get("clients/c1/authorizations?cursor=%27").Code)
	require.Equal(t, http.StatusOK, fx.do(call{method: "GET", path: "clients?limit=1&cursor=" + next, as: root}).Code)
}

func strictBodies(t *testing.T) {
	fx := newFixture(t, nil)
	const uris = `"redirect_uris": ["https://a.example.com/cb"]`
	for name, body := range map[string]string{
		"unknown": `{"is_admin": true, ` + uris + `}`,
		"digest":  `{"secrets": [{"id": "x", "digest": "sha256:AAAA"}], ` + uris + `}`,
		"twice":   `{"client_name": "a", "client_name": "b", ` + uris + `}`,
		"cases":   `{"client_name": "a", "Client_Name": "b", ` + uris + `}`,
		"folded":  `{"client_name": "a", "re\u017fources": [], ` + uris + `}`,
		"deep":    `{"jwks": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"two":     `{` + uris + `} {}`,
		"a list":  `[]`,
		"type":    `{"client_name": 7}`,
		"no JSON": `client_name=x`,
		"cut off": `{"client_name": "a"`,
	} {
		require.Equal(t, http.StatusBadRequest, fx.do(call{method: "POST", path: "clients", as: root, body: body}).Code, name)
	}
	long := `{"client_name": "` + strings.Repeat("a", 17<<10) + `"}`
	require.Equal(t, http.StatusRequestEntityTooLarge, fx.do(call{method: "POST", path: "clients", as: root, body: long}).Code)
	require.Empty(t, fx.told())

	// What the server alone decides is not taken from a request.
	body := `{"client_id": "app", "state": "approved", "dynamic": true, "disabled": true, "client_id_issued_at": "2001-01-01T00:00:00Z",
		"updated_at": "2001-01-01T00:00:00Z", "secrets": [{"id": "mine"}], ` + uris + `}`
	made := decode[issued](t, fx.do(call{method: "POST", path: "clients", as: root, body: body}), http.StatusCreated)
	require.Equal(t, "pending", made.Client["state"])
	require.NotContains(t, made.Client, "dynamic")
	require.NotContains(t, made.Client, "disabled")
	require.NotContains(t, made.Client["client_id_issued_at"], "2001")
	require.NotEqual(t, "mine", made.SecretID)
	// Nor from a form.
	b := fx.browser(root)
	b.get("clients/app/edit").press("client-save", "state", "approved", "owner", "me", "dynamic", "yes", "client_id", "other").follow()
	e, err := fx.service.Get(t.Context(), clientreg.Person(root), "app")
	require.NoError(t, err)
	require.Equal(t, oauth.StatePending, e.Client.State)
	require.Empty(t, e.Client.Owner)
}

func lostUpdates(t *testing.T) {
	fx := newFixture(t, nil)
	made := fx.add(oauth.Client{ID: "app", Name: "Before", State: oauth.StateApproved})
	first, second := fx.browser(root), fx.browser(root)
	mine, theirs := first.get("clients/app/edit"), second.get("clients/app/edit")
	seen := second.get("clients/app")
	mine.press("client-save", "client_name", "First").follow()

	p := theirs.press("client-save", "client_name", "Second")
	require.Equal(t, http.StatusConflict, p.Code)
	require.Contains(t, p.shown("differences"), "First")
	require.Contains(t, p.shown("differences"), "Second")
	require.Equal(t, "Second", p.shown("client_name"), "nothing typed is lost")
	p = seen.press("client-disapprove")
	require.Equal(t, http.StatusConflict, p.Code, "a decision is about what was seen")
	require.Equal(t, "Approved", p.shown("client-state"))
	require.Len(t, fx.told(), 1)
	p = theirs.press("client-save", "client_name", "Second").press("client-save").follow()
	require.Contains(t, p.text, "<bdi>Second</bdi>", "who was asked again may insist")

	// That a secret was used is no change that anybody need look at.
	form := first.get("clients/app/edit")
	status, _ := fx.token("app", made.Secret)
	require.Equal(t, http.StatusOK, status)
	c, err := fx.service.Client(t.Context(), "app")
	require.NoError(t, err)
	fx.service.SecretUsed(t.Context(), c, c.Secrets[0].ID)
	form.press("client-save", "client_name", "Third").follow()

	w := fx.do(call{method: "GET", path: "clients/app", as: root})
	header := map[string]string{"If-Match": w.Header().Get("ETag")}
	body := `{"client_name": "%s", "redirect_uris": ["https://a.example.com/cb"], "token_endpoint_auth_method": "client_secret_basic"}`
	require.Equal(t, http.StatusOK, fx.do(call{method: "PUT", path: "clients/app", as: root, body: fmt.Sprintf(body, "A"), header: header}).Code)
	for _, c := range []call{
		{method: "PUT", path: "clients/app", body: fmt.Sprintf(body, "B")},
		{method: "POST", path: "clients/app/disapprove"},
	} {
		c.as, c.header = root, header
		require.Equal(t, http.StatusPreconditionFailed, fx.do(c).Code)
	}
}

func effectiveAtOnce(t *testing.T) {
	fx := newFixture(t, nil)
	made := fx.add(oauth.Client{ID: "app", State: oauth.StateApproved})
	b := fx.browser(root)
	_, token := fx.token("app", made.Secret)
	require.True(t, fx.lives(token))

	b.get("clients/app").press("client-disapprove").follow()
	require.False(t, fx.lives(token))
	status, _ := fx.token("app", made.Secret)
	require.Equal(t, http.StatusBadRequest, status)
	b.get("clients/app").press("client-approve").follow()
	require.True(t, fx.lives(token), "nothing was lost")

	b.get("clients/app/secrets/rotate").press("confirm", "overlap", "0")
	status, _ = fx.token("app", made.Secret)
	require.Equal(t, http.StatusUnauthorized, status)

	b.get("clients/app/remove").press("confirm").follow()
	require.False(t, fx.lives(token))
	fx.add(oauth.Client{ID: "app", State: oauth.StateApproved})
	require.False(t, fx.lives(token), "nor of another client of that name")
}

package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/admin"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// TestForms are of bounded size, and say each thing once.
func TestForms(t *testing.T) {
	fx := newFixture(t, nil)
	b := fx.browser(root)
	action, form := b.get("new?type=openid").form("client-save")
	with := func(change func(url.Values)) url.Values {
		copied := url.Values{}
		for name, values := range form {
			copied[name] = append([]string(nil), values...)
		}
		change(copied)
		return copied
	}
	for status, sent := range map[int]url.Values{
		http.StatusRequestEntityTooLarge: with(func(v url.Values) { v.Set("client_name", strings.Repeat("a", 65<<10)) }),
		http.StatusBadRequest:            with(func(v url.Values) { v.Add("client_name", "twice") }),
		http.StatusForbidden:             with(func(v url.Values) { v.Set("subject", "openid chosen-by-somebody-else") }),
	} {
		p := b.send("POST", action, sent, nil)
		require.Equal(t, status, p.Code)
		require.NotNil(t, p.find("error-page"))
	}
	require.Empty(t, fx.told())
	require.Equal(t, http.StatusBadRequest, b.get("new?type=saml").Code)
	fx.add(oauth.Client{ID: "app"})
	p := b.get("clients/app/edit").press("client-save", "version", "now", "seen", "")
	require.Equal(t, http.StatusBadRequest, p.Code)
	require.Equal(t, http.StatusBadRequest, b.get("clients/app/secrets/rotate").press("confirm", "overlap", "99").Code)
}

// TestPlainHTTP is for loopback: nothing is promised that only https keeps.
func TestPlainHTTP(t *testing.T) {
	fx := newFixture(t, nil)
	console, err := admin.New(admin.Options{Service: fx.service, Actor: actor, Origins: []string{"http://127.0.0.1:80"}})
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
	r.Header.Set("Authorization", "Bearer "+root)
	w := httptest.NewRecorder()
	console.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	require.Empty(t, w.Header().Get("Strict-Transport-Security"))
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 1)
	require.False(t, cookies[0].Secure)
}

// A brokenStore fails while it is down.
type brokenStore struct {
	storage.Storage
	down *atomic.Bool
}

var errDown = errors.New("database at 10.0.0.7 is down")

func (s brokenStore) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	if s.down.Load() {
		return storage.Record{}, errDown
	}
	return s.Storage.Get(ctx, kind, key)
}

func (s brokenStore) List(ctx context.Context, q storage.Query) (storage.Page, error) {
	if s.down.Load() {
		return storage.Page{}, errDown
	}
	return s.Storage.List(ctx, q)
}

// TestStorageDown is 503 everywhere, and tells only the log why.
func TestStorageDown(t *testing.T) {
	var down atomic.Bool
	fx := newFixture(t, func(o *clientreg.ServiceOptions, _ *admin.Options) {
		o.Storage = brokenStore{o.Storage, &down}
	})
	fx.add(oauth.Client{ID: "app"})
	b := fx.browser(root)
	form := b.get("clients/app/secrets/rotate")
	edit := b.get("clients/app/edit")
	down.Store(true)
	for name, p := range map[string]*page{
		"client": b.get("clients/app"), "rotate": form.press("confirm"), "edit": edit.press("client-save"), "authorizations": b.get("clients/app/authorizations"),
	} {
		require.Equal(t, http.StatusServiceUnavailable, p.Code, name)
		require.NotContains(t, p.text, "10.0.0.7")
		require.Contains(t, fx.log.String(), p.shown("error-reference"))
	}
	for _, c := range []call{
		{method: "GET", path: "clients/app"},
		{method: "DELETE", path: "clients/app"},
		{method: "POST", path: "clients/app/approve"},
		{method: "POST", path: "clients/app/rotate_secret", body: "{}"},
		{method: "GET", path: "clients/app/authorizations"},
	} {
		c.as = root
		w := fx.do(c)
		require.Equal(t, http.StatusServiceUnavailable, w.Code, c.path)
		require.NotContains(t, w.Body.String(), "10.0.0.7")
	}
	require.Contains(t, fx.log.String(), "10.0.0.7")
	require.Empty(t, fx.told())
}

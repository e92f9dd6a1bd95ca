package authserver_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// What a client may not do that is pending or disapproved, on every endpoint.
func TestApproval(t *testing.T) {
	for _, state := range []oauth.ClientState{oauth.StatePending, oauth.StateDisapproved} {
		t.Run(string(state), func(t *testing.T) { unapproved(t, state) })
	}
}

func unapproved(t *testing.T, state oauth.ClientState) {
	h := newHarness(t)
	tokens, code := h.tokens(), h.code()
	device := h.startsDevice(t, "openid")
	jwt := h.tokens("resource", "https://api.example/")
	waiting, cookies := h.asksLater(t)
	h.clients.with(confidential, func(c *oauth.Client) { c.State = state })
	h.clients.with(public, func(c *oauth.Client) { c.State = state })

	t.Run("authorization request", func(t *testing.T) {
		a := h.get("/authorize", request())
		a.page(http.StatusForbidden)
		require.Contains(t, a.Body, "unauthorized_client")
		h.get("/authorize", request("redirect_uri", "https://evil.example/")).page(http.StatusBadRequest)
		h.get("/authorize", request("client_id", public, "redirect_uri", "com.app:/cb")).page(http.StatusForbidden)
	})
	t.Run("request that waits", func(t *testing.T) {
		a := h.approveLater(cookies, waiting, alice)
		require.Empty(t, a.Header.Get("Location"))
		require.GreaterOrEqual(t, a.Status, 400)
	})
	wrong, _ := clientauth.NewSecret()
	for name, c := range map[string]struct {
		path string
		form url.Values
	}{
		"code":               {"/token", redeem(code)},
		"refresh":            {"/token", refreshForm(tokens.str("refresh_token"))},
		"client credentials": {"/token", url.Values{"grant_type": {"client_credentials"}}},
		"password":           {"/token", url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {password}}},
		"device code":        {"/token", pollFor(device.str("device_code"))},
		"device":             {"/device_authorization", url.Values{"scope": {"openid"}}},
		"introspection":      {"/introspect", url.Values{"token": {tokens.str("access_token")}}},
	} {
		t.Run(name, func(t *testing.T) {
			h.post(c.path, c.form, basic(confidential, secret), elsewhere()).refused(400, oauth.UnauthorizedClient)
			// Who lacks the secret learns nothing: the very answer of a client
			// that does not exist.
			stranger := h.post(c.path, c.form, basic(confidential, wrong), elsewhere())
			stranger.refused(401, oauth.InvalidClient)
			nobody := h.post(c.path, c.form, basic("nobody", wrong), elsewhere())
			require.Equal(t, withoutReference(nobody), withoutReference(stranger))
			require.Equal(t, nobody.Header.Get("WWW-Authenticate"), stranger.Header.Get("WWW-Authenticate"))
		})
	}
	t.Run("public client", func(t *testing.T) {
		h.post("/device_authorization", url.Values{"client_id": {public}}).refused(400, oauth.UnauthorizedClient)
	})
	t.Run("user code", func(t *testing.T) {
		_, err := h.lookUp(device.str("user_code"))
		require.ErrorIs(t, err, authserver.ErrNoRequest)
	})
	t.Run("token, online", func(t *testing.T) {
		for _, token := range []string{tokens.str("access_token"), jwt.str("access_token")} {
			_, err := h.srv.Introspect(t.Context(), token)
			require.ErrorIs(t, err, oauth.InvalidToken)
			h.get("/userinfo", nil, bearer(token)).refused(401, oauth.InvalidToken)
			a := h.post("/introspect", url.Values{"token": {token}}, basic(other, secret))
			require.Equal(t, `{"active":false}`, a.Body)
		}
	})
	t.Run("approved again", func(t *testing.T) {
		h.clients.with(confidential, func(c *oauth.Client) { c.State = oauth.StateApproved })
		_, err := h.srv.Introspect(t.Context(), tokens.str("access_token"))
		require.NoError(t, err)
		require.Equal(t, 200, h.token(redeem(code)).Status)
		require.Equal(t, 200, h.refresh(tokens.str("refresh_token")).Status, "nothing was deleted")
	})
	t.Run("giving up", func(t *testing.T) {
		h.clients.with(confidential, func(c *oauth.Client) { c.State = state })
		a := h.post("/revoke", url.Values{"token": {tokens.str("refresh_token")}}, basic(confidential, secret))
		require.Equal(t, 200, a.Status, a.Body)
	})
}

// withoutReference is a refusal's body but for the reference, which is never
// the same.
func withoutReference(a *answer) string {
	text, _, _ := strings.Cut(a.str("error_description"), "Reference:")
	return a.str("error") + " " + text
}

// asksLater begins an authorization request that waits for its end user.
func (h *harness) asksLater(t *testing.T) (id string, cookies []*http.Cookie) {
	t.Helper()
	h.interact = func(w http.ResponseWriter, _ *http.Request, req *authserver.AuthorizationRequest) {
		id = req.ID
		w.WriteHeader(http.StatusOK)
	}
	defer func() { h.interact = nil }()
	a := h.get("/authorize", request())
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	return id, a.Cookie
}

// device looks up a user code in a fresh browser.
func (h *harness) lookUp(userCode string) (req *authserver.AuthorizationRequest, err error) {
	p := h.person()
	p.visit(func(w http.ResponseWriter, r *http.Request) { req, err = h.srv.DeviceRequest(w, r, userCode) })
	return req, err
}

// The life of a key: registered, refused, approved, served, disapproved,
// served again, changed by its owner and so decided on anew, removed.
func TestApprovalOfRegisteredClients(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		var changes []clientreg.Event
		service, err := clientreg.NewService(clientreg.ServiceOptions{
			Storage: store, Permit: clientreg.PermitAll, InitialState: oauth.StatePending,
			Events: func(_ context.Context, ev clientreg.Event) { changes = append(changes, ev) },
		})
		require.NoError(t, err)
		o := anyone()
		o.Service = service
		h := registering(t, o, withStore(store))
		a := h.registered()
		id, admin := a.str("client_id"), clientreg.Person("admin")
		mine := basic(id, a.str("client_secret"))
		ask := func() *answer {
			return h.get("/authorize", request("client_id", id, "redirect_uri", "https://app.example/cb", "scope", "openid offline_access"))
		}
		ask().page(403)
		h.post("/token", refreshForm("x"), mine).refused(400, oauth.UnauthorizedClient)

		_, err = service.Approve(t.Context(), admin, id, 0)
		require.NoError(t, err)
		tokens := h.redeemFor(a, h.codeAs(a))
		require.Equal(t, 200, tokens.Status, tokens.Body)
		e, err := service.Get(t.Context(), admin, id)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), e.Client.Secrets[0].LastUsedAt, time.Hour)
		require.Empty(t, e.Client.Secrets[0].Digest)

		_, err = service.Disapprove(t.Context(), admin, id, e.Version)
		require.NoError(t, err)
		h.post("/token", refreshForm(tokens.str("refresh_token")), mine).refused(400, oauth.UnauthorizedClient)
		_, err = h.srv.Introspect(t.Context(), tokens.str("access_token"))
		require.ErrorIs(t, err, oauth.InvalidToken)
		put := h.send(http.MethodPut, a.path(), metadataWith("client_id", quoted(id)), own(a))
		require.Equal(t, 200, put.Status, put.Body)
		require.NotContains(t, put.Body, "disapproved")
		ask().page(403)

		_, err = service.Approve(t.Context(), admin, id, 0)
		require.NoError(t, err)
		require.Equal(t, 200, h.post("/token", refreshForm(tokens.str("refresh_token")), mine).Status)

		put = h.send(http.MethodPut, a.path(), metadataWith("client_id", quoted(id), "redirect_uris", `["https://evil.example/cb"]`), own(put))
		require.Equal(t, 200, put.Status)
		h.get("/authorize", request("client_id", id, "redirect_uri", "https://evil.example/cb", "scope", "openid")).page(403)

		require.NoError(t, service.Remove(t.Context(), admin, id))
		ask().page(400)
		h.post("/token", refreshForm(tokens.str("refresh_token")), mine).refused(401, oauth.InvalidClient)

		var actions []clientreg.Action
		for _, ev := range changes {
			require.Equal(t, id, ev.ClientID)
			require.NotZero(t, ev.Time)
			actions = append(actions, ev.Action)
		}
		require.Equal(t, []clientreg.Action{
			clientreg.ActionCreate, clientreg.ActionApprove, clientreg.ActionDisapprove, clientreg.ActionUpdate,
			clientreg.ActionApprove, clientreg.ActionUpdate, clientreg.ActionRemove,
		}, actions)
		require.Equal(t, oauth.StatePending, changes[1].Before.State)
		require.Equal(t, oauth.StateApproved, changes[1].After.State)
		require.Nil(t, changes[6].After)
	})
}

package authserver_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// startsDevice begins a device authorization of the confidential client.
func (h *harness) startsDevice(t testing.TB, scope string) *answer {
	t.Helper()
	a := h.post("/device_authorization", url.Values{"scope": {scope}}, as(confidential))
	require.Equal(t, http.StatusOK, a.Status, a.Body)
	return a
}

func pollFor(deviceCode string) url.Values {
	return url.Values{"grant_type": {oauth.GrantTypeDeviceCode}, "device_code": {deviceCode}}
}

// poll asks for the tokens of a device code as the confidential client.
func (h *harness) poll(deviceCode string) *answer {
	h.t.Helper()
	return h.token(pollFor(deviceCode))
}

// person is an end user's browser.
type person struct {
	h       *harness
	address string
	cookies map[string]*http.Cookie
}

func (h *harness) person() *person {
	return &person{h: h, address: "192.0.2.1:1234", cookies: map[string]*http.Cookie{}}
}

// visit is a request of this browser; what the server sets is kept.
func (p *person) visit(f func(w http.ResponseWriter, r *http.Request)) *answer {
	r := httptest.NewRequestWithContext(p.h.t.Context(), http.MethodPost, testIssuer+"/device", nil)
	r.RemoteAddr = p.address
	for _, c := range p.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	f(w, r)
	for _, c := range w.Result().Cookies() {
		p.cookies[c.Name] = c
	}
	return &answer{t: p.h.t, Status: w.Code, Header: w.Header(), Body: w.Body.String(), Cookie: w.Result().Cookies()}
}

// types enters a user code.
func (p *person) types(userCode string) (req *authserver.AuthorizationRequest, err error) {
	p.visit(func(w http.ResponseWriter, r *http.Request) {
		req, err = p.h.srv.DeviceRequest(w, r, userCode)
	})
	return req, err
}

func (p *person) approves(id string) (ok bool, a *answer) {
	a = p.visit(func(w http.ResponseWriter, r *http.Request) {
		ok = p.h.srv.Approve(w, r, id, authserver.Approval{Subject: alice, AuthTime: time.Now()})
	})
	return ok, a
}

func (p *person) denies(id string) (ok bool, a *answer) {
	a = p.visit(func(w http.ResponseWriter, r *http.Request) { ok = p.h.srv.Deny(w, r, id, nil) })
	return ok, a
}

// approved begins a device authorization and approves it.
func (h *harness) approved(t testing.TB, scope string) (deviceCode string) {
	t.Helper()
	start := h.startsDevice(t, scope)
	p := h.person()
	req, err := p.types(start.str("user_code"))
	require.NoError(t, err)
	ok, a := p.approves(req.ID)
	require.True(t, ok, a.Body)
	return start.str("device_code")
}

func TestDeviceRequestRefused(t *testing.T) {
	t.Run("DV-01", func(t *testing.T) { // no device grant, no authentication
		h := newHarness(t)
		scope := url.Values{"scope": {"read"}}
		h.untouched(t, func() *answer { return h.post("/device_authorization", scope, as(service)) }).
			refused(http.StatusBadRequest, oauth.UnauthorizedClient)
		h.untouched(t, func() *answer {
			return h.post("/device_authorization", url.Values{"scope": {"read"}, "client_id": {spa}})
		}).refused(http.StatusBadRequest, oauth.UnauthorizedClient)
		for _, edits := range [][]func(*http.Request){nil, {basic(confidential, "wrong")}} {
			a := h.untouched(t, func() *answer {
				form := url.Values{"scope": {"read"}}
				if edits == nil {
					form.Set("client_id", confidential)
				}
				return h.post("/device_authorization", form, edits...)
			})
			a.refused(http.StatusUnauthorized, oauth.InvalidClient)
			require.Contains(t, a.Header.Get("WWW-Authenticate"), "Basic")
		}
	})
	t.Run("DV-02", func(t *testing.T) { // unknown or forbidden scope
		h := newHarness(t)
		h.clients.with(confidential, func(c *oauth.Client) { c.Scopes = without(c.Scopes, "write") })
		for _, scope := range []string{"unknown", "write", "READ", "read unknown", `re"ad`} {
			h.untouched(t, func() *answer {
				return h.post("/device_authorization", url.Values{"scope": {scope}}, as(confidential))
			}).refused(http.StatusBadRequest, oauth.InvalidScope)
		}
	})
	t.Run("DV-21", func(t *testing.T) { // off: no address, no member, no lookup
		h := newHarness(t, func(c *authserver.Config) {
			c.Grants = []grants.Grant{grants.AuthorizationCode{}}
		})
		a := h.post("/device_authorization", url.Values{"scope": {"read"}}, as(confidential))
		require.Equal(t, http.StatusNotFound, a.Status)
		doc := h.get("/.well-known/openid-configuration", nil)
		require.Nil(t, doc.json("device_authorization_endpoint"))
		require.NotContains(t, doc.json("grant_types_supported"), oauth.GrantTypeDeviceCode)
		_, err := h.person().types("BCDF-GHJK")
		require.ErrorIs(t, err, authserver.ErrNoRequest)
		h.poll("as_dc_x").refused(http.StatusBadRequest, oauth.UnsupportedGrantType)
	})
}

func TestDevicePoll(t *testing.T) {
	t.Run("DV-03", func(t *testing.T) { // pending; too fast is slow_down and 5 s more
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			start := h.startsDevice(t, "openid")
			require.EqualValues(t, 5, start.json("interval"))
			poll := func(after time.Duration, code oauth.Code) {
				t.Helper()
				time.Sleep(after)
				h.poll(start.str("device_code")).refused(http.StatusBadRequest, code)
			}
			poll(0, oauth.AuthorizationPending)
			poll(5*time.Second, oauth.AuthorizationPending)
			poll(4*time.Second, oauth.SlowDown)              // the interval is 10 s
			poll(9*time.Second, oauth.SlowDown)              // 15 s
			poll(14*time.Second, oauth.SlowDown)             // 20 s
			poll(20*time.Second, oauth.AuthorizationPending) // and stays
			poll(19*time.Second, oauth.SlowDown)
		})
	})
	t.Run("DV-04", func(t *testing.T) { // never approved: expired_token, for ever
		synctest.Test(t, func(t *testing.T) {
			store := memory.New()
			h := newHarness(t, withStore(store))
			start := h.startsDevice(t, "openid")
			h.poll(start.str("device_code")).refused(http.StatusBadRequest, oauth.AuthorizationPending)
			for _, after := range []time.Duration{10 * time.Minute, time.Second, 24 * time.Hour, 365 * 24 * time.Hour} {
				time.Sleep(after)
				h.untouched(t, func() *answer { return h.poll(start.str("device_code")) }).
					refused(http.StatusBadRequest, oauth.ExpiredToken)
				_, err := store.Sweep(t.Context(), 100)
				require.NoError(t, err)
				_, err = h.person().types(start.str("user_code"))
				require.ErrorIs(t, err, authserver.ErrNoRequest)
			}
		})
	})
	t.Run("DV-05", func(t *testing.T) { // denied: access_denied, terminal
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			start := h.startsDevice(t, "openid")
			p := h.person()
			first, err := p.types(start.str("user_code"))
			require.NoError(t, err)
			second, err := p.types(start.str("user_code"))
			require.NoError(t, err)
			ok, _ := p.denies(first.ID)
			require.True(t, ok)
			for range 3 {
				h.untouched(t, func() *answer { return h.poll(start.str("device_code")) }).
					refused(http.StatusBadRequest, oauth.AccessDenied)
			}
			ok, a := p.approves(second.ID)
			require.False(t, ok, "approved after it was denied")
			a.page(http.StatusBadRequest)
			h.poll(start.str("device_code")).refused(http.StatusBadRequest, oauth.AccessDenied)
		})
	})
	t.Run("DV-06", func(t *testing.T) { // another client learns nothing and spoils nothing
		h := newHarness(t)
		foreign := func(deviceCode string) {
			t.Helper()
			for _, edit := range []func(*http.Request){as(other), nil} {
				form := pollFor(deviceCode)
				edits := []func(*http.Request){edit}
				if edit == nil {
					form.Set("client_id", public)
					edits = nil
				}
				h.untouched(t, func() *answer { return h.post("/token", form, edits...) }).
					refused(http.StatusBadRequest, oauth.InvalidGrant)
			}
		}
		start := h.startsDevice(t, "openid")
		foreign(start.str("device_code"))
		p := h.person()
		req, err := p.types(start.str("user_code"))
		require.NoError(t, err)
		ok, _ := p.denies(req.ID)
		require.True(t, ok)
		foreign(start.str("device_code"))

		code := h.approved(t, "openid")
		foreign(code)
		a := h.poll(code)
		require.Equal(t, http.StatusOK, a.Status, a.Body)
		foreign(code)
		require.True(t, h.active(a.str("access_token")), "a stranger's poll ended it")
	})
	t.Run("DV-07", func(t *testing.T) { // tampered while pending: invalid_grant, no storage call
		store := watch(memory.New())
		h := newHarness(t, withStore(store))
		code := h.startsDevice(t, "openid").str("device_code")
		for i := 6; i < len(code); i += 7 {
			changed := byte('A')
			if code[i] == 'A' {
				changed = 'B'
			}
			tampered := code[:i] + string(changed) + code[i+1:]
			require.Zero(t, store.during(func() {
				h.poll(tampered).refused(http.StatusBadRequest, oauth.InvalidGrant)
			}))
		}
		for _, wrong := range []string{code + "A", code[:len(code)-1], strings.ToUpper(code), "x", strings.Repeat("A", 60_000)} {
			h.untouched(t, func() *answer { return h.poll(wrong) }).refused(http.StatusBadRequest, oauth.InvalidGrant)
		}
		h.token(url.Values{"grant_type": {oauth.GrantTypeDeviceCode}}).refused(http.StatusBadRequest, oauth.InvalidRequest)
	})
	t.Run("DV-08", func(t *testing.T) { // the two codes of a request are not each other
		h := newHarness(t)
		start := h.startsDevice(t, "openid")
		h.untouched(t, func() *answer { return h.poll(start.str("user_code")) }).
			refused(http.StatusBadRequest, oauth.InvalidGrant)
		_, err := h.person().types(start.str("device_code"))
		require.ErrorIs(t, err, authserver.ErrNoRequest)
		h.untouched(t, func() *answer { return h.token(redeem(start.str("device_code"))) }).
			refused(http.StatusBadRequest, oauth.InvalidGrant)
	})
	t.Run("DV-09", func(t *testing.T) { // second redemption: invalid_grant, tokens revoked
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			code := h.approved(t, "openid offline_access")
			a := h.poll(code)
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			require.Equal(t, alice, claims(t, a.str("id_token"))["sub"])
			require.True(t, h.active(a.str("access_token")))
			h.forgetEvents()
			h.poll(code).refused(http.StatusBadRequest, oauth.InvalidGrant)
			require.Len(t, h.seen(), 2, "the re-use and the request")
			require.False(t, h.active(a.str("access_token")))
			require.False(t, h.active(a.str("refresh_token")))
			h.refresh(a.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
			h.untouched(t, func() *answer { return h.poll(code) }).refused(http.StatusBadRequest, oauth.InvalidGrant)
		})
	})
	t.Run("DV-10", func(t *testing.T) { // a hundred at once: one gets tokens
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			code := h.approved(t, "openid offline_access")
			answers := make(chan *answer, 100)
			start := make(chan struct{})
			for range cap(answers) {
				go func() {
					<-start
					answers <- h.poll(code)
				}()
			}
			close(start)
			won := 0
			for range cap(answers) {
				if a := <-answers; a.Status == http.StatusOK {
					won++
				} else {
					require.Equal(t, string(oauth.InvalidGrant), a.str("error"), a.Body)
				}
			}
			require.Equal(t, 1, won)
		})
	})
	t.Run("DV-19", func(t *testing.T) { // end user or client gone after the approval
		h := newHarness(t)
		code := h.approved(t, "openid")
		h.gone[alice] = true
		h.untouched(t, func() *answer { return h.poll(code) }).refused(http.StatusBadRequest, oauth.InvalidGrant)
		h.gone[alice] = false

		client := h.clients[confidential]
		delete(h.clients, confidential)
		h.untouched(t, func() *answer { return h.poll(code) }).refused(http.StatusUnauthorized, oauth.InvalidClient)
		h.clients[confidential] = client
		h.clients.with(confidential, func(c *oauth.Client) { c.Disabled = true })
		h.untouched(t, func() *answer { return h.poll(code) }).refused(http.StatusUnauthorized, oauth.InvalidClient)
		h.clients[confidential] = client
		h.clients.with(confidential, func(c *oauth.Client) { c.GrantTypes = nil })
		h.untouched(t, func() *answer { return h.poll(code) }).refused(http.StatusBadRequest, oauth.UnauthorizedClient)
	})
}

func TestUserCode(t *testing.T) {
	t.Run("DV-11", func(t *testing.T) { // five wrong codes an address, whatever the session
		synctest.Test(t, func(t *testing.T) {
			store := watch(memory.New())
			h := newHarness(t, withStore(store))
			right := h.startsDevice(t, "openid").str("user_code")
			guess := func(address, code string) error {
				p := h.person() // a new browser each time
				p.address = address
				_, err := p.types(code)
				return err
			}
			for i := range 5 {
				require.ErrorIs(t, guess("192.0.2.1:1", "BCDF-GHJK"), authserver.ErrNoRequest)
				if i == 2 {
					require.NoError(t, guess("192.0.2.1:2", right), "a right code is no guess")
				}
			}
			require.ErrorIs(t, guess("192.0.2.1:3", "BCDF-GHJK"), authserver.ErrThrottled)
			require.Zero(t, store.during(func() {
				require.ErrorIs(t, guess("192.0.2.1:4", right), authserver.ErrThrottled, "counted again by a right one")
			}))
			require.ErrorIs(t, guess("[::ffff:192.0.2.1]:4", right), authserver.ErrThrottled)
			require.NoError(t, guess("192.0.2.2:1", right), "another address")

			for i := range 5 { // one subscriber's network is one address
				require.ErrorIs(t, guess(fmt.Sprintf("[2001:db8::%d]:1", i+1), "BCDF-GHJK"), authserver.ErrNoRequest)
			}
			require.ErrorIs(t, guess("[2001:db8::ffff]:1", right), authserver.ErrThrottled)

			time.Sleep(10 * time.Minute) // the lifetime of a code
			fresh := h.startsDevice(t, "openid").str("user_code")
			require.NoError(t, guess("192.0.2.1:1", fresh))
		})
	})
	t.Run("DV-11 many at once", func(t *testing.T) {
		h := newHarness(t)
		var wg sync.WaitGroup
		var mu sync.Mutex
		tried := 0
		for range 64 {
			wg.Go(func() {
				if _, err := h.person().types("BCDF-GHJK"); errors.Is(err, authserver.ErrNoRequest) {
					mu.Lock()
					defer mu.Unlock()
					tried++
				}
			})
		}
		wg.Wait()
		require.Equal(t, 5, tried)
	})
	t.Run("DV-12", func(t *testing.T) { // unknown, expired, used: one answer
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			expired := h.startsDevice(t, "openid").str("user_code")
			time.Sleep(10 * time.Minute)
			decided := h.startsDevice(t, "openid").str("user_code")
			p := h.person()
			req, err := p.types(decided)
			require.NoError(t, err)
			ok, _ := p.approves(req.ID)
			require.True(t, ok)
			for _, code := range []string{"BCDF-GHJK", expired, decided, "", "nonsense"} {
				p := h.person()
				p.address = "198.51.100." + fmt.Sprint(1+len(code)%7) + ":1"
				h.forgetEvents()
				a := p.visit(func(w http.ResponseWriter, r *http.Request) {
					_, err = h.srv.DeviceRequest(w, r, code)
				})
				require.Equal(t, authserver.ErrNoRequest, err, code)
				require.Empty(t, a.Cookie)
				require.Empty(t, a.Body)
				require.Len(t, h.seen(), 1)
			}
		})
	})
	t.Run("DV-13", func(t *testing.T) { // as people type it; no letters that look alike
		h := newHarness(t)
		for range 20 {
			code := h.startsDevice(t, "openid").str("user_code")
			require.Regexp(t, `^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`, code)
			plain := strings.ReplaceAll(code, "-", "")
			var ids []string
			for _, typed := range []string{
				code, strings.ToLower(code), plain, strings.Join(strings.Split(plain, ""), " "), " " + code + " ", plain[:2] + "--" + plain[2:],
			} {
				req, err := h.person().types(typed)
				require.NoError(t, err, typed)
				require.Equal(t, code, req.UserCode)
				ids = append(ids, req.ID)
			}
			require.NotContains(t, ids[1:], ids[0], "an id belongs to one browser")
		}
	})
	t.Run("DV-17", func(t *testing.T) { // markup, length, line ends
		store := watch(memory.New())
		h := newHarness(t, withStore(store))
		for i, code := range []string{
			"<script>alert(1)</script>", strings.Repeat("B", 10<<10), "BCDF-GHJK\r\nSet-Cookie: a=b", "BCDF\x00GHJK", "BCDF-GHJK\u202e", "ＢＣＤＦ-ＧＨＪＫ",
		} {
			p := h.person()
			p.address = fmt.Sprintf("198.51.100.%d:1", i+1)
			require.Zero(t, store.during(func() {
				_, err := p.types(code)
				require.ErrorIs(t, err, authserver.ErrNoRequest)
			}))
		}
		require.NotContains(t, h.log.String(), "script")
		require.NotContains(t, h.log.String(), "BCDF")
	})
	t.Run("DV-18", func(t *testing.T) { // a code that is taken is drawn anew
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			drawn := []string{"BBBB-BBBB", "BBBB-BBBB", "BBBB-BBBB", "CCCC-CCCC"}
			authserver.ReplaceUserCodes(t, func() (string, error) {
				next := drawn[0]
				drawn = drawn[1:]
				return next, nil
			})
			first, second := h.startsDevice(t, "openid"), h.startsDevice(t, "openid profile")
			require.Equal(t, "BBBB-BBBB", first.str("user_code"))
			require.Equal(t, "CCCC-CCCC", second.str("user_code"))
			req, err := h.person().types("BBBB-BBBB")
			require.NoError(t, err)
			require.Len(t, req.Scopes, 1, "the earlier request was replaced")

			authserver.ReplaceUserCodes(t, func() (string, error) { return "BBBB-BBBB", nil })
			a := h.post("/device_authorization", url.Values{"scope": {"openid"}}, as(confidential))
			a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
		})
	})
	t.Run("DV-20", func(t *testing.T) { // many that wait: cheap to find, gone in time
		synctest.Test(t, func(t *testing.T) {
			memory := memory.New()
			store := watch(memory)
			h := newHarness(t, withStore(store))
			var last *answer
			for range 5_000 {
				last = h.startsDevice(t, "openid")
			}
			require.LessOrEqual(t, store.during(func() {
				_, err := h.person().types(last.str("user_code"))
				require.NoError(t, err)
			}), int64(3), "alias, authorization, interaction")
			time.Sleep(10 * time.Minute)
			require.Empty(t, versions(t, store))
			removed, err := memory.Sweep(t.Context(), 20_000)
			require.NoError(t, err)
			require.Equal(t, 10_001, removed)
		})
	})
}

func TestDeviceDecision(t *testing.T) {
	t.Run("DV-14", func(t *testing.T) { // verification_uri_complete decides nothing
		h := newHarness(t)
		h.clients.with(confidential, func(c *oauth.Client) { c.Verified = true })
		start := h.startsDevice(t, "openid")
		require.Equal(t, testIssuer+"/device", start.str("verification_uri"))
		complete, err := url.Parse(start.str("verification_uri_complete"))
		require.NoError(t, err)
		require.Equal(t, start.str("user_code"), complete.Query().Get("user_code"))

		before := versions(t, h.store)
		p := h.person()
		p.address = "198.51.100.1:1"
		req, err := p.types(complete.Query().Get("user_code"))
		require.NoError(t, err)
		require.Len(t, versions(t, h.store), len(before)+1, "the interaction alone")
		require.True(t, req.Device)
		require.Equal(t, start.str("user_code"), req.UserCode)
		require.Equal(t, "Confidential", req.Client.Name)
		require.WithinDuration(t, time.Now(), req.At, time.Minute)
		require.Equal(t, "192.0.2.1", req.From, "where the device asked from")
		h.poll(start.str("device_code")).refused(http.StatusBadRequest, oauth.AuthorizationPending)

		// A consent that was remembered does not stand in for the click.
		h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice, AuthTime: time.Now(), Remember: true})
			agreed, err := h.srv.Consented(r.Context(), req, alice)
			require.NoError(t, err)
			require.True(t, agreed)
		}
		h.code("scope", "openid")
		agreed, err := h.srv.Consented(t.Context(), req, alice)
		require.NoError(t, err)
		require.False(t, agreed)
	})
	t.Run("DV-15", func(t *testing.T) { // from another browser, or one without our cookie
		h := newHarness(t)
		start := h.startsDevice(t, "openid")
		mine, strange := h.person(), h.person()
		req, err := mine.types(start.str("user_code"))
		require.NoError(t, err)
		_, err = strange.types(start.str("user_code"))
		require.NoError(t, err)
		for _, p := range []*person{strange, h.person()} {
			h.untouched(t, func() *answer {
				ok, a := p.approves(req.ID)
				require.False(t, ok)
				return a
			}).page(http.StatusBadRequest)
			h.untouched(t, func() *answer {
				ok, a := p.denies(req.ID)
				require.False(t, ok)
				return a
			}).page(http.StatusBadRequest)
		}
		h.poll(start.str("device_code")).refused(http.StatusBadRequest, oauth.AuthorizationPending)
	})
	t.Run("DV-16", func(t *testing.T) { // approved in one tab, denied in another, at once
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			for range 10 {
				start := h.startsDevice(t, "openid")
				one := h.person()
				yes, err := one.types(start.str("user_code"))
				require.NoError(t, err)
				no, err := one.types(start.str("user_code"))
				require.NoError(t, err)
				two := &person{h: h, address: one.address, cookies: one.cookies}

				var wg sync.WaitGroup
				var approved, denied bool
				wg.Go(func() { approved, _ = one.approves(yes.ID) })
				wg.Go(func() { denied, _ = two.denies(no.ID) })
				wg.Wait()
				require.NotEqual(t, approved, denied, "one of them was too late")
				a := h.poll(start.str("device_code"))
				require.Equal(t, approved, a.Status == http.StatusOK, a.Body)
				if denied {
					a.refused(http.StatusBadRequest, oauth.AccessDenied)
				}
			}
		})
	})
	t.Run("DV-22", func(t *testing.T) { // the login of another end user is not what was confirmed
		h := newHarness(t)
		start := h.startsDevice(t, "openid")
		p := h.person()
		req, err := p.types(start.str("user_code"))
		require.NoError(t, err)
		ok, _ := p.approves(req.ID)
		require.True(t, ok)
		ok, a := p.approves(req.ID)
		require.False(t, ok, "decided twice")
		a.page(http.StatusBadRequest)
		require.Equal(t, alice, claims(t, h.poll(start.str("device_code")).str("id_token"))["sub"])
	})
}

// A code may wait longer than a person may take: what counts for the page is
// when the code was typed.
func TestDeviceLongLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(c *authserver.Config) {
			c.Grants = []grants.Grant{grants.DeviceCode{Lifetime: 30 * time.Minute}}
		})
		start := h.startsDevice(t, "openid")
		require.EqualValues(t, 1800, start.json("expires_in"))
		time.Sleep(25 * time.Minute)
		p := h.person()
		req, err := p.types(start.str("user_code"))
		require.NoError(t, err)
		require.Equal(t, 25*time.Minute, time.Since(req.At).Truncate(time.Second))
		time.Sleep(4 * time.Minute)
		ok, a := p.approves(req.ID)
		require.True(t, ok, a.Body)
		a = h.poll(start.str("device_code"))
		require.Equal(t, http.StatusOK, a.Status, a.Body)
	})
}

package authserver_test

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// atClock runs f in a bubble whose clock is that much past the one moment at
// which every bubble begins. Bubbles one after another that share a store are
// a clock that is set forward or back, or nodes whose clocks differ.
func atClock(t *testing.T, past time.Duration, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(past)
		f(t)
	})
}

// spent is what was used up or ended, and must stay so.
type spent struct {
	code, deviceCode, interaction string
	browser                       *person
	rotated, revoked              *answer
	stateless                     string
}

func (s spent) staysSo(t *testing.T, h *harness) {
	t.Helper()
	h.token(redeem(s.code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
	require.Equal(t, http.StatusBadRequest, h.poll(s.deviceCode).Status)
	h.refresh(s.rotated.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
	h.refresh(s.revoked.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
	for _, token := range []string{
		s.rotated.str("access_token"), s.revoked.str("access_token"), s.revoked.str("refresh_token"),
	} {
		require.False(t, h.active(token))
	}
	h.introspect(service, s.stateless).inactive()
	s.browser.h = h
	ok, a := s.browser.approves(s.interaction)
	require.False(t, ok)
	a.page(http.StatusBadRequest)
}

// spend uses up one of each thing that is good for one use, and revokes one of
// each thing that can be.
func spend(t *testing.T, h *harness) (s spent) {
	t.Helper()
	s.code = h.code()
	require.Equal(t, http.StatusOK, h.token(redeem(s.code)).Status)
	s.deviceCode = h.approved(t, "openid")
	require.Equal(t, http.StatusOK, h.poll(s.deviceCode).Status)
	s.rotated = h.tokens()
	require.Equal(t, http.StatusOK, h.refresh(h.refresh(s.rotated.str("refresh_token")).str("refresh_token")).Status)
	s.revoked = h.tokens()
	h.revoke(confidential, s.revoked.str("refresh_token")).revoked()
	s.stateless = h.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
	h.revoke(service, s.stateless).revoked()

	s.browser = h.person()
	req, err := s.browser.types(h.startsDevice(t, "openid").str("user_code"))
	require.NoError(t, err)
	s.interaction = req.ID
	ok, _ := s.browser.approves(req.ID)
	require.True(t, ok)
	return s
}

func TestClocks(t *testing.T) {
	t.Run("CK-01", func(t *testing.T) { // set forward or back: what is spent stays spent
		for _, jump := range []time.Duration{time.Hour, -time.Hour, 30 * 24 * time.Hour, -30 * 24 * time.Hour} {
			store := memory.New()
			var s spent
			// Machines' tokens are JWTs, which no record holds.
			open := func(t *testing.T) *harness {
				h := newHarness(t, withStore(store))
				h.clients.with(service, func(c *oauth.Client) { c.AccessTokenFormat = oauth.AccessTokenJWT })
				return h
			}
			const start = 31 * 24 * time.Hour
			var h *harness
			atClock(t, start, func(t *testing.T) {
				h = open(t)
				s = spend(t, h)
			})
			atClock(t, start+jump, func(t *testing.T) {
				h.t = t // the same process
				s.staysSo(t, h)
			})
			atClock(t, start+jump, func(t *testing.T) { s.staysSo(t, open(t)) })
			// And set right again, once the window of the last rotation is over.
			atClock(t, start+time.Minute, func(t *testing.T) { s.staysSo(t, open(t)) })
		}
	})
	t.Run("CK-01 swept", func(t *testing.T) { // what expired and was removed does not come back
		store := memory.New()
		var code, userCode string
		var tokens *answer
		atClock(t, 0, func(t *testing.T) {
			h := newHarness(t, withStore(store))
			code, tokens, userCode = h.code(), h.tokens(), h.startsDevice(t, "openid").str("user_code")
		})
		atClock(t, 100*24*time.Hour, func(t *testing.T) {
			h := newHarness(t, withStore(store))
			h.token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			_, err := store.Sweep(t.Context(), 100)
			require.NoError(t, err)
		})
		atClock(t, 0, func(t *testing.T) {
			h := newHarness(t, withStore(store))
			h.token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			h.refresh(tokens.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
			require.False(t, h.active(tokens.str("access_token")))
			_, err := h.person().types(userCode)
			require.ErrorIs(t, err, authserver.ErrNoRequest)
		})
	})
	t.Run("CK-02", func(t *testing.T) { // nodes 30 s apart, each way
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			const noon = 12 * time.Hour
			for _, apart := range []time.Duration{30 * time.Second, -30 * time.Second} {
				store := memory.New()
				open := func(t *testing.T) *harness {
					return newHarness(t, withStore(store), func(c *authserver.Config) { c.AccessTokenFormat = format })
				}
				var code, deviceCode, userCode, machine string
				var tokens *answer
				atClock(t, noon, func(t *testing.T) {
					h := open(t)
					code, tokens = h.code(), h.tokens()
					start := h.startsDevice(t, "openid")
					deviceCode, userCode = start.str("device_code"), start.str("user_code")
					machine = h.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
				})
				var refreshed *answer
				atClock(t, noon+apart, func(t *testing.T) {
					h := open(t)
					require.Equal(t, http.StatusOK, h.userinfo(tokens.str("access_token")).Status)
					require.True(t, h.active(tokens.str("access_token")))
					require.Equal(t, true, h.introspect(service, machine).json("active"))
					require.NotEmpty(t, h.get("/authorize", request("id_token_hint", tokens.str("id_token"))).location().Get("code"))
					refreshed = h.refresh(tokens.str("refresh_token"))
					require.Equal(t, http.StatusOK, refreshed.Status, refreshed.Body)
					redeemed := h.token(redeem(code))
					require.Equal(t, http.StatusOK, redeemed.Status, redeemed.Body)
					p := h.person()
					req, err := p.types(userCode)
					require.NoError(t, err)
					ok, a := p.approves(req.ID)
					require.True(t, ok, a.Body)
				})
				atClock(t, noon, func(t *testing.T) {
					h := open(t)
					require.True(t, h.active(refreshed.str("access_token")))
					require.Equal(t, http.StatusOK, h.refresh(refreshed.str("refresh_token")).Status)
					h.token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
					require.Equal(t, http.StatusOK, h.poll(deviceCode).Status)
				})
				atClock(t, noon+apart, func(t *testing.T) {
					open(t).poll(deviceCode).refused(http.StatusBadRequest, oauth.InvalidGrant)
				})
			}
		}
	})
	t.Run("CK-03", func(t *testing.T) { // a signer's clock ahead: 10 s will do, more than 60 s never
		set, err := testKeys().Keys(t.Context())
		require.NoError(t, err)
		key, _ := set.Signing("ES256")
		now := time.Unix(2_000_000_000, 0)
		verify := func(claims map[string]any, leeway time.Duration) error {
			claims["iss"] = "https://client.example"
			token, err := jose.Sign(key, "test+jwt", claims)
			require.NoError(t, err)
			_, err = jose.Verify(set, token, jose.Verification{
				Types: []string{"test+jwt"}, Issuer: "https://client.example", Now: now, Leeway: leeway,
			})
			return err
		}
		for _, claim := range []string{"iat", "nbf"} {
			ahead := func(seconds int64) map[string]any {
				return map[string]any{claim: now.Unix() + seconds, "exp": now.Unix() + 300}
			}
			require.NoError(t, verify(ahead(10), 0))
			require.ErrorIs(t, verify(ahead(11), 0), jose.ErrNotYet)
			require.NoError(t, verify(ahead(60), time.Hour))
			require.ErrorIs(t, verify(ahead(61), time.Hour), jose.ErrNotYet)
		}
		// Behind, there is no leeway: an end is an end.
		require.NoError(t, verify(map[string]any{"exp": now.Unix() + 1}, time.Hour))
		require.ErrorIs(t, verify(map[string]any{"exp": now.Unix()}, time.Hour), jose.ErrExpired)
	})
	t.Run("CK-04", func(t *testing.T) { // at the very end a token has ended, at every endpoint alike
		for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
			for _, c := range []struct {
				after time.Duration
				lives bool
			}{
				{time.Hour - time.Second, true}, {time.Hour, false}, {time.Hour + time.Second, false},
			} {
				synctest.Test(t, func(t *testing.T) {
					h := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat = format })
					user := h.tokens().str("access_token")
					machine := h.post("/token", url.Values{"grant_type": {"client_credentials"}}, as(service)).str("access_token")
					time.Sleep(c.after)
					require.Equal(t, c.lives, h.active(user))
					require.Equal(t, c.lives, h.introspect(service, machine).json("active"))
					require.Equal(t, c.lives, h.userinfo(user).Status == http.StatusOK)
					for _, token := range []string{user, machine} {
						_, err := h.srv.Introspect(t.Context(), token)
						require.Equal(t, c.lives, err == nil)
					}
				})
			}
		}
		for after, ok := range map[time.Duration]bool{time.Minute - time.Millisecond: true, time.Minute: false} {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				code := h.code()
				time.Sleep(after)
				require.Equal(t, ok, h.token(redeem(code)).Status == http.StatusOK)
			})
		}
		synctest.Test(t, func(t *testing.T) { // a part of a second never lengthens a life
			time.Sleep(999 * time.Millisecond)
			h := newHarness(t, jwtAccess)
			token := h.tokens().str("access_token")
			exp, err := strconv.ParseInt(strconv.FormatFloat(h.verified(t, token)["exp"].(float64), 'f', 0, 64), 10, 64)
			require.NoError(t, err)
			require.EqualValues(t, exp, h.introspect(confidential, token).json("exp"))
			time.Sleep(time.Until(time.Unix(exp, 0)) - time.Millisecond)
			require.True(t, h.active(token))
			time.Sleep(time.Millisecond)
			require.False(t, h.active(token))
			require.Equal(t, http.StatusUnauthorized, h.userinfo(token).Status)
		})
	})
	t.Run("CK-05", func(t *testing.T) { // 2038, far lifetimes: nothing overflows, all is capped
		const century = 100 * 365 * 24 * time.Hour
		for _, past := range []time.Duration{38 * 366 * 24 * time.Hour, 107 * 365 * 24 * time.Hour} { // past 2^31 s, and 2^32 s
			atClock(t, past, func(t *testing.T) {
				h := newHarness(t, jwtAccess, func(c *authserver.Config) {
					c.AccessTokenLifetime, c.IDTokenLifetime = century, century
					c.Grants = []grants.Grant{
						grants.AuthorizationCode{}, grants.RefreshToken{Idle: math.MaxInt64, Absolute: math.MaxInt64},
					}
				})
				tokens := h.tokens()
				require.EqualValues(t, century/time.Second, tokens.json("expires_in"))
				id := h.verified(t, tokens.str("id_token"))
				require.EqualValues(t, time.Now().Add(century).Unix(), id["exp"])
				require.Greater(t, id["iat"], float64(math.MaxInt32))
				require.Equal(t, true, h.introspect(confidential, tokens.str("access_token")).json("active"))
				a := h.introspect(confidential, tokens.str("refresh_token"))
				require.Equal(t, true, a.json("active"))
				require.Greater(t, a.json("exp"), float64(time.Now().Unix()))
				time.Sleep(time.Hour)
				require.Equal(t, http.StatusOK, h.refresh(tokens.str("refresh_token")).Status)
			})
		}
		for name, edit := range map[string]func(*authserver.Config){
			"access":   func(c *authserver.Config) { c.AccessTokenLifetime = century + 1 },
			"id token": func(c *authserver.Config) { c.IDTokenLifetime = math.MaxInt64 },
			"negative": func(c *authserver.Config) { c.AccessTokenLifetime = -1 },
			"code":     func(c *authserver.Config) { c.Grants = []grants.Grant{grants.AuthorizationCode{Lifetime: time.Hour}} },
			"device":   func(c *authserver.Config) { c.Grants = []grants.Grant{grants.DeviceCode{Lifetime: time.Hour}} },
		} {
			cfg := authserver.Config{
				Issuer: testIssuer, Storage: memory.New(), Keys: testKeys(),
				Interact: func(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) {},
			}
			edit(&cfg)
			_, err := authserver.New(cfg)
			require.Error(t, err, name)
		}
	})
	t.Run("CK-06", func(t *testing.T) { // suspended: what counts is the clock on the wall
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			code := h.code()
			start := h.startsDevice(t, "openid")
			p := h.person()
			p.visit(func(w http.ResponseWriter, r *http.Request) {
				_, err := h.srv.SignIn(w, r, authserver.Approval{Subject: alice})
				require.NoError(t, err)
			})
			waiting, err := p.types(start.str("user_code"))
			require.NoError(t, err)
			time.Sleep(10 * time.Minute)
			h.token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			h.poll(start.str("device_code")).refused(http.StatusBadRequest, oauth.ExpiredToken)
			ok, _ := p.approves(waiting.ID)
			require.False(t, ok)
			session := func() (found *authserver.Session) {
				p.visit(func(_ http.ResponseWriter, r *http.Request) {
					found, err = h.srv.Session(r)
					require.NoError(t, err)
				})
				return found
			}
			require.NotNil(t, session())
			time.Sleep(time.Hour)
			require.Nil(t, session())
		})
		// A stored end has no monotonic reading, which would stand still while
		// the machine sleeps, and be compared all the same.
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := newHarness(t, withStore(store))
			h.tokens()
			p := h.person()
			p.visit(func(w http.ResponseWriter, r *http.Request) {
				_, err := h.srv.SignIn(w, r, authserver.Approval{Subject: alice})
				require.NoError(t, err)
			})
			_, err := p.types(h.startsDevice(t, "openid").str("user_code"))
			require.NoError(t, err)
			for _, kind := range []storage.Kind{
				storage.KindGrant, storage.KindAlias, storage.KindInteraction, storage.KindSession,
			} {
				page, err := store.List(t.Context(), storage.Query{Kind: kind})
				require.NoError(t, err)
				require.NotEmpty(t, page.Records)
				for _, rec := range page.Records {
					require.NotContains(t, rec.ExpiresAt.String(), "m=", kind)
				}
			}
		})
	})
}

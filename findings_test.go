package authserver_test

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// Each test here is named after a fault of the engine underneath, by its
// number in the list that docs/engine.md keeps. Each fails on the engine alone.

func TestF01_WrongVerifierDoesNotUnlockTheCode(t *testing.T) {
	h := newHarness(t)
	for _, client := range []string{confidential, spa} {
		code := h.codeOf(client)
		h.tokenOf(client, redeem(code, "code_verifier", strings.Repeat("x", 43))).refused(400, oauth.InvalidGrant)
		h.tokenOf(client, redeem(code, "code_verifier", "")).refused(400, oauth.InvalidGrant)
		require.Equal(t, 200, h.tokenOf(client, redeem(code)).Status, "the right verifier still redeems it")
	}
}

// hostSecret is a fresh one.
func hostSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}

// codeOf is a code of either client; redeem's redirect URI is the same.
func (h *harness) codeOf(client string) string {
	h.t.Helper()
	if client == spa {
		page := *h.clients[spa]
		page.RedirectURIs = []string{redirect}
		h.clients[spa] = &page
	}
	return h.code("client_id", client)
}

// tokenOf sends a token request as a client, public or confidential.
func (h *harness) tokenOf(client string, form url.Values) *answer {
	h.t.Helper()
	if h.clients[client].Public() {
		form.Set("client_id", client)
		return h.post("/token", form)
	}
	return h.post("/token", form, basic(client, secret))
}

// slowReads gives every Get of a store a turn to everybody else.
type slowReads struct{ storage.Storage }

func (s slowReads) Get(ctx context.Context, kind storage.Kind, key string) (storage.Record, error) {
	rec, err := s.Storage.Get(ctx, kind, key)
	time.Sleep(5 * time.Millisecond) // in a synctest bubble: the reads of all meet
	return rec, err
}

// together runs n requests at once and returns their statuses.
func together(n int, send func() *answer) map[int]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	statuses := map[int]int{}
	for range n {
		all.Go(func() {
			a := send()
			mu.Lock()
			defer mu.Unlock()
			statuses[a.Status]++
		})
	}
	all.Wait()
	return statuses
}

func TestF02_OneOfManyRedemptionsWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, withStore(slowReads{memory.New()}))
		code := h.code()
		require.Equal(t, map[int]int{200: 1, 400: 15}, together(16, func() *answer { return h.token(redeem(code)) }))
	})
}

func TestF03_ReplayByAnotherClientHarmsNobody(t *testing.T) {
	h := newHarness(t)
	code := h.code()
	tokens := h.token(redeem(code))
	h.post("/token", redeem(code), basic(other, secret)).refused(400, oauth.InvalidGrant)
	require.True(t, h.active(tokens.str("access_token")))
}

func TestF04_NoCodeIsStored(t *testing.T) {
	h := newHarness(t)
	code := h.code()
	require.NotContains(t, dump(t, h.store), code)
}

// dump is everything a store holds, as text.
func dump(t testing.TB, store storage.Storage) string {
	t.Helper()
	var b strings.Builder
	for _, kind := range []storage.Kind{
		storage.KindGrant, storage.KindClient, storage.KindAlias, storage.KindInteraction, storage.KindReplay,
		storage.KindSession, storage.KindConsent, storage.KindKey, storage.KindUser,
	} {
		page, err := store.List(t.Context(), storage.Query{Kind: kind, Limit: 1000})
		require.NoError(t, err)
		for _, rec := range page.Records {
			fmt.Fprintln(&b, rec.Kind, rec.Key, rec.ClientID, rec.Subject, rec.SessionID, string(rec.Data))
		}
	}
	return b.String()
}

func TestF05_ChallengeIsJudgedBeforeTheEndUserIsTroubled(t *testing.T) {
	h := newHarness(t)
	h.interact = func(http.ResponseWriter, *http.Request, *authserver.AuthorizationRequest) {
		t.Error("an end user was troubled for a request that cannot succeed")
	}
	for _, bad := range [][]string{
		{"code_challenge", "", "code_challenge_method", ""},
		{"code_challenge", strings.Repeat("a", 42)},
		{"code_challenge", strings.Repeat("a", 42) + "="},
		{"code_challenge_method", "plain"},
	} {
		h.get("/authorize", request(bad...)).redirectedError(oauth.InvalidRequest)
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		code := h.code()
		time.Sleep(61 * time.Second)
		h.token(redeem(code)).refused(400, oauth.InvalidGrant)
	})
}

func TestF06_EffectiveRedirectURICounts(t *testing.T) {
	h := newHarness(t)
	code := h.code()
	h.token(redeem(code, "redirect_uri", "")).refused(400, oauth.InvalidGrant)
	h.token(redeem(code, "redirect_uri", redirect+"/")).refused(400, oauth.InvalidGrant)
	require.Equal(t, 200, h.token(redeem(code)).Status)
}

func TestF07_RefreshNarrowsAndNeverWidens(t *testing.T) {
	h := newHarness(t)
	tokens := h.tokens("scope", "read write offline_access")
	narrow := h.refresh(tokens.str("refresh_token"), "scope", "read")
	require.Equal(t, "read", narrow.str("scope"))
	h.refresh(narrow.str("refresh_token"), "scope", "read profile").refused(400, oauth.InvalidScope)
	h.refresh(narrow.str("refresh_token"), "scope", "nonsense").refused(400, oauth.InvalidScope)
	whole := h.refresh(narrow.str("refresh_token"))
	require.Equal(t, "read write offline_access", whole.str("scope"), "the authorization keeps all of its scopes")
}

func TestF08_RotationIsAPolicy(t *testing.T) {
	h := newHarness(t)
	keep := *h.clients[confidential]
	keep.Refresh = oauth.RefreshKeep
	h.clients[confidential] = &keep
	tokens := h.tokens()
	require.Equal(t, tokens.str("refresh_token"), h.refresh(tokens.str("refresh_token")).str("refresh_token"))

	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, withStore(slowReads{memory.New()}))
		token := h.tokens().str("refresh_token")
		var mu sync.Mutex
		successors := map[string]bool{}
		together(16, func() *answer {
			a := h.refresh(token)
			mu.Lock()
			defer mu.Unlock()
			successors[a.str("refresh_token")] = true
			return a
		})
		require.Len(t, successors, 1, "one token has one successor, however many ask at once")
	})
}

func TestF09_TheWindowNeitherForksNorExtendsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		first := h.tokens().str("refresh_token")
		second := h.refresh(first).str("refresh_token")
		for range 3 {
			time.Sleep(9 * time.Second)
			require.Equal(t, second, h.refresh(first).str("refresh_token"))
		}
		time.Sleep(9 * time.Second)
		h.refresh(first).refused(400, oauth.InvalidGrant)
		h.refresh(second).refused(400, oauth.InvalidGrant)
	})
}

func TestF10_OnlyTheOwnersReuseRevokes(t *testing.T) {
	h := newHarness(t, func(c *authserver.Config) {
		c.Grants = []grants.Grant{grants.AuthorizationCode{}, grants.RefreshToken{ReplayWindow: -1}}
	})
	first := h.tokens().str("refresh_token")
	second := h.refresh(first).str("refresh_token")
	h.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}}, basic(other, secret)).
		refused(400, oauth.InvalidGrant)
	h.refresh(first[:len(first)-2]+"xx").refused(400, oauth.InvalidGrant)
	require.True(t, h.active(second), "neither a stranger nor a forgery ends an authorization")
	h.refresh(first).refused(400, oauth.InvalidGrant)
	require.False(t, h.active(second))
}

func TestF11_RefreshingEndsAtLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		token := h.tokens().str("refresh_token")
		for range 8 {
			time.Sleep(11 * 24 * time.Hour)
			a := h.refresh(token)
			require.Equal(t, 200, a.Status, a.Body)
			token = a.str("refresh_token")
		}
		time.Sleep(3 * 24 * time.Hour)
		h.refresh(token).refused(400, oauth.InvalidGrant)
	})
}

func TestF12_RefreshAsksForTheSubjectAgain(t *testing.T) {
	h := newHarness(t)
	tokens := h.tokens()
	h.gone[alice] = true
	h.refresh(tokens.str("refresh_token")).refused(400, oauth.InvalidGrant)
}

func TestF13_RequestObjectsAreRefusedAndNeverIgnored(t *testing.T) {
	h := newHarness(t)
	h.get("/authorize", request("request", "eyJhbGciOiJub25lIn0.e30.")).redirectedError(oauth.RequestNotSupported)
	h.get("/authorize", request("request", "eyJhbGciOiJub25lIn0.e30.", "scope", "read")).redirectedError(oauth.RequestNotSupported)
}

func TestF14_PushedRequestsAreRefused(t *testing.T) {
	h := newHarness(t)
	h.get("/authorize", request("request_uri", "urn:ietf:params:oauth:request_uri:abc")).redirectedError(oauth.RequestURINotSupported)
	require.Equal(t, 404, h.post("/par", request(), basic(confidential, secret)).Status)
}

func TestF15_ARequestSurvivesTheWayThroughThePages(t *testing.T) {
	h := newHarness(t)
	id, cookies := h.wait(request())
	for range 2 {
		req, err := h.srv.AuthorizationRequest(h.later(cookies), id)
		require.NoError(t, err, "a page that is loaded again finds its request")
		require.Equal(t, confidential, req.Client.ID)
	}
	require.NotEmpty(t, h.approveLater(cookies, id, alice).location().Get("code"))
}

func TestF16_LoopbackKeepsItsScheme(t *testing.T) {
	h := newHarness(t)
	native := *h.clients[public]
	native.RedirectURIs = []string{"https://127.0.0.1/cb"}
	h.clients[public] = &native
	h.get("/authorize", request("client_id", public, "redirect_uri", "http://127.0.0.1:9999/cb")).page(400)
}

func TestF17_ErrorsGoWhereTheResponseTypeSays(t *testing.T) {
	h := newHarness(t)
	h.get("/authorize", request("client_id", "nobody")).page(400)
	a := h.get("/authorize", request("response_type", "id_token token", "scope", "nonsense"))
	require.Contains(t, a.Header.Get("Location"), "#", "an implicit request is answered in the fragment")
	a.redirectedError(oauth.InvalidScope)
	h.get("/authorize", request("response_mode", "nonsense")).redirectedError(oauth.InvalidRequest)
}

func TestF18_DuplicatesAreRefused(t *testing.T) {
	h := newHarness(t)
	q := request()
	q.Add("scope", "openid")
	h.get("/authorize", q).redirectedError(oauth.InvalidRequest)
	form := redeem(h.code())
	form.Add("code", "another")
	h.token(form).refused(400, oauth.InvalidRequest)
}

func TestF19_MaxAgeZeroAndHintsCount(t *testing.T) {
	h := newHarness(t)
	h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
		h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice, AuthTime: time.Now().Add(-time.Minute)})
	}
	h.get("/authorize", request("max_age", "0")).redirectedError(oauth.LoginRequired)
	h.get("/authorize", request("max_age", "soon")).redirectedError(oauth.InvalidRequest)
	h.get("/authorize", request("prompt", "none login")).redirectedError(oauth.InvalidRequest)

	access := h.jwtAccessToken()
	h.get("/authorize", request("id_token_hint", access)).redirectedError(oauth.InvalidRequest)
	mine := h.tokens().str("id_token")
	require.NotEmpty(t, h.get("/authorize", request("id_token_hint", mine)).location().Get("code"))
	q := request("client_id", other, "redirect_uri", "https://other.example/cb", "id_token_hint", mine)
	h.get("/authorize", q).redirectedError(oauth.InvalidRequest)
}

// jwtAccessToken is one for alice, signed by this server.
func (h *harness) jwtAccessToken() string {
	h.t.Helper()
	jwt := *h.clients[confidential]
	jwt.AccessTokenFormat = oauth.AccessTokenJWT
	h.clients[confidential] = &jwt
	defer func() {
		opaque := jwt
		opaque.AccessTokenFormat = oauth.AccessTokenDefault
		h.clients[confidential] = &opaque
	}()
	return h.tokens().str("access_token")
}

func TestF20_CaseIsNotFolded(t *testing.T) {
	h := newHarness(t)
	h.get("/authorize", request("scope", "OPENID")).redirectedError(oauth.InvalidScope)
	h.get("/authorize", request("response_type", "CODE")).redirectedError(oauth.UnsupportedResponseType)
}

func TestF21_FormPostKeepsPrivateSchemes(t *testing.T) {
	h := newHarness(t)
	a := h.get("/authorize", request("client_id", public, "redirect_uri", "com.app:/cb", "response_mode", "form_post"))
	require.Equal(t, 200, a.Status)
	require.Contains(t, a.Body, `action="com.app:/cb"`)
	require.NotContains(t, a.Header.Get("Content-Security-Policy"), "unsafe-inline")
	require.Equal(t, "no-referrer", a.Header.Get("Referrer-Policy"))
}

func TestF22_RedirectURIIsKeptAsRegistered(t *testing.T) {
	h := newHarness(t)
	odd := "https://good.example/a%7Eb/c?x=%e2%82%ac"
	c := *h.clients[confidential]
	c.RedirectURIs = []string{odd}
	h.clients[confidential] = &c
	a := h.get("/authorize", request("redirect_uri", odd))
	require.Equal(t, 303, a.Status, a.Body)
	require.True(t, strings.HasPrefix(a.Header.Get("Location"), odd+"&"), a.Header.Get("Location"))
}

func TestF23_ScopesAndResourcesAreExact(t *testing.T) {
	h := newHarness(t)
	c := *h.clients[confidential]
	c.Scopes = []string{"openid", "read*", "offline_access"}
	h.clients[confidential] = &c
	h.get("/authorize", request("scope", "read")).redirectedError(oauth.InvalidScope)
	h.get("/authorize", request("scope", "openid", "resource", "https://api.example/v1")).redirectedError(oauth.InvalidTarget)
}

func TestF24_UnknownGrantTypeIsNamedAndCostsNothing(t *testing.T) {
	h := newHarness(t)
	h.post("/token", url.Values{"grant_type": {"urn:nothing"}}, basic(confidential, "wrong")).
		refused(400, oauth.UnsupportedGrantType)
}

func TestF25_ClientAssertionsAreRefusedProperly(t *testing.T) {
	h := newHarness(t)
	a := h.post("/token", redeem(h.code(),
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", "a.b.c"))
	require.Contains(t, []int{400, 401}, a.Status, a.Body)
}

func TestF26_EveryRefusalIsRegistered(t *testing.T) {
	h := newHarness(t)
	a := h.post("/token", redeem("x"), basic(confidential, "wrong"))
	a.refused(401, oauth.InvalidClient)
	require.Contains(t, a.Header.Get("WWW-Authenticate"), "Basic ")
	short := h.get("/authorize", request("state", "x", "nonce", "y")).location()
	require.NotEmpty(t, short.Get("code"), "a short state or nonce is nobody's business")
	require.Equal(t, "x", short.Get("state"))
	none := h.get("/authorize", request("state", "")).location()
	require.NotEmpty(t, none.Get("code"))
	require.False(t, none.Has("state"))
}

// brokenStore fails every write.
type brokenStore struct{ storage.Storage }

var errBroken = errors.New("disk on fire")

func (brokenStore) Replace(context.Context, storage.Record) (storage.Record, error) {
	return storage.Record{}, errBroken
}

func TestF27_RevocationNeverLies(t *testing.T) {
	store := memory.New()
	h := newHarness(t, withStore(store))
	token := h.tokens().str("refresh_token")
	broken := newHarness(t, withStore(brokenStore{store}))
	a := broken.post("/revoke", url.Values{"token": {token}}, basic(confidential, secret))
	a.refused(503, oauth.TemporarilyUnavailable)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	require.NotContains(t, a.Body, errBroken.Error())
	require.Contains(t, broken.log.String(), errBroken.Error())
	b := h.post("/revoke", url.Values{"token": {token}}, basic(other, secret))
	require.Equal(t, 200, b.Status)
	require.True(t, h.active(token), "another client's token is let be")
}

func TestF28_InputIsBounded(t *testing.T) {
	h := newHarness(t)
	h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {strings.Repeat(".", 1<<20)}}).
		refused(413, oauth.InvalidRequest)
	h.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {strings.Repeat(".", 60<<10)}}).
		refused(400, oauth.InvalidGrant)
	multipart := func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") }
	h.post("/token", redeem("x"), basic(confidential, secret), multipart).refused(415, oauth.InvalidRequest)
}

func TestF29_RefusalsShareNothing(t *testing.T) {
	h := newHarness(t)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			h.token(redeem("nonsense")).refused(400, oauth.InvalidGrant)
			h.get("/authorize", request("scope", "nonsense")).redirectedError(oauth.InvalidScope)
		})
	}
	all.Wait()
}

func TestF30_DescriptionsAreOurOwn(t *testing.T) {
	h := newHarness(t)
	for _, a := range []*answer{
		h.token(redeem("x\"\\é<script>")), h.token(redeem(h.code(), "redirect_uri", "https://evil.example/\u202e")),
	} {
		a.refused(400, oauth.InvalidGrant)
		require.NotContains(t, a.Body, "<script")
		require.NotContains(t, a.Body, "evil")
		require.Contains(t, a.str("error_description"), "Reference: ")
	}
}

func TestF31_MadeSecretsNeedNoSlowHash(t *testing.T) {
	h := newHarness(t)
	started := time.Now()
	for range 100 {
		a := h.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}, basic(service, secret))
		require.Equal(t, 200, a.Status)
	}
	require.Less(t, time.Since(started), 10*time.Second, "a hundred slow hashes take longer")
}

func TestF32_OneWayToAuthenticate(t *testing.T) {
	h := newHarness(t)
	form := redeem(h.code(), "client_id", confidential, "client_secret", secret)
	h.token(form).refused(400, oauth.InvalidRequest)
	mixed := h.post("/token", redeem("x", "client_id", other), basic(confidential, secret))
	require.Contains(t, []int{400, 401}, mixed.Status)
	r := func(r *http.Request) { r.URL.RawQuery = "client_secret=" + secret }
	h.post("/token", redeem("x", "client_id", confidential), r).refused(400, oauth.InvalidRequest)
}

func TestF36_NothingIsFetched(t *testing.T) {
	h := newHarness(t)
	h.get("/authorize", request("request_uri", "http://127.0.0.1:1/object")).redirectedError(oauth.RequestURINotSupported)
}

func TestF38_KeysCanRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		ring, err := keys.Managed(store, hostSecret(), keys.ManagedOptions{
			Algorithms: []string{keys.ES256, keys.EdDSA},
		})
		require.NoError(t, err)
		h := newHarness(t, withStore(store), func(c *authserver.Config) { c.Keys = ring })
		tokens := h.tokens()
		require.NoError(t, ring.Rotate(t.Context()))
		fresh := h.tokens()
		require.NotEqual(t, header(t, tokens.str("id_token"))["kid"], header(t, fresh.str("id_token"))["kid"])
		hinted := h.get("/authorize", request("id_token_hint", tokens.str("id_token"))).location()
		require.NotEmpty(t, hinted.Get("code"), "a token of the key before is still known")
		require.Equal(t, 200, h.refresh(tokens.str("refresh_token")).Status)
	})
}

func TestF39_AnIDTokenIsNoAccessToken(t *testing.T) {
	h := newHarness(t)
	id := h.tokens().str("id_token")
	require.False(t, h.active(id))
	require.Equal(t, 401, h.get("/userinfo", nil, bearer(id)).Status)
}

func TestF40_HashesFollowTheAlgorithm(t *testing.T) {
	h := newHarness(t)
	for alg, half := range map[string]func(string) string{
		keys.EdDSA: func(s string) string {
			sum := sha512.Sum512([]byte(s))
			return base64.RawURLEncoding.EncodeToString(sum[:32])
		},
		keys.ES256: func(s string) string { return jose.HalfHash(keys.ES256, s) },
		keys.RS256: func(s string) string { return jose.HalfHash(keys.RS256, s) },
	} {
		c := *h.clients[confidential]
		c.IDTokenSignedResponseAlg = alg
		h.clients[confidential] = &c
		v := h.get("/authorize", request("response_type", "code id_token token")).location()
		id := claims(t, v.Get("id_token"))
		require.Equal(t, alg, header(t, v.Get("id_token"))["alg"])
		require.Equal(t, half(v.Get("code")), id["c_hash"], alg)
		require.Equal(t, half(v.Get("access_token")), id["at_hash"], alg)
		require.Equal(t, half("the-state"), id["s_hash"], alg)
	}
}

func TestF41_IDTokensSayOnlyWhatIsKnown(t *testing.T) {
	h := newHarness(t)
	h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
		h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: alice})
	}
	id := claims(t, h.tokens().str("id_token"))
	require.Equal(t, confidential, id["aud"], "one audience is a string")
	require.Equal(t, confidential, id["azp"])
	for _, invented := range []string{"auth_time", "acr", "amr", "rat", "sid"} {
		require.NotContains(t, id, invented)
	}
}

func TestF42_EachTokenHasItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		first := h.tokens()
		time.Sleep(10 * time.Minute)
		second := h.refresh(first.str("refresh_token"))
		was, is := claims(t, first.str("id_token")), claims(t, second.str("id_token"))
		require.InDelta(t, was["iat"].(float64)+600, is["iat"], 1)
		require.Equal(t, was["auth_time"], is["auth_time"])
	})
}

func TestF43_TokensNeedTheWholeKey(t *testing.T) {
	h := newHarness(t)
	code := h.code()
	otherKeys, err := keys.Static(hostSecret(), mustSigners(t)...)
	require.NoError(t, err)
	stranger := newHarness(t, withStore(h.store), func(c *authserver.Config) { c.Keys = otherKeys })
	stranger.token(redeem(code)).refused(400, oauth.InvalidGrant)
	require.Equal(t, 200, h.token(redeem(code)).Status)
}

func TestF45_NumbersOfTheHostKeepTheirDigits(t *testing.T) {
	h := newHarness(t, func(c *authserver.Config) {
		c.Claims = func(context.Context, string, []string) (map[string]json.RawMessage, error) {
			return map[string]json.RawMessage{"updated_at": json.RawMessage(`9007199254740993`)}, nil
		}
	})
	a := h.get("/userinfo", nil, bearer(h.tokens("scope", "openid profile").str("access_token")))
	require.Contains(t, a.Body, "9007199254740993")
}

func TestF46_NothingIsSharedBetweenRequests(t *testing.T) {
	h := newHarness(t)
	token := h.tokens().str("refresh_token")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() { h.refresh(token) })
		all.Go(func() { h.active(token) })
	}
	all.Wait()
}

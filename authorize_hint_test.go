package authserver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
)

// forger makes what looks like an ID token of the server.
type forger struct {
	t   *testing.T
	key keys.Key
}

func newForger(t *testing.T) forger {
	t.Helper()
	set, err := testKeys().Keys(t.Context())
	require.NoError(t, err)
	key, ok := set.Signing("ES256")
	require.True(t, ok)
	return forger{t, key}
}

// idClaims are those of a good ID token, changed.
func (forger) idClaims(changes map[string]any) map[string]any {
	now := time.Now().Unix()
	all := map[string]any{"iss": testIssuer, "sub": alice, "aud": confidential, "iat": now, "exp": now + 60}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// sign signs the claims of an ID token with the server's own key.
func (f forger) sign(typ string, changes map[string]any) string {
	f.t.Helper()
	token, err := jose.Sign(f.key, typ, f.idClaims(changes))
	require.NoError(f.t, err)
	return token
}

// with replaces the header of a good token and signs what results.
func (f forger) with(header string, sign func(input string) []byte) string {
	f.t.Helper()
	header = strings.ReplaceAll(header, "KID", f.key.ID)
	_, payload, _ := strings.Cut(f.sign("JWT", nil), ".")
	payload, _, _ = strings.Cut(payload, ".")
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + payload
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

// foreign signs with another key under the name of the server's.
func (f forger) foreign() string {
	f.t.Helper()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f.t, err)
	forged := f
	forged.key.Signer = other
	return forged.sign("JWT", nil)
}

// byPublicKey signs with HMAC, the server's public key as the secret.
func (f forger) byPublicKey(input string) []byte {
	der, err := x509.MarshalPKIXPublicKey(f.key.Public)
	require.NoError(f.t, err)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

func unsigned(string) []byte { return nil }

// swapPayload is a token with the payload of another and its own signature.
func swapPayload(token, other string) string {
	own, from := strings.Split(token, "."), strings.Split(other, ".")
	return own[0] + "." + from[1] + "." + own[2]
}

func TestAuthorizeForgedHints(t *testing.T) {
	t.Run("AZ-35", func(t *testing.T) {
		h, f := newHarness(t), newForger(t)
		h.clients.with(spa, func(c *oauth.Client) { c.AccessTokenFormat = oauth.AccessTokenJWT })
		page := []string{"client_id", spa, "redirect_uri", "https://spa.example/cb"}
		ofPage := h.post("/token", redeem(h.code(page...), page...))
		require.Equal(t, http.StatusOK, ofPage.Status, ofPage.Body)
		own := h.tokens()
		day := int64(24 * time.Hour / time.Second)

		for name, hint := range map[string]string{
			"not a JWT":                 "hint",
			"two parts":                 "e30.e30",
			"other key":                 f.foreign(),
			"other payload":             swapPayload(own.str("id_token"), f.sign("JWT", map[string]any{"sub": "bob"})),
			"alg none":                  f.with(`{"alg":"none","typ":"JWT","kid":"KID"}`, unsigned),
			"alg None":                  f.with(`{"alg":"None","typ":"JWT","kid":"KID"}`, unsigned),
			"alg nOnE with a signature": f.with(`{"alg":"nOnE","typ":"JWT","kid":"KID"}`, f.byPublicKey),
			"alg empty":                 f.with(`{"alg":"","typ":"JWT","kid":"KID"}`, f.byPublicKey),
			"HS256 by the public key":   f.with(`{"alg":"HS256","typ":"JWT","kid":"KID"}`, f.byPublicKey),
			"ES256 with a MAC":          f.with(`{"alg":"ES256","typ":"JWT","kid":"KID"}`, f.byPublicKey),
			"unknown kid":               f.with(`{"alg":"ES256","typ":"JWT","kid":"unknown"}`, f.byPublicKey),
			"critical extension":        f.with(`{"alg":"ES256","typ":"JWT","kid":"KID","crit":["x"],"x":1}`, f.byPublicKey),
			"no typ":                    f.with(`{"alg":"ES256","kid":"KID"}`, f.byPublicKey),
			"other issuer":              f.sign("JWT", map[string]any{"iss": "https://evil.example"}),
			"issuer with a slash":       f.sign("JWT", map[string]any{"iss": testIssuer + "/"}),
			"no issuer":                 f.sign("JWT", map[string]any{"iss": nil}),
			"other client's audience":   f.sign("JWT", map[string]any{"aud": other}),
			"no audience":               f.sign("JWT", map[string]any{"aud": nil}),
			"given to another client":   ofPage.str("id_token"),
			"opaque access token":       own.str("access_token"),
			"refresh token":             own.str("refresh_token"),
			"another's JWT access":      ofPage.str("access_token"),
			"JWT access token":          f.sign("at+jwt", map[string]any{"client_id": confidential}),
			"logout token":              f.sign("logout+jwt", nil),
			"expired beyond the limit":  f.sign("JWT", map[string]any{"exp": time.Now().Unix() - 91*day}),
			"never expires":             f.sign("JWT", map[string]any{"exp": nil}),
			"expiry is a text":          f.sign("JWT", map[string]any{"exp": "tomorrow"}),
			"issued tomorrow":           f.sign("JWT", map[string]any{"iat": time.Now().Unix() + day}),
		} {
			t.Run(name, func(t *testing.T) {
				h.t = t
				require.NotEmpty(t, hint)
				h.sendsBack(oauth.InvalidRequest, request("id_token_hint", hint))
				h.sendsBack(oauth.InvalidRequest, request("id_token_hint", hint, "prompt", "none"))
			})
		}
		h.t = t
		for _, hint := range []string{
			own.str("id_token"), f.sign("JWT", nil), f.sign("JWT", map[string]any{"exp": time.Now().Unix() - 89*day}),
			f.sign("JWT", map[string]any{"aud": []string{other, confidential}}),
		} {
			require.NotEmpty(t, h.code("id_token_hint", hint, "prompt", "none"))
		}
	})
}

// A hint says who must be there; it is nobody's login.
func TestAuthorizeHintOfAnother(t *testing.T) {
	t.Run("AZ-36", func(t *testing.T) {
		h, f := newHarness(t), newForger(t)
		bob := f.sign("JWT", map[string]any{"sub": "bob"})
		// The host approves at once for alice.
		h.sendsBack(oauth.LoginRequired, request("id_token_hint", bob, "prompt", "none"))
		h.sendsBack(oauth.LoginRequired, request("id_token_hint", bob))

		v := h.visitor()
		h.rejects(func() *answer { return v.authorize("id_token_hint", f.sign("JWT", nil), "prompt", "none") }).redirectedError(oauth.LoginRequired)
		v.signIn(time.Now(), "")
		h.rejects(func() *answer { return v.authorize("id_token_hint", bob, "prompt", "none") }).redirectedError(oauth.LoginRequired)
		v.shows(v.authorize("id_token_hint", bob))
		h.rejects(v.approve).redirectedError(oauth.LoginRequired)
		require.Equal(t, alice, v.idToken(v.authorize("id_token_hint", f.sign("JWT", nil), "prompt", "none"))["sub"])
		// Two that name different people agree on nobody.
		h.sendsBack(oauth.LoginRequired, request("id_token_hint", bob, "claims", `{"id_token":{"sub":{"value":"`+alice+`"}}}`))
	})
	t.Run("AZ-36 pairwise", func(t *testing.T) {
		h, f := newHarness(t), newForger(t)
		h.clients.with(confidential, func(c *oauth.Client) { c.SubjectType = oauth.SubjectPairwise })
		hint := h.tokens().str("id_token")
		require.NotEqual(t, alice, claims(t, hint)["sub"])
		require.NotEmpty(t, h.code("id_token_hint", hint, "prompt", "none"))
		h.sendsBack(oauth.LoginRequired, request("id_token_hint", f.sign("JWT", nil), "prompt", "none"))
		h.interact = func(w http.ResponseWriter, r *http.Request, req *authserver.AuthorizationRequest) {
			h.srv.Approve(w, r, req.ID, authserver.Approval{Subject: "bob", AuthTime: time.Now()})
		}
		h.sendsBack(oauth.LoginRequired, request("id_token_hint", hint))
	})
}

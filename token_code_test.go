package authserver_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// sub runs a sub-test that h reports to.
func (h *harness) sub(name string, test func(t *testing.T)) {
	parent := h.t.(*testing.T)
	parent.Run(name, func(t *testing.T) {
		h.t = t
		defer func() { h.t = parent }()
		test(t)
	})
}

// records are all that is stored, as text that changes with every write.
func (h *harness) records(kinds ...storage.Kind) map[string]string {
	h.t.Helper()
	if len(kinds) == 0 {
		kinds = []storage.Kind{
			storage.KindGrant, storage.KindClient, storage.KindAlias, storage.KindInteraction, storage.KindSession,
			storage.KindConsent, storage.KindReplay, storage.KindKey, storage.KindUser,
		}
	}
	all := map[string]string{}
	for _, kind := range kinds {
		q := storage.Query{Kind: kind, Limit: 1000}
		for {
			page, err := h.store.List(h.t.Context(), q)
			require.NoError(h.t, err)
			for _, rec := range page.Records {
				all[string(kind)+" "+rec.Key] = rec.ExpiresAt.String() + string(rec.Data)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
	}
	return all
}

// unharmed makes a request that must be refused, and holds it against what
// goes for every refusal: nothing is given, stored or broken, and one event
// tells of it.
func (h *harness) unharmed(ask func() *answer) *answer {
	h.t.Helper()
	before, events := h.records(), len(h.seen())
	a := ask()
	require.GreaterOrEqual(h.t, a.Status, 400, a.Body)
	require.Less(h.t, a.Status, 500, a.Body)
	require.Less(h.t, len(a.Body), 64<<10)
	for _, member := range []string{"access_token", "refresh_token", "id_token", "code"} {
		require.Nil(h.t, a.json(member), a.Body)
	}
	require.Equal(h.t, before, h.records(), "a refusal stores nothing")
	require.Len(h.t, h.seen(), events+1, "one event for each request")
	return a
}

// badGrant is unharmed with invalid_grant.
func (h *harness) badGrant(ask func() *answer) {
	h.t.Helper()
	h.unharmed(ask).refused(http.StatusBadRequest, oauth.InvalidGrant)
}

// edited runs a test while a client is registered otherwise.
func (h *harness) edited(id string, edit func(c *oauth.Client), test func()) {
	h.t.Helper()
	old := h.clients[id]
	c := *old
	edit(&c)
	h.clients[id] = &c
	defer func() { h.clients[id] = old }()
	test()
}

// A party is a client with where its codes go and how it asks for tokens.
type party struct {
	id, redirect string
	public       bool
}

var (
	partyConfidential = party{confidential, redirect, false}
	partyOther        = party{other, "https://other.example/cb", false}
	partyNative       = party{public, "http://127.0.0.1:5123/cb", true}
	partySPA          = party{spa, "https://spa.example/cb", true}
)

// codeFor walks to a code of that party.
func (h *harness) codeFor(p party, pairs ...string) string {
	h.t.Helper()
	return h.code(append([]string{"client_id", p.id, "redirect_uri", p.redirect}, pairs...)...)
}

// tokenAs sends a token request as that party.
func (h *harness) tokenAs(p party, form url.Values) *answer {
	h.t.Helper()
	form = maps.Clone(form)
	if p.public {
		form.Set("client_id", p.id)
		return h.post("/token", form)
	}
	return h.post("/token", form, basic(p.id, secret))
}

// garbled are texts that were made from a token and are none.
func garbled(token string) map[string]string {
	flip := func(i int) string {
		b := []byte(token)
		b[i] ^= 1
		return string(b)
	}
	return map[string]string{
		"garbage": "garbage", "one byte": "x", "truncated": token[:len(token)-1], "half": token[:len(token)/2],
		"extended": token + "A", "twice": token + token, "padded": token + "=", "spaces around": " " + token + " ",
		"first bit": flip(0), "kind": flip(4), "last bit": flip(len(token) - 1), "middle bit": flip(len(token) / 2),
		"other case": strings.ToUpper(token), "60 KiB": strings.Repeat("A", 60<<10),
		"quote": token + "'", "or": "' OR 1=1 --", "wildcard": token[:8] + "%", "escape": `\u0061` + token[1:],
		"full width": "ａｓ" + token[2:],
	}
}

func TestCodeRefusals(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))

		// Garbage, truncated, extended, bit-flipped; 1 MiB is past the limit of a body.
		h.sub("CG-01", func(t *testing.T) {
			code := h.code()
			for _, text := range garbled(code) {
				h.badGrant(func() *answer { return h.token(redeem(text)) })
			}
			h.unharmed(func() *answer { return h.token(redeem(strings.Repeat("A", 1<<20))) }).
				refused(http.StatusRequestEntityTooLarge, oauth.InvalidRequest)
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status, "the code itself is still good")
		})

		// SQL wildcards, quotes and escapes are characters like any other.
		h.sub("CG-19", func(t *testing.T) {
			code := h.code()
			for _, text := range []string{
				"%", "_", "'", `"`, `\`, "' OR '1'='1", "'; DROP TABLE authserver_records; --", `\u0027`, "ʼ", "＇",
				"{}", "$1", "?", code[:10] + "%", strings.Replace(code, code[12:13], "_", 1) + "'",
			} {
				h.badGrant(func() *answer { return h.token(redeem(text)) })
			}
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status)
		})

		// A stranger's redemption is refused, and the owner's still works.
		h.sub("CG-02", func(t *testing.T) {
			for _, c := range []struct{ owner, thief party }{
				{partyConfidential, partyOther},
				{partySPA, partyNative},
				{partyConfidential, partyNative},
				{partySPA, partyOther},
			} {
				code := h.codeFor(c.owner)
				for _, to := range []string{c.owner.redirect, c.thief.redirect} {
					h.badGrant(func() *answer { return h.tokenAs(c.thief, redeem(code, "redirect_uri", to)) })
				}
				a := h.tokenAs(c.owner, redeem(code, "redirect_uri", c.owner.redirect))
				require.Equal(t, http.StatusOK, a.Status, a.Body)
			}
		})

		h.sub("CG-04 at once", func(t *testing.T) {
			code := h.code()
			first := h.token(redeem(code))
			second := h.refresh(first.str("refresh_token"))
			h.token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			h.allDead(first, second)
		})

		h.sub("CG-06", func(t *testing.T) {
			code := h.code()
			for _, to := range []string{
				"", redirect + "/", strings.ToUpper(redirect), "https://good.example/CB", redirect + "?a=b", redirect + "?",
				"https://good.example:443/cb", "https://good.example/./cb", "https://good.example/%63b", "http://good.example/cb",
				"https://other.example/cb", " " + redirect,
			} {
				h.badGrant(func() *answer { return h.token(redeem(code, "redirect_uri", to)) })
			}
			empty := redeem(code)
			empty.Set("redirect_uri", "")
			h.badGrant(func() *answer { return h.token(empty) })
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status)
		})

		h.sub("CG-07", func(t *testing.T) {
			code := h.code()
			for _, text := range map[string]string{
				"missing": "", "wrong": "another-code-verifier-of-forty-three-characters", "the challenge": challenge(verifier),
				"42 characters": verifier[:42], "129 characters": strings.Repeat("a", 129), "space": verifier[:42] + " x",
				"plus": verifier + "+", "not ASCII": verifier + "é", "longer": verifier + "a", "shorter": verifier[:len(verifier)-1],
				"other case": strings.ToUpper(verifier),
			} {
				h.badGrant(func() *answer { return h.token(redeem(code, "code_verifier", text)) })
			}
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status, "no wrong verifier burns a code")
		})

		// Also right verifiers at the ends of the range work.
		h.sub("CG-07 works", func(t *testing.T) {
			for _, length := range []int{43, 128} {
				text := strings.Repeat("aB3-._~", 20)[:length]
				a := h.token(redeem(h.code("code_challenge", challenge(text)), "code_verifier", text))
				require.Equal(t, http.StatusOK, a.Status, a.Body)
			}
		})

		// The attacker's session at the honest client has a verifier and a nonce
		// of its own: the victim's code gives it nothing.
		h.sub("CG-08", func(t *testing.T) {
			victim := h.code("nonce", "victims-nonce")
			own := "the-verifier-of-the-session-of-the-attacker"
			h.badGrant(func() *answer { return h.token(redeem(victim, "code_verifier", own)) })
			require.Equal(t, http.StatusOK, h.token(redeem(victim)).Status)

			h.edited(confidential, func(c *oauth.Client) { c.PKCE = oauth.PKCEOptional }, func() {
				victim := h.code("nonce", "victims-nonce", "code_challenge", "", "code_challenge_method", "")
				h.badGrant(func() *answer { return h.token(redeem(victim, "code_verifier", own)) })
				a := h.token(redeem(victim, "code_verifier", ""))
				require.Equal(t, "victims-nonce", claims(t, a.str("id_token"))["nonce"], "by which the client tells")
			})
		})

		h.sub("CG-09", func(t *testing.T) {
			h.edited(confidential, func(c *oauth.Client) { c.PKCE = oauth.PKCEOptional }, func() {
				code := h.code("code_challenge", "", "code_challenge_method", "")
				h.badGrant(func() *answer { return h.token(redeem(code)) })
				require.Equal(t, http.StatusOK, h.token(redeem(code, "code_verifier", "")).Status)
			})
		})

		h.sub("CG-10", func(t *testing.T) {
			code := h.code()
			h.unharmed(func() *answer { return h.post("/token", redeem(code), basic(confidential, "wrong")) }).
				refused(http.StatusUnauthorized, oauth.InvalidClient)
			h.unharmed(func() *answer { return h.post("/token", redeem(code, "client_id", confidential)) }).
				refused(http.StatusUnauthorized, oauth.InvalidClient)
			require.Equal(t, http.StatusOK, h.token(redeem(code)).Status)
		})

		h.sub("CG-11", func(t *testing.T) {
			a := h.token(redeem(h.code("scope", "openid read"), "scope", "openid read write profile"))
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			require.Equal(t, "openid read", a.str("scope"))
			l, err := h.srv.Introspect(t.Context(), a.str("access_token"))
			require.NoError(t, err)
			require.Equal(t, []string{"openid", "read"}, l.Scopes)
		})

		// What is none of the kind is never looked up.
		h.sub("CG-15", func(t *testing.T) {
			tokens := h.tokens()
			device := h.post("/device_authorization", url.Values{"scope": {"openid"}}, basic(confidential, secret))
			for _, text := range []string{
				tokens.str("refresh_token"), tokens.str("access_token"), tokens.str("id_token"),
				device.str("device_code"), device.str("user_code"), "the-state", strings.Repeat("a", 43),
				strings.Replace(tokens.str("refresh_token"), "_rt_", "_ac_", 1),
				strings.Replace(device.str("device_code"), "_dc_", "_ac_", 1),
			} {
				h.badGrant(func() *answer { return h.token(redeem(text)) })
			}
			require.True(t, h.active(tokens.str("access_token")))
		})
	})
}

// allDead wants every token of these answers dead.
func (h *harness) allDead(answers ...*answer) {
	h.t.Helper()
	for _, a := range answers {
		require.False(h.t, h.active(a.str("access_token")))
		require.False(h.t, h.active(a.str("refresh_token")))
		h.get("/userinfo", nil, bearer(a.str("access_token"))).refused(http.StatusUnauthorized, oauth.InvalidToken)
		h.refresh(a.str("refresh_token")).refused(http.StatusBadRequest, oauth.InvalidGrant)
	}
}

// What changed between the end user's agreement and the token request counts.
func TestCodeAfterChanges(t *testing.T) {
	onEachStore(t, func(t *testing.T, store storage.Storage) {
		h := newHarness(t, withStore(store))

		h.sub("CG-12", func(t *testing.T) {
			code := h.code()
			h.gone[alice] = true
			h.badGrant(func() *answer { return h.token(redeem(code)) })
			delete(h.gone, alice)

			code = h.code()
			require.NoError(t, h.srv.RevokeGrant(t.Context(), h.lastGrant()))
			h.badGrant(func() *answer { return h.token(redeem(code)) })

			code = h.code()
			require.NoError(t, h.srv.RevokeSubject(t.Context(), alice))
			h.badGrant(func() *answer { return h.token(redeem(code)) })
		})

		h.sub("CG-13", func(t *testing.T) {
			code := h.code("scope", "openid read write")
			h.edited(confidential, func(c *oauth.Client) { c.Scopes = without(c.Scopes, "write") }, func() {
				a := h.token(redeem(code))
				require.Equal(t, http.StatusOK, a.Status, a.Body)
				require.Equal(t, "openid read", a.str("scope"))
			})
			code = h.code()
			h.edited(confidential, func(c *oauth.Client) { c.RedirectURIs = []string{"https://good.example/new"} }, func() {
				h.badGrant(func() *answer { return h.token(redeem(code)) })
			})
			h.edited(confidential, func(c *oauth.Client) { c.GrantTypes = without(c.GrantTypes, oauth.GrantTypeAuthorizationCode) }, func() {
				h.unharmed(func() *answer { return h.token(redeem(code)) }).refused(http.StatusBadRequest, oauth.UnauthorizedClient)
			})
		})
	})
}

// lastGrant is the GrantID of the newest event that has one.
func (h *harness) lastGrant() string {
	h.t.Helper()
	id := ""
	for _, ev := range h.seen() {
		if ev.GrantID != "" {
			id = ev.GrantID
		}
	}
	require.NotEmpty(h.t, id)
	return id
}

func TestCodeInTime(t *testing.T) {
	t.Run("CG-03", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			code, other := h.code(), h.code()
			time.Sleep(59 * time.Second)
			require.Equal(t, http.StatusOK, h.token(redeem(other)).Status, "a code lives for 60 seconds")
			time.Sleep(time.Second)
			h.badGrant(func() *answer { return h.token(redeem(code)) })
			time.Sleep(24 * time.Hour)
			h.badGrant(func() *answer { return h.token(redeem(code)) })
		})
	})
	t.Run("CG-04", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			code := h.code()
			first := h.token(redeem(code))
			require.Equal(t, http.StatusOK, first.Status)
			time.Sleep(30 * time.Second)
			h.token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			h.allDead(first)
		})
	})
}

func TestCodeAnswer(t *testing.T) {
	h := newHarness(t)

	h.sub("CG-16", func(t *testing.T) {
		for _, alg := range []string{"", "ES256", "RS256", "EdDSA"} {
			h.edited(confidential, func(c *oauth.Client) { c.IDTokenSignedResponseAlg = alg }, func() {
				a := h.tokens("nonce", "n-0S6_WzA2Mj")
				id := claims(t, a.str("id_token"))
				require.Equal(t, "n-0S6_WzA2Mj", id["nonce"])
				require.Equal(t, confidential, id["aud"])
				require.Equal(t, confidential, id["azp"])
				require.Equal(t, testIssuer, id["iss"])
				require.Equal(t, leftHalf(alg, a.str("access_token")), id["at_hash"])
				require.InDelta(t, time.Now().Add(time.Hour).Unix(), id["exp"], 5)
				require.InDelta(t, time.Now().Unix(), id["iat"], 5)
				want := alg
				if want == "" {
					want = "ES256"
				}
				require.Equal(t, want, header(t, a.str("id_token"))["alg"])
			})
		}
	})

	h.sub("CG-18", func(t *testing.T) {
		code := h.code()
		a := h.token(redeem(code))
		again := h.refresh(a.str("refresh_token"))
		h.get("/userinfo", nil, bearer(again.str("access_token")))
		h.token(redeem(code))
		h.token(redeem(code, "code_verifier", "another-code-verifier-of-forty-three-characters"))
		h.refresh("not-a-token-but-secret")
		h.post("/token", redeem(code), basic(confidential, "not-the-secret"))
		h.silent(
			code, verifier, secret, "not-the-secret", "not-a-token-but-secret",
			"another-code-verifier-of-forty-three-characters",
			a.str("access_token"), a.str("refresh_token"), a.str("id_token"),
			again.str("access_token"), again.str("refresh_token"), again.str("id_token"),
		)
	})
}

// leftHalf is the at_hash of a token (OpenID Connect Core §3.1.3.6).
func leftHalf(alg, token string) string {
	if alg == keys.EdDSA {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// silent wants no secret, nor the distinctive part of one, in log and events.
func (h *harness) silent(secrets ...string) {
	h.t.Helper()
	var told bytes.Buffer
	told.WriteString(h.log.String())
	for _, ev := range h.seen() {
		told.WriteString(strings.Join([]string{ev.Type, ev.Rule, ev.ClientID, ev.Subject, ev.GrantID, ev.Reference}, " "))
	}
	require.NotEmpty(h.t, told.String())
	for i, secret := range secrets {
		require.NotContains(h.t, told.String(), secret, "secret %d", i)
		if len(secret) > 60 {
			require.NotContains(h.t, told.String(), secret[len(secret)-40:], "secret %d", i)
		}
	}
}

// nodes are servers that share one storage, as replicas do.
func nodes(t *testing.T, n int, options ...func(*authserver.Config)) map[string][]*harness {
	t.Helper()
	cluster := map[string][]*harness{}
	for name, open := range sharedStores(t) {
		for range n {
			cluster[name] = append(cluster[name], newHarness(t, append([]func(*authserver.Config){withStore(open())}, options...)...))
		}
	}
	return cluster
}

func TestCodeAcrossNodes(t *testing.T) {
	for name, node := range nodes(t, 3) {
		t.Run("CG-17 "+name, func(t *testing.T) {
			code := node[0].code()
			first := node[1].token(redeem(code))
			require.Equal(t, http.StatusOK, first.Status, first.Body)
			node[2].token(redeem(code)).refused(http.StatusBadRequest, oauth.InvalidGrant)
			for _, h := range node {
				h.allDead(first)
			}
		})
	}
}

package authserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/memory"
)

// foreignKeys are those of a server that shares none with the harness.
var foreignKeys = sync.OnceValue(func() keys.Source {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	source, err := keys.Static([]byte("another secret, of thirty-two bytes"), ec)
	if err != nil {
		panic(err)
	}
	return source
})

// verified are the claims of a JWT whose signature verifies with the JWK Set
// that the server publishes.
func (h *harness) verified(t testing.TB, token string) map[string]any {
	t.Helper()
	var set jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal([]byte(h.get("/jwks.json", nil).Body), &set))
	parsed, err := jwt.Parse(token, func(token *jwt.Token) (any, error) {
		found := set.Key(fmt.Sprint(token.Header["kid"]))
		if len(found) != 1 || found[0].Algorithm != token.Method.Alg() {
			return nil, errors.New("no such key, or one of another algorithm")
		}
		return found[0].Key, nil
	})
	require.NoError(t, err)
	return parsed.Claims.(jwt.MapClaims)
}

// halfHash is at_hash and its kin (OpenID Connect Core §3.1.3.6), worked out
// anew: the digest is that of the signature, and of Ed25519 that is SHA-512.
func halfHash(alg, value string) string {
	if alg == "EdDSA" {
		sum := sha512.Sum512([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Each client's ID tokens are signed as it registered, and bound to what came
// with them by a hash of that algorithm.
func TestIDTokenAlgorithms(t *testing.T) {
	for _, alg := range []string{"", "ES256", "RS256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			h := newHarness(t)
			h.clients.with(confidential, func(c *oauth.Client) { c.IDTokenSignedResponseAlg = alg })
			want := alg
			if alg == "" {
				want = "ES256"
			}
			front := h.get("/authorize", request("response_type", "code id_token token")).location()
			id := h.verified(t, front.Get("id_token"))
			require.Equal(t, want, header(t, front.Get("id_token"))["alg"])
			require.Equal(t, halfHash(want, front.Get("code")), id["c_hash"])
			require.Equal(t, halfHash(want, front.Get("access_token")), id["at_hash"])
			require.Equal(t, halfHash(want, "the-state"), id["s_hash"])
			require.Equal(t, "the-nonce", id["nonce"])

			tokens := h.token(redeem(front.Get("code")))
			require.Equal(t, http.StatusOK, tokens.Status, tokens.Body)
			again := h.verified(t, tokens.str("id_token"))
			require.Equal(t, halfHash(want, tokens.str("access_token")), again["at_hash"])
			require.Equal(t, id["sub"], again["sub"])

			refreshed := h.refresh(tokens.str("refresh_token"))
			third := h.verified(t, refreshed.str("id_token"))
			require.Equal(t, halfHash(want, refreshed.str("access_token")), third["at_hash"])
			require.Equal(t, id["sub"], third["sub"])
			require.Equal(t, id["auth_time"], third["auth_time"])
		})
	}
	t.Run("none that is had", func(t *testing.T) {
		store := memory.New()
		h := newHarness(t, withStore(store))
		h.clients.with(confidential, func(c *oauth.Client) { c.IDTokenSignedResponseAlg = "PS256" })
		a := h.token(redeem(h.code()))
		a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
	})
}

// Clients of one sector know an end user by one name, those of another by
// another, and each hears that name everywhere (OpenID Connect Core §8.1).
func TestPairwise(t *testing.T) {
	for _, format := range []oauth.AccessTokenFormat{oauth.AccessTokenOpaque, oauth.AccessTokenJWT} {
		h := newHarness(t, func(c *authserver.Config) { c.AccessTokenFormat = format })
		pairwise := func(id string, uris ...string) {
			h.clients[id] = &oauth.Client{
				ID: id, Secrets: h.clients[confidential].Secrets, RedirectURIs: uris, SubjectType: oauth.SubjectPairwise,
				GrantTypes: h.clients[confidential].GrantTypes, Scopes: h.clients[confidential].Scopes,
			}
		}
		pairwise("one", redirect)
		pairwise("two", redirect, "https://good.example/other")
		pairwise("three", "https://three.example/cb")
		h.clients["gateway"] = &oauth.Client{ID: "gateway", Secrets: h.clients[other].Secrets, IntrospectAny: true}

		subs := map[string]string{}
		for id, uri := range map[string]string{"one": redirect, "two": redirect, "three": "https://three.example/cb"} {
			code := h.get("/authorize", request("client_id", id, "redirect_uri", uri)).location().Get("code")
			tokens := h.post("/token", redeem(code, "redirect_uri", uri), as(id))
			require.Equal(t, http.StatusOK, tokens.Status, tokens.Body)
			sub := fmt.Sprint(h.verified(t, tokens.str("id_token"))["sub"])
			require.NotEqual(t, alice, sub)
			subs[id] = sub

			access := tokens.str("access_token")
			require.Equal(t, sub, h.get("/userinfo", nil, bearer(access)).str("sub"))
			require.Equal(t, sub, h.introspect(id, access).str("sub"))
			require.Equal(t, sub, h.introspect("gateway", access).str("sub"), "the owner's name for them")
			require.Equal(t, sub, h.introspect(id, tokens.str("refresh_token")).str("sub"))
			if format == oauth.AccessTokenJWT {
				require.Equal(t, sub, h.verified(t, access)["sub"])
			}
			described, err := h.srv.Introspect(t.Context(), access)
			require.NoError(t, err)
			require.Equal(t, alice, described.Subject, "the host's own name")

			// The name is good for a hint, too.
			v := h.get("/authorize", request("client_id", id, "redirect_uri", uri, "id_token_hint", tokens.str("id_token"))).location()
			require.NotEmpty(t, v.Get("code"), v)
		}
		require.Equal(t, subs["one"], subs["two"])
		require.NotEqual(t, subs["one"], subs["three"])
	}
	t.Run("without one sector", func(t *testing.T) {
		h := newHarness(t)
		h.clients.with(confidential, func(c *oauth.Client) {
			c.SubjectType, c.RedirectURIs = oauth.SubjectPairwise, []string{redirect, "https://elsewhere.example/cb"}
		})
		a := h.token(redeem(h.code()))
		a.refused(http.StatusServiceUnavailable, oauth.TemporarilyUnavailable)
		h.clients.with(confidential, func(c *oauth.Client) { c.SectorIdentifierURI = "https://good.example/sector.json" })
		require.NotEqual(t, alice, claims(t, h.tokens().str("id_token"))["sub"])
	})
}

// A grant of the host's own.
func TestExtensionGrant(t *testing.T) {
	const grantType = "urn:example:voucher"
	var exchange grants.ExchangeFunc
	option := func(c *authserver.Config) {
		c.Grants = append(c.Grants, grants.Extension{
			Type: grantType,
			Exchange: func(ctx context.Context, req grants.ExchangeRequest) (grants.Exchanged, error) {
				return exchange(ctx, req)
			},
		})
	}
	open := func(t *testing.T, store storage.Storage) *harness {
		h := newHarness(t, withStore(store), option)
		h.clients.with(confidential, func(c *oauth.Client) { c.GrantTypes = append([]string{grantType}, c.GrantTypes...) })
		return h
	}
	ask := url.Values{"grant_type": {grantType}, "voucher": {"v1"}, "scope": {"openid read write offline_access"}}

	t.Run("for an end user", func(t *testing.T) {
		onEachStore(t, func(t *testing.T, store storage.Storage) {
			h := open(t, store)
			exchange = func(_ context.Context, req grants.ExchangeRequest) (grants.Exchanged, error) {
				require.Equal(t, confidential, req.Client.ID)
				require.Equal(t, "v1", req.Params.Get("voucher"))
				require.Empty(t, req.Params.Get("client_secret"))
				return grants.Exchanged{
					Authenticated: grants.Authenticated{Subject: alice, ACR: "voucher"},
					Scopes:        []string{"openid", "read", "offline_access"}, Refresh: true,
					Extra: map[string]any{"voucher_left": 3, "access_token": "forged", "scope": "forged", "refresh_token": "forged"},
				}, nil
			}
			a := h.token(ask)
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			require.EqualValues(t, 3, a.json("voucher_left"))
			require.Equal(t, "openid read offline_access", a.str("scope"))
			require.NotContains(t, a.Body, "forged")
			id := h.verified(t, a.str("id_token"))
			require.Equal(t, alice, id["sub"])
			require.Equal(t, "voucher", id["acr"])
			require.Equal(t, alice, h.get("/userinfo", nil, bearer(a.str("access_token"))).str("sub"))
			require.Equal(t, http.StatusOK, h.refresh(a.str("refresh_token")).Status)
		})
	})
	t.Run("for the client", func(t *testing.T) {
		h := open(t, memory.New())
		exchange = func(context.Context, grants.ExchangeRequest) (grants.Exchanged, error) {
			return grants.Exchanged{Refresh: true}, nil
		}
		a := h.token(ask)
		require.Equal(t, http.StatusOK, a.Status, a.Body)
		require.Empty(t, a.str("id_token"))
		require.Empty(t, a.str("refresh_token"))
		require.Equal(t, http.StatusForbidden, h.get("/userinfo", nil, bearer(a.str("access_token"))).Status)
	})
	t.Run("refused", func(t *testing.T) {
		h := open(t, memory.New())
		for _, c := range []struct {
			name   string
			given  grants.Exchanged
			err    error
			status int
			code   oauth.Code
		}{
			{"by the host", grants.Exchanged{}, oauth.E(oauth.InvalidGrant, "voucher: spent"), http.StatusBadRequest, oauth.InvalidGrant},
			{"by trouble", grants.Exchanged{}, errors.New("voucher database"), http.StatusServiceUnavailable, oauth.TemporarilyUnavailable},
			{"more than was asked for", grants.Exchanged{Scopes: []string{"email"}}, nil, http.StatusInternalServerError, oauth.ServerError},
			{"end user gone", grants.Exchanged{Authenticated: grants.Authenticated{Subject: "gone"}}, nil, http.StatusBadRequest, oauth.InvalidGrant},
		} {
			h.gone["gone"] = true
			exchange = func(context.Context, grants.ExchangeRequest) (grants.Exchanged, error) { return c.given, c.err }
			before := versions(t, h.store)
			a := h.token(ask)
			a.refused(c.status, c.code)
			require.NotContains(t, a.Body, "database", c.name)
			require.Equal(t, before, versions(t, h.store), c.name)
		}
		h.untouched(t, func() *answer { return h.post("/token", ask, as(other)) }).
			refused(http.StatusBadRequest, oauth.UnauthorizedClient)
	})
}

package clientauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/internal/passwords"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// clients is a source of clients.
type clients map[string]*oauth.Client

func (m clients) find(_ context.Context, id string) (*oauth.Client, error) {
	if c, found := m[id]; found {
		return c, nil
	}
	return nil, fmt.Errorf("test: %w", storage.ErrNotFound)
}

// with is a client with live secrets of these digests.
func with(digests ...string) *oauth.Client {
	c := &oauth.Client{ID: "c"}
	for _, d := range digests {
		c.Secrets = append(c.Secrets, oauth.Secret{Digest: d})
	}
	return c
}

func authenticate(a *Authenticator, header string, pairs ...string) (*oauth.Client, *oauth.Error) {
	r := request()
	if header != "" {
		r = request(header)
	}
	return a.Authenticate(r.Context(), r, form(pairs...))
}

// chosen is the argon2id digest of "chosen secret", made once.
var pool, chosenDigest = func() (*passwords.Pool, string) {
	p := passwords.NewPool()
	d, err := p.Hash(context.Background(), "chosen secret")
	if err != nil {
		panic(err)
	}
	return p, d
}()

func TestAuthenticate(t *testing.T) {
	secret, digest := NewSecret()
	old, oldDigest := NewSecret()
	post := with(digest)
	post.TokenEndpointAuthMethod = oauth.AuthMethodPost
	rotated := with(oldDigest, digest)
	rotated.Secrets[0].ExpiresAt = time.Now().Add(time.Hour)
	expired := with(oldDigest, digest)
	expired.Secrets[0].ExpiresAt = time.Now().Add(-time.Hour)
	disabled := with(digest)
	disabled.Disabled = true
	shaOfWord := digestOf("word")
	zeros := nobody[0].Digest
	a := &Authenticator{Passwords: pool, Clients: clients{
		"basic": with(digest), "post": post, "public": {ID: "public"}, "disabled": disabled, "rotated": rotated, "expired": expired,
		"chosen": with(chosenDigest), "both": with(chosenDigest, digest), "imported": with(string(shaOfWord[:])), "zeros": with(zeros),
	}.find}

	for name, c := range map[string]struct{ header, id, secret string }{
		"basic":               {header: basic("basic", secret)},
		"post":                {id: "post", secret: secret},
		"public":              {id: "public"},
		"M42 public by basic": {header: basic("public", "")},
		"rotated, old":        {header: basic("rotated", old)},
		"rotated, new":        {header: basic("rotated", secret)},
		"chosen":              {header: basic("chosen", "chosen secret")},
		"chosen, again":       {header: basic("chosen", "chosen secret")},
		"both, chosen":        {header: basic("both", "chosen secret")},
		"both, made":          {header: basic("both", secret)},
		"imported SHA-256":    {header: basic("imported", "word")},
	} {
		t.Run(name, func(t *testing.T) {
			client, refusal := authenticate(a, c.header, "client_id", c.id, "client_secret", c.secret)
			require.Nil(t, refusal)
			require.NotNil(t, client)
		})
	}
	for name, c := range map[string]struct{ header, id, secret string }{
		"CA-01 confidential, nothing":       {id: "basic"},
		"CA-02 wrong secret":                {header: basic("basic", old)},
		"CA-03 unknown":                     {header: basic("nobody", secret)},
		"CA-03 unknown, nothing":            {id: "nobody"},
		"CA-03 disabled":                    {header: basic("disabled", secret)},
		"CA-06 post instead of basic":       {id: "basic", secret: secret},
		"CA-06 basic instead of post":       {header: basic("post", secret)},
		"CA-09 empty secret":                {header: basic("basic", "")},
		"CA-10 public with basic":           {header: basic("public", "x")},
		"CA-10 public with post":            {id: "public", secret: "x"},
		"CA-12 expired":                     {header: basic("expired", old)},
		"digest as secret":                  {header: basic("basic", digest)},
		"chosen, wrong":                     {header: basic("chosen", "Chosen secret")},
		"chosen, wrong and of another form": {header: basic("chosen", secret)},
		"digest of zeros":                   {header: basic("zeros", "x")},
	} {
		t.Run(name, func(t *testing.T) {
			client, refusal := authenticate(a, c.header, "client_id", c.id, "client_secret", c.secret)
			require.Nil(t, client)
			require.Equal(t, http.StatusUnauthorized, refusal.HTTPStatus())
			require.Equal(t, oauth.InvalidClient, refusal.Code)
			require.Equal(t, errRefused.Description, refusal.Description)
			require.Error(t, refusal.Err, "the log is told why")
			if c.secret != "" {
				require.NotContains(t, refusal.Err.Error(), c.secret)
			}
		})
	}
}

// CA-03: status, body and headers do not tell which clients exist.
func TestCA03SameAnswer(t *testing.T) {
	_, digest := NewSecret()
	disabled := with(digest)
	disabled.Disabled = true
	a := &Authenticator{Realm: "as", Clients: clients{"known": with(digest), "public": {}, "disabled": disabled}.find}
	var answers []string
	for _, id := range []string{"unknown", "known", "public", "disabled"} {
		_, refusal := authenticate(a, basic(id, "wrong"))
		w := httptest.NewRecorder()
		wire.Error(w, request(), refusal, "", a.Challenge())
		answers = append(answers, fmt.Sprint(w.Code, w.Header(), w.Body))
	}
	require.Contains(t, answers[0], `Basic realm="as"`)
	require.Len(t, slices.Compact(answers), 1)
}

// CA-03: what a wrong secret costs depends on the secret, not on the client.
// Under a context that has ended a slow hash is not made but answered with
// 503, which shows without a clock where one would have been.
func TestCA03SameCost(t *testing.T) {
	_, digest := NewSecret()
	made, _ := NewSecret()
	a := &Authenticator{Passwords: pool, Clients: clients{"chosen": with(chosenDigest), "made": with(digest), "public": {}}.find}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	status := func(id, secret string) int {
		_, refusal := a.Authenticate(ended, request(basic(id, secret)), nil)
		return refusal.HTTPStatus()
	}
	require.Equal(t, 401, status("unknown", "wrong"), "no client here has a chosen secret, as far as is known")
	for _, id := range []string{"chosen", "unknown", "made", "public"} {
		require.Equal(t, 503, status(id, "wrong"), id)
		require.Equal(t, 401, status(id, made), id)
	}
}

func TestChosenSecretIsHashedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Authenticator{Passwords: pool, Clients: clients{"c": with(chosenDigest)}.find}
		_, refusal := authenticate(a, basic("c", "chosen secret"))
		require.Nil(t, refusal)
		proof := a.proofs.of(chosenDigest, "chosen secret")
		require.True(t, a.proofs.has(proof))
		require.False(t, a.proofs.has(a.proofs.of(chosenDigest, "chosen secreT")))
		require.False(t, a.proofs.has(a.proofs.of(chosenDigest+"x", "chosen secret")))
		time.Sleep(proofLife) // fake time: the bubble's clock
		require.False(t, a.proofs.has(proof))
	})
}

// CA-14: guesses at once are throttled, and nobody else is.
func TestCA14ParallelGuesses(t *testing.T) {
	secret, digest := NewSecret()
	a := &Authenticator{
		Clients: clients{"a": with(digest), "b": with(digest), "chosen": with(chosenDigest)}.find, Passwords: pool,
		Limit: limit.New(limit.Limit{Max: 10, Window: time.Minute}, 0),
	}
	for _, id := range []string{"a", "unknown"} {
		var mu sync.Mutex
		count := map[int]int{}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				_, refusal := authenticate(a, basic(id, "wrong"))
				mu.Lock()
				defer mu.Unlock()
				count[refusal.HTTPStatus()]++
			})
		}
		wg.Wait()
		require.Equal(t, map[int]int{401: 10, 429: 90}, count)
	}
	_, refusal := authenticate(a, basic("a", "wrong"))
	w := httptest.NewRecorder()
	wire.Error(w, request(), refusal, "", a.Challenge())
	require.Equal(t, "60", w.Header().Get("Retry-After"))
	require.Empty(t, w.Header().Get("Www-Authenticate"))

	for _, id := range []string{"a", "b"} {
		_, refusal = authenticate(a, basic(id, secret))
		require.Nil(t, refusal, "a right made secret is never held up")
	}
	for range 10 {
		_, _ = authenticate(a, basic("chosen", "wrong"))
	}
	_, refusal = authenticate(a, basic("chosen", "chosen secret"))
	require.Equal(t, 429, refusal.HTTPStatus(), "a chosen secret could have been guessed")
	r := request(basic("chosen", "chosen secret"))
	r.RemoteAddr = "198.51.100.77:1"
	_, refusal = a.Authenticate(r.Context(), r, nil)
	require.Nil(t, refusal, "another address is another key")
}

func TestRightSecretsAreNotCounted(t *testing.T) {
	word := digestOf("word")
	a := &Authenticator{
		Clients: clients{"a": with(string(word[:])), "b": with(chosenDigest)}.find, Passwords: pool,
		Limit: limit.New(limit.Limit{Max: 1, Window: time.Minute}, 0),
	}
	for range 3 {
		for header := range map[string]int{basic("a", "word"): 1, basic("b", "chosen secret"): 1} {
			_, refusal := authenticate(a, header)
			require.Nil(t, refusal)
		}
	}
}

// HG-04, HG-08: the address that counts is the peer's, IPv6 by /64.
func TestLimitIsByAddress(t *testing.T) {
	a := &Authenticator{
		Clients: clients{}.find, Limit: limit.New(limit.Limit{Max: 1, Window: time.Minute}, 0),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}
	for _, c := range []struct {
		peer, forwarded string
		status          int
	}{
		{"[2001:db8::1]:1", "", 401},
		{"[2001:db8::2]:1", "", 429},
		{"[2001:db8::1]:1", "192.0.2.200", 429},
		{"10.0.0.1:1", "192.0.2.5", 401},
		{"10.0.0.1:1", "::ffff:192.0.2.5", 429},
		{"10.0.0.1:1", "192.0.2.6", 401},
	} {
		r := request(basic("c", "wrong"))
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-For", c.forwarded)
		_, refusal := a.Authenticate(r.Context(), r, nil)
		require.Equal(t, c.status, refusal.HTTPStatus(), c)
	}
}

// Trouble is neither a refusal nor success.
func TestTroubleIs503(t *testing.T) {
	down := errors.New("connection refused")
	a := &Authenticator{Clients: func(context.Context, string) (*oauth.Client, error) { return nil, down }}
	_, refusal := authenticate(a, basic("c", "s"))
	require.Equal(t, 503, refusal.HTTPStatus())
	require.Equal(t, oauth.TemporarilyUnavailable, refusal.Code)
	require.ErrorIs(t, refusal, down)

	for name, a := range map[string]*Authenticator{
		"no pool":               {Clients: clients{"c": with(chosenDigest)}.find},
		"digest not understood": {Clients: clients{"c": with("$1$x")}.find, Passwords: pool},
	} {
		t.Run(name, func(t *testing.T) {
			a.Limit = limit.New(limit.Limit{Max: 1, Window: time.Minute}, 0)
			for range 3 {
				_, refusal := authenticate(a, basic("c", "chosen secret"))
				require.Equal(t, 503, refusal.HTTPStatus(), "not counted as a guess")
			}
		})
	}
	a = &Authenticator{Clients: clients{"c": with(chosenDigest)}.find, Passwords: pool}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, refusal = a.Authenticate(ctx, request(basic("c", "chosen secret")), nil)
	require.Equal(t, 503, refusal.HTTPStatus())
}

func TestNewSecret(t *testing.T) {
	secret, digest := NewSecret()
	require.Regexp(t, `^cs_[A-Za-z0-9_-]{43}$`, secret)
	require.Regexp(t, `^sha256:[A-Za-z0-9_-]{43}$`, digest)
	require.True(t, IsDigest(digest))
	another, _ := NewSecret()
	require.NotEqual(t, secret, another)
	require.True(t, VerifySecret(with(digest), secret, time.Now()))
	require.False(t, VerifySecret(with(digest), another, time.Now()))
	require.False(t, VerifySecret(nil, secret, time.Now()))
	require.False(t, VerifySecret(&oauth.Client{}, secret, time.Now()))

	c := with(digest)
	c.Secrets[0].ExpiresAt = time.Unix(1000, 0)
	require.True(t, VerifySecret(c, secret, time.Unix(999, 0)))
	require.False(t, VerifySecret(c, secret, time.Unix(1000, 0)))
	for _, s := range []string{"", "sha256:", digest[:49], digest + "A", "sha512:" + digest[7:], strings.Replace(digest, digest[10:11], "=", 1)} {
		require.False(t, IsDigest(s), s)
	}
}

func TestAuthenticateAllocations(t *testing.T) {
	secret, digest := NewSecret()
	a := &Authenticator{Clients: clients{"c": with(digest)}.find, Limit: limit.New(limit.Limit{Max: 1, Window: time.Minute}, 0)}
	r := request(basic("c", secret))
	ctx := t.Context()
	body := form("grant_type", "client_credentials")
	allocs := testing.AllocsPerRun(100, func() {
		if _, refusal := a.Authenticate(ctx, r, body); refusal != nil {
			t.Fatal(refusal)
		}
	})
	require.LessOrEqual(t, allocs, 3.0)
}

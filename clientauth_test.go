package authserver_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/internal/passwords"
	"github.com/seed36673005/authserver/oauth"
)

// authenticated are the endpoints that authenticate clients (RFC 6749 §2.3),
// each with a form that it answers 200 once the client is known.
var authenticated = map[string]url.Values{
	"/token":                {"grant_type": {"client_credentials"}, "scope": {"read"}},
	"/introspect":           {"token": {"none"}},
	"/revoke":               {"token": {"none"}},
	"/device_authorization": {"scope": {"read"}},
}

// atEachEndpoint runs a test at every endpoint that authenticates clients. ask
// sends the form there, changed by pairs.
func (h *harness) atEachEndpoint(test func(t *testing.T, ask asking)) {
	for _, path := range slices.Sorted(maps.Keys(authenticated)) {
		h.sub(path, func(t *testing.T) {
			test(t, func(pairs []string, edits ...func(*http.Request)) *answer {
				return h.post(path, change(maps.Clone(authenticated[path]), pairs...), edits...)
			})
		})
	}
}

type asking func(pairs []string, edits ...func(*http.Request)) *answer

// A badAuth is a request whose client authentication must fail.
type badAuth struct {
	pairs []string
	edits []func(*http.Request)
	code  oauth.Code
}

// refuses sends each request to every endpoint and wants its refusal: 401 with
// a challenge, or 400.
func (h *harness) refuses(cases map[string]badAuth) {
	h.t.Helper()
	h.atEachEndpoint(func(t *testing.T, ask asking) {
		for name, c := range cases {
			h.sub(name, func(t *testing.T) {
				a := h.unharmed(func() *answer { return ask(c.pairs, append(c.edits, elsewhere())...) })
				if c.code == oauth.InvalidRequest {
					a.refused(http.StatusBadRequest, oauth.InvalidRequest)
					return
				}
				a.refused(http.StatusUnauthorized, oauth.InvalidClient)
				require.Equal(t, `Basic realm="`+testIssuer+`", charset="UTF-8"`, a.Header.Get("WWW-Authenticate"))
			})
		}
	})
}

// authorization sets Authorization headers as they are.
func authorization(values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Authorization"] = values }
}

func rawBasic(credentials string) func(*http.Request) {
	return authorization("Basic " + base64.StdEncoding.EncodeToString([]byte(credentials)))
}

// inQuery adds parameters to the URL.
func inQuery(query string) func(*http.Request) {
	return func(r *http.Request) { r.URL.RawQuery = query }
}

func edits(list ...func(*http.Request)) []func(*http.Request) { return list }

// authHarness has a client for each way to authenticate, beside the others.
func authHarness(t *testing.T) *harness {
	h := newHarness(t)
	h.clients["post"] = clientLike(h, "post", func(c *oauth.Client) { c.TokenEndpointAuthMethod = oauth.AuthMethodPost })
	h.clients["disabled"] = clientLike(h, "disabled", func(c *oauth.Client) { c.Disabled = true })
	h.clients["expired"] = clientLike(h, "expired", func(c *oauth.Client) {
		c.Secrets = []oauth.Secret{{ID: "1", Digest: secretDigest, ExpiresAt: time.Now().Add(-time.Second)}}
	})
	return h
}

// clientLike is a copy of the confidential client under another id.
func clientLike(h *harness, id string, edit func(c *oauth.Client)) *oauth.Client {
	c := *h.clients[confidential]
	c.ID = id
	edit(&c)
	return &c
}

// knocks sends what each endpoint answers once it knows the client.
func knocks(ask asking, id, secret string) *answer { return ask(nil, basic(id, secret), elsewhere()) }

var addresses atomic.Uint32

// elsewhere lets a request come from an address that none came from before, so
// that it meets no limit.
func elsewhere() func(*http.Request) {
	n := addresses.Add(1)
	return from(fmt.Sprintf("10.%d.%d.%d:1234", n>>16, n>>8&255, n&255))
}

func TestClientAuthenticationRefused(t *testing.T) {
	h := authHarness(t)
	wrong, _ := clientauth.NewSecret()
	assertion := []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", "a.b.c"}
	for id, cases := range map[string]map[string]badAuth{
		"CA-01": { // a confidential client is not taken for a public one
			"client_id alone": {pairs: []string{"client_id", confidential}},
			"nothing":         {},
		},
		"CA-02": {
			"wrong":         {edits: edits(basic(confidential, wrong))},
			"chosen":        {edits: edits(basic(confidential, "a guess"))},
			"another's id":  {edits: edits(basic(service+"x", secret))},
			"the digest":    {edits: edits(basic(confidential, secretDigest))},
			"with a suffix": {edits: edits(basic(confidential, secret+"x"))},
		},
		"CA-04": { // two methods at once
			"basic and post":      {[]string{"client_secret", secret}, edits(as(confidential)), oauth.InvalidRequest},
			"basic and both":      {[]string{"client_id", confidential, "client_secret", secret}, edits(as(confidential)), oauth.InvalidRequest},
			"basic and assertion": {assertion, edits(as(confidential)), oauth.InvalidRequest},
			"post and assertion": {
				append([]string{"client_id", "post", "client_secret", secret}, assertion...), nil, oauth.InvalidRequest,
			},
		},
		"CA-05": {
			"another id":        {[]string{"client_id", other}, edits(as(confidential)), oauth.InvalidRequest},
			"a public client's": {[]string{"client_id", public}, edits(as(confidential)), oauth.InvalidRequest},
			"other case":        {[]string{"client_id", "Confidential"}, edits(as(confidential)), oauth.InvalidRequest},
		},
		"CA-06": {
			"post for basic":      {pairs: []string{"client_id", confidential, "client_secret", secret}},
			"basic for post":      {edits: edits(as("post"))},
			"assertion for basic": {pairs: append([]string{"client_id", confidential}, assertion...)},
		},
		"CA-07": {
			"no colon":         {edits: edits(rawBasic(confidential))},
			"bad base64":       {edits: edits(authorization("Basic !!!!"))},
			"base64 of URLs":   {edits: edits(authorization("Basic " + base64.URLEncoding.EncodeToString([]byte("\xff\xfe:\xfb\xff"))))},
			"nothing":          {edits: edits(authorization("Basic"))},
			"empty":            {edits: edits(authorization(""))},
			"empty user":       {edits: edits(rawBasic(":" + secret))},
			"12 KiB":           {edits: edits(rawBasic(confidential + ":" + strings.Repeat("x", 9<<10)))},
			"not UTF-8":        {edits: edits(rawBasic("\xff\xfe:\xff"))},
			"encoded so":       {edits: edits(rawBasic(confidential + ":%ff%fe"))},
			"broken encoding":  {edits: edits(rawBasic(confidential + ":%zz"))},
			"NUL":              {edits: edits(rawBasic(confidential + "%00:" + secret))},
			"no such scheme":   {edits: edits(authorization("Digest username=\"" + confidential + "\""))},
			"bearer for basic": {edits: edits(bearer(secret))},
		},
		"CA-09": { // an empty secret is none
			"basic":         {edits: edits(basic(confidential, ""))},
			"post":          {pairs: []string{"client_id", "post", "client_secret", ""}},
			"spaces":        {edits: edits(basic(confidential, "   "))},
			"empty in both": {pairs: []string{"client_id", confidential, "client_secret", ""}, edits: edits(basic(confidential, ""))},
		},
		"CA-11": {
			"secret":     {[]string{"client_id", "post"}, edits(inQuery("client_secret=" + secret)), oauth.InvalidRequest},
			"both":       {nil, edits(inQuery("client_id=post&client_secret=" + secret)), oauth.InvalidRequest},
			"encoded":    {[]string{"client_id", "post"}, edits(inQuery("client%5fsecret=" + secret)), oauth.InvalidRequest},
			"besides":    {nil, edits(as(confidential), inQuery("client_secret="+secret)), oauth.InvalidRequest},
			"assertion":  {[]string{"client_id", "post"}, edits(inQuery("client_assertion=a.b.c")), oauth.InvalidRequest},
			"semicolons": {[]string{"client_id", "post"}, edits(inQuery("x=1;client_secret=" + secret)), oauth.InvalidRequest},
		},
		"CA-13": { // CR and LF reach no handler from net/http, see TK-16
			"two headers":      {nil, edits(authorization(basicHeader(confidential, secret), basicHeader(confidential, secret))), oauth.InvalidRequest},
			"one of them junk": {nil, edits(authorization(basicHeader(confidential, secret), "x")), oauth.InvalidRequest},
			"CR LF":            {edits: edits(authorization(basicHeader(confidential, secret) + "\r\nX-Admin: 1"))},
			"LF within":        {edits: edits(authorization(strings.Replace(basicHeader(confidential, secret), "Basic ", "Basic \n", 1)))},
		},
		"CA-31": {
			"no type":      {[]string{"client_id", confidential, "client_assertion", "a.b.c"}, nil, oauth.InvalidRequest},
			"unknown type": {[]string{"client_id", confidential, "client_assertion", "a.b.c", "client_assertion_type", "saml2"}, nil, oauth.InvalidRequest},
			"type alone":   {assertion[:2], nil, oauth.InvalidRequest},
		},
		"CA-32": { // client_secret_jwt is not served
			"assertion":           {pairs: assertion},
			"with its client":     {pairs: append([]string{"client_id", confidential}, assertion...)},
			"with a public one's": {pairs: append([]string{"client_id", public}, assertion...)},
		},
		"CA-34": { // a proxy's word for a client certificate
			"x-ssl-client-cert":       {[]string{"client_id", confidential}, edits(withHeader("X-Ssl-Client-Cert", "CN=confidential")), ""},
			"x-forwarded-client-cert": {[]string{"client_id", confidential}, edits(withHeader("X-Forwarded-Client-Cert", "Subject=\"CN=confidential\"")), ""},
			"client-cert":             {[]string{"client_id", confidential}, edits(withHeader("Client-Cert", ":MIIB:")), ""},
			"x-ssl-client-verify":     {[]string{"client_id", confidential}, edits(withHeader("X-Ssl-Client-Verify", "SUCCESS")), ""},
		},
	} {
		h.sub(id, func(*testing.T) { h.refuses(cases) })
	}
	h.sub("CA-07 1 MiB", func(*testing.T) { // is refused before it is looked at
		h.atEachEndpoint(func(_ *testing.T, ask asking) {
			large := rawBasic(confidential + ":" + strings.Repeat("x", 1<<20))
			h.unharmed(func() *answer { return ask(nil, large) }).refused(http.StatusRequestHeaderFieldsTooLarge, oauth.InvalidRequest)
		})
	})
}

func basicHeader(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestClientAuthentication(t *testing.T) {
	t.Run("CA-08", func(t *testing.T) { // both parts are form-encoded inside Basic (RFC 6749 §2.3.1)
		h := authHarness(t)
		const id, chosen = "a:b% c+d&é", "p:q% r+s=ü"
		digest, err := passwords.NewPool().Hash(t.Context(), chosen)
		require.NoError(t, err)
		h.clients[id] = clientLike(h, id, func(c *oauth.Client) { c.Secrets = []oauth.Secret{{ID: "1", Digest: digest}} })
		h.atEachEndpoint(func(t *testing.T, ask asking) {
			a := knocks(ask, id, chosen)
			require.Equal(t, http.StatusOK, a.Status, a.Body)
			a = ask([]string{"client_id", id}, basic(id, chosen))
			require.Equal(t, http.StatusOK, a.Status, "the same id in the body is no second method")
		})
	})
	t.Run("CA-10", func(t *testing.T) { // a public client has no secret, and nothing of its own to ask for
		h := authHarness(t)
		h.refuses(map[string]badAuth{
			"basic": {edits: edits(as(public))},
			"post":  {pairs: []string{"client_id", public, "client_secret", secret}},
			"any":   {edits: edits(basic(public, "x"))},
		})
		h.clients.with(public, func(c *oauth.Client) { c.GrantTypes = h.clients[confidential].GrantTypes })
		h.unharmed(func() *answer {
			return h.post("/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {public}})
		}).refused(http.StatusBadRequest, oauth.UnauthorizedClient)
	})
	t.Run("CA-12", func(t *testing.T) {
		h := authHarness(t)
		fresh, freshDigest := clientauth.NewSecret()
		window := func(end time.Time) {
			h.clients.with(confidential, func(c *oauth.Client) {
				c.Secrets = []oauth.Secret{{ID: "1", Digest: secretDigest, ExpiresAt: end}, {ID: "2", Digest: freshDigest}}
			})
		}
		window(time.Now().Add(time.Hour))
		h.atEachEndpoint(func(t *testing.T, ask asking) {
			require.Equal(t, http.StatusOK, knocks(ask, confidential, secret).Status)
			require.Equal(t, http.StatusOK, knocks(ask, confidential, fresh).Status)
		})
		window(time.Now().Add(-time.Millisecond))
		h.refuses(map[string]badAuth{
			"the only one": {edits: edits(as("expired"))},
			"the old one":  {edits: edits(as(confidential))},
		})
		require.Equal(t, http.StatusOK, h.post("/revoke", url.Values{"token": {"x"}}, basic(confidential, fresh)).Status)
	})
	t.Run("CA-14", func(t *testing.T) {
		h := authHarness(t)
		wrong, _ := clientauth.NewSecret()
		var mu sync.Mutex
		var waits []string
		statuses := together(100, func() *answer {
			a := h.post("/token", authenticated["/token"], basic(confidential, wrong))
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, a.Header.Get("Retry-After"))
			return a
		})
		require.Equal(t, map[int]int{http.StatusUnauthorized: 20, http.StatusTooManyRequests: 80}, statuses)
		require.Len(t, slices.DeleteFunc(waits, func(s string) bool { return s == "" }), 80)
		a := h.post("/token", authenticated["/token"], basic(confidential, "a guess"))
		a.refused(http.StatusTooManyRequests, oauth.TemporarilyUnavailable)
		require.Regexp(t, `^[1-9][0-9]?$`, a.Header.Get("Retry-After"))

		for _, id := range []string{other, service, confidential} { // a secret of 256 bits was not guessed
			require.Equal(t, http.StatusOK, h.post("/token", authenticated["/token"], as(id)).Status, id)
		}
	})
}

// CA-03: nobody learns which clients there are, neither by what is answered
// nor by how long it takes.
func TestClientsAreNotTold(t *testing.T) {
	t.Run("CA-03", func(t *testing.T) {
		h := authHarness(t)
		wrong, _ := clientauth.NewSecret()
		ids := []string{"nobody", "disabled", public, confidential, "post", "expired"}
		h.atEachEndpoint(func(t *testing.T, ask asking) {
			for _, guess := range []string{wrong, "a guess"} {
				want := anonymous(h.unharmed(func() *answer { return knocks(ask, ids[0], guess) }))
				for _, id := range ids[1:] {
					require.Equal(t, want, anonymous(h.unharmed(func() *answer { return knocks(ask, id, guess) })), id)
				}
			}
			want := anonymous(ask([]string{"client_id", "nobody"}))
			require.Equal(t, want, anonymous(ask([]string{"client_id", confidential})), "without a secret")
		})
		sameTime(t, h, ids, wrong, 200)
		if !slowly {
			return
		}
		digest, err := passwords.NewPool().Hash(t.Context(), "a chosen secret")
		require.NoError(t, err)
		h.clients["chosen"] = clientLike(h, "chosen", func(c *oauth.Client) { c.Secrets = []oauth.Secret{{ID: "1", Digest: digest}} })
		sameTime(t, h, append(ids, "chosen"), "a guess", 200)
	})
}

// anonymous is all of an answer that may not depend on who was asked for.
func anonymous(a *answer) string {
	return fmt.Sprint(a.Status, a.Header, reference.ReplaceAllString(a.Body, "Reference: X"))
}

// sameTime wants the medians of wrong guesses at each id to be no more than
// 5 % or 1 ms apart. The samples are interleaved, and each comes from another
// address so that no limit is met.
func sameTime(t *testing.T, h *harness, ids []string, guess string, samples int) {
	t.Helper()
	took := map[string][]time.Duration{}
	for range samples {
		for _, id := range ids {
			began := time.Now()
			a := h.post("/token", authenticated["/token"], basic(id, guess), elsewhere())
			took[id] = append(took[id], time.Since(began))
			require.Equal(t, http.StatusUnauthorized, a.Status)
		}
	}
	var medians []time.Duration
	for _, id := range ids {
		slices.Sort(took[id])
		medians = append(medians, took[id][samples/2])
	}
	low, high := slices.Min(medians), slices.Max(medians)
	require.False(t, high-low > time.Millisecond && high-low > low/20, "medians by client: %v %v", ids, medians)
}

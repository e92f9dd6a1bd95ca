package authserver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/oauth"
)

// The most allocations an operation may take, the harness of request and
// recorder included. Times vary with the machine; these do not.
const (
	allocsCredentialsOpaque = 90
	allocsCredentialsJWT    = 150
	allocsCodeExchange      = 250
	allocsRefresh           = 200
	allocsIntrospection     = 60
)

// quiet is a server without a log, as the benchmarks want it.
func quiet(c *authserver.Config) {
	c.Logger = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))
	c.Events = nil
}

type operation struct {
	limit   float64
	request prepared
}

// operations are what is measured again and again.
func operations(h *harness) map[string]operation {
	credentials := url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}
	live := h.tokens().str("access_token")
	token := h.tokens().str("refresh_token")
	return map[string]operation{
		"client_credentials/opaque": {allocsCredentialsOpaque, prepare("/token", credentials, service)},
		"client_credentials/jwt":    {allocsCredentialsJWT, prepare("/token", credentials, "service-jwt")},
		"introspection/opaque":      {allocsIntrospection, prepare("/introspect", url.Values{"token": {live}}, confidential)},
		"refresh": {allocsRefresh, prepare("/token", url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {token},
		}, confidential)},
	}
}

// A prepared request is encoded once, so that what is measured is the server.
type prepared struct{ path, body, authorization string }

func prepare(path string, form url.Values, client string) prepared {
	credentials := base64.StdEncoding.EncodeToString([]byte(client + ":" + secret))
	return prepared{testIssuer + path, form.Encode(), "Basic " + credentials}
}

func (p prepared) request() *http.Request {
	r := httptest.NewRequest(http.MethodPost, p.path, strings.NewReader(p.body))
	r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	r.Header["Authorization"] = []string{p.authorization}
	return r
}

func benchHarness(b testing.TB) *harness {
	h := newHarness(b, quiet)
	jwt := *h.clients[service]
	jwt.ID, jwt.AccessTokenFormat = "service-jwt", oauth.AccessTokenJWT
	h.clients["service-jwt"] = &jwt
	// A refresh token that is kept can be measured again and again.
	keep := *h.clients[confidential]
	keep.Refresh = oauth.RefreshKeep
	h.clients[confidential] = &keep
	return h
}

func serve(b testing.TB, h *harness, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatal(w.Code, w.Body.String())
	}
	return w
}

func BenchmarkServer(b *testing.B) {
	h := benchHarness(b)
	for name, op := range operations(h) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				serve(b, h, op.request.request())
			}
		})
	}
	b.Run("code exchange", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			exchange := prepare("/token", redeem(h.code()), confidential)
			b.StartTimer()
			serve(b, h, exchange.request())
		}
	})
}

// BenchmarkFloor is the cryptography that no server can do without.
func BenchmarkFloor(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(b, err)
	digest := sha256.Sum256([]byte("digest"))
	b.Run("ES256 signature", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ecdsa.SignASN1(rand.Reader, key, digest[:])
		}
	})
	b.Run("harness", func(b *testing.B) {
		b.ReportAllocs()
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })
		p := prepare("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}, service)
		for b.Loop() {
			h.ServeHTTP(httptest.NewRecorder(), p.request())
		}
	})
}

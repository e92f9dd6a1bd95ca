package wire

import (
	"net/http"

	"github.com/rs/cors"
)

// CORS is what pages of other origins may do at one endpoint (Fetch
// Standard). They never send cookies along.
type CORS struct {
	// Methods are those of the endpoint.
	Methods []string
	// AllowOrigin decides for each request; it may look at the origin alone.
	// An opaque origin (null) is refused before it. Nil allows every origin.
	AllowOrigin func(r *http.Request, origin string) bool
}

// preflightAge is how many seconds a browser may remember a preflight.
const preflightAge = 600

// Handler puts the policy in front of an endpoint. It is called once for each,
// when the routes are made.
func (c CORS) Handler(endpoint http.Handler) http.Handler {
	options := cors.Options{
		AllowedOrigins: []string{"*"},
		AllowedMethods: c.Methods,
		AllowedHeaders: []string{"Authorization", "Content-Type", "DPoP", "MCP-Protocol-Version"},
		ExposedHeaders: []string{"WWW-Authenticate", "DPoP-Nonce", "Retry-After"},
		MaxAge:         preflightAge,
	}
	if c.AllowOrigin != nil {
		options.AllowOriginVaryRequestFunc = func(r *http.Request, origin string) (bool, []string) {
			return origin != "" && origin != "null" && c.AllowOrigin(r, origin), nil
		}
	}
	return cors.New(options).Handler(endpoint)
}

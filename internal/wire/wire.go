// Package wire reads requests and writes responses: strictly on the way in,
// in one shape on the way out.
//
// It owns media types, limits, parameters that come twice, the comparison of
// redirect URIs, status codes, headers and pages of last resort. It knows no
// client, no token and no storage, and decides nothing about a grant.
package wire

import (
	"net/http"

	"github.com/seed36673005/authserver/oauth"
)

// Limits bound what is read of a request.
type Limits struct {
	// Body is the most bytes of a body.
	Body int64
	// URL is the most bytes of path and query.
	URL int
	// Params is the most parameters, in query and body together.
	Params int
	// Header is the most bytes of all header fields, HeaderLines their most.
	Header, HeaderLines int
}

// DefaultLimits are 64 KiB, 16 KiB, 64 parameters, 32 KiB and 256 lines.
var DefaultLimits = Limits{Body: 64 << 10, URL: 16 << 10, Params: 64, Header: 32 << 10, HeaderLines: 256}

// The refusals of this package. Each is a fixed text: nothing that a caller
// sent is reflected.
var (
	errMethodNotAllowed = oauth.E(oauth.InvalidRequest, "the request method is not allowed here").WithStatus(http.StatusMethodNotAllowed)
	errMediaType        = oauth.E(oauth.InvalidRequest, "Content-Type must be application/x-www-form-urlencoded in UTF-8").WithStatus(http.StatusUnsupportedMediaType)
	errContentEncoding  = oauth.E(oauth.InvalidRequest, "Content-Encoding is not supported").WithStatus(http.StatusUnsupportedMediaType)
	errBodyTooLarge     = oauth.E(oauth.InvalidRequest, "the request body is too large").WithStatus(http.StatusRequestEntityTooLarge)
	errURLTooLong       = oauth.E(oauth.InvalidRequest, "the request URL is too long").WithStatus(http.StatusRequestURITooLong)
	errHeaderTooLarge   = oauth.E(oauth.InvalidRequest, "the request header is too large").WithStatus(http.StatusRequestHeaderFieldsTooLarge)
	errBodySlow         = oauth.E(oauth.InvalidRequest, "the request body did not arrive in time").WithStatus(http.StatusRequestTimeout)
	errBodyUnreadable   = oauth.E(oauth.InvalidRequest, "the request body could not be read")
	errBodyEmpty        = oauth.E(oauth.InvalidRequest, "the request body has no parameters")
	errTooManyParams    = oauth.E(oauth.InvalidRequest, "the request has too many parameters")
	errEncoding         = oauth.E(oauth.InvalidRequest, "the parameters are not form-encoded UTF-8 (RFC 6749 Appendix B)")
	errControl          = oauth.E(oauth.InvalidRequest, "a parameter has control characters")
	errDuplicate        = oauth.E(oauth.InvalidRequest, "a parameter must not be sent more than once")
	errQuery            = oauth.E(oauth.InvalidRequest, "parameters must be sent in the request body, not in the URL")
)

// MethodNotAllowed names the methods that are allowed in the response's Allow
// header and returns the refusal, with status 405.
func MethodNotAllowed(w http.ResponseWriter, allow string) *oauth.Error {
	w.Header().Set("Allow", allow)
	return errMethodNotAllowed
}

// urlTooLong reports whether path and query pass the limit.
func urlTooLong(r *http.Request, l Limits) bool {
	return len(r.URL.Path)+len(r.URL.RawQuery) > l.URL
}

// Admit is what every request passes before anything of it is read. It refuses
// one whose header passes its limits, with status 431: what the host's server
// lets through is up to the host. And it ends the connection after a request
// whose body is chunked: net/http hides whether it came with a length too, and
// then some proxy may have seen it end elsewhere (RFC 9112 §6.1).
func Admit(w http.ResponseWriter, r *http.Request, l Limits) *oauth.Error {
	if len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
	}
	lines, size := 0, 0
	for name, values := range r.Header {
		lines += len(values)
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if lines > l.HeaderLines || size > l.Header {
		return errHeaderTooLarge
	}
	return nil
}

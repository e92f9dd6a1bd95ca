package discovery

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A Document is JSON made once and served many times. It is an http.Handler
// and safe for concurrent use.
type Document struct {
	body []byte
	etag string
}

// NewDocument encodes v, usually a Metadata.
func NewDocument(v any) (*Document, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("discovery: encode: %w", err)
	}
	digest := sha256.Sum256(body)
	return &Document{body: body, etag: `"` + base64.RawURLEncoding.EncodeToString(digest[:16]) + `"`}, nil
}

// JSON is the document, which must not be changed.
func (d *Document) JSON() []byte { return d.body }

// ETag is its entity tag, with the quotes.
func (d *Document) ETag() string { return d.etag }

// ServeHTTP serves the document as Serve does.
func (d *Document) ServeHTTP(w http.ResponseWriter, r *http.Request) { Serve(w, r, d.body, d.etag) }

// CacheControl of every document. Five minutes are short beside the time for
// which a signing key is published before it signs.
const CacheControl = "public, max-age=300"

const (
	methods = "GET, HEAD, OPTIONS"
	// Whoever asks from a browser may send what it sends everywhere.
	requestHeaders = "Authorization, Content-Type, DPoP, If-None-Match, MCP-Protocol-Version"
)

// methodNotAllowed is an error as every endpoint has it.
var methodNotAllowed = []byte(`{"error":"invalid_request","error_description":"the request method is not allowed here"}`)

// Serve answers a request for a public JSON document, as metadata and the JWK
// Set are: GET and HEAD with a 304 to a matching If-None-Match, readable by any
// origin and without credentials, and 405 for every other method but a
// preflight.
func Serve(w http.ResponseWriter, r *http.Request, body []byte, etag string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.Set("Cache-Control", CacheControl)
		h.Set("Content-Type", "application/json")
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	case http.MethodOptions:
		h.Set("Allow", methods)
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", requestHeaders)
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", methods)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = w.Write(methodNotAllowed)
	}
}

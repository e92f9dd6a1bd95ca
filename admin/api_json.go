package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// What a request's body may be.
const (
	maxBody  = 16 << 10
	maxDepth = 16
)

// A problem is why a request of the API was refused (RFC 9457).
type problem struct {
	Status    int          `json:"status"`
	Code      string       `json:"code"`
	Title     string       `json:"title"`
	Reference string       `json:"reference,omitempty"`
	Fields    []fieldFault `json:"fields,omitempty"`

	cause error // is logged
}

// A fieldFault is one fault in a client's metadata.
type fieldFault struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// The refusals of a body.
var (
	errBody      = problem{Status: http.StatusBadRequest, Code: "invalid_request", Title: "the body is not the one JSON object that is described"}
	errTooLarge  = problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Title: "the body has more than 16 KiB"}
	errMediaType = problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Title: "want Content-Type application/json"}
)

// codes are those of statuses without one of their own.
var codes = map[int]string{
	http.StatusUnauthorized:         "unauthenticated",
	http.StatusForbidden:            "forbidden",
	http.StatusNotFound:             "not_found",
	http.StatusMethodNotAllowed:     "method_not_allowed",
	http.StatusMisdirectedRequest:   "misdirected_request",
	http.StatusPreconditionFailed:   "conflict",
	http.StatusPreconditionRequired: "precondition_required",
}

// problem answers with why a request is refused.
func (c *Console) problem(w http.ResponseWriter, r *http.Request, p problem) {
	if p.Code == "" {
		p.Code = codes[p.Status]
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	if p.cause != nil {
		p.Reference = c.record(r, p.Status, p.cause)
	}
	c.writeJSON(w, p.Status, "application/problem+json", p)
}

// apiFailed answers with an error of the service.
func (c *Console) apiFailed(w http.ResponseWriter, v *visit, err error) {
	refused := refusalOf(err)
	p := problem{Status: refused.status, Code: refused.code, Title: titles[refused.code]}
	if refused.code == "conflict" { // of what If-Match named
		p.Status = http.StatusPreconditionFailed
	}
	for _, f := range fieldFaults(err) {
		p.Fields = append(p.Fields, fieldFault{f.Field, f.Reason})
	}
	if refused.status == http.StatusForbidden || refused.status >= http.StatusInternalServerError {
		p.cause = err
	}
	c.problem(w, v.Request, p)
}

// titles say what a code means.
var titles = map[string]string{
	"invalid_request":         "a parameter is not understood",
	"forbidden":               "this is not permitted",
	"not_found":               "there is no such client, secret or authorization",
	"conflict":                "the client was changed meanwhile: read it again",
	"exists":                  "there is a client of this client_id",
	"bad_cursor":              "the cursor is not one of this list",
	"public_client":           "the client is public: it has no secrets",
	"too_many_secrets":        "the client has as many live secrets as it may",
	"last_secret":             "a confidential client cannot be without a secret",
	"chosen_secret":           "secrets are made by the server",
	"quota":                   "there are as many clients as there may be",
	"invalid_client_metadata": "the metadata has faults",
	"unavailable":             "the request could not be served just now",
}

// apiHeaders are those of every answer of the API: for no cache, no page of
// another origin, and nobody who takes it for a page.
func (c *Console) apiHeaders(h http.Header) {
	c.secureHeaders(h)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

func (c *Console) writeJSON(w http.ResponseWriter, status int, mediaType string, value any) {
	body, err := json.Marshal(value) // which escapes <, > and &
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	c.apiHeaders(w.Header())
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// answered serves a change that the API was asked for, unless a browser sent it
// from a page of another origin. With a cookie, which browsers send by
// themselves, there must be proof that it did not.
func (c *Console) answered(next func(http.ResponseWriter, *visit)) func(http.ResponseWriter, *visit) {
	return func(w http.ResponseWriter, v *visit) {
		err := c.sameOrigin(v.Request)
		h := v.Header
		if err == nil && h.Get("Cookie") != "" && h.Get("Origin") == "" && h.Get("Sec-Fetch-Site") == "" {
			err = errCrossOrigin
		}
		if err != nil {
			c.problem(w, v.Request, problem{Status: http.StatusForbidden, cause: err})
			return
		}
		next(w, v)
	}
}

// body reads a request's body into a value: one JSON object of bounded size
// and depth, with no name twice and none that the value does not have.
func (c *Console) body(w http.ResponseWriter, v *visit, into any) bool {
	refused := readBody(w, v.Request, into)
	if refused != nil {
		c.problem(w, v.Request, *refused)
	}
	return refused == nil
}

func readBody(w http.ResponseWriter, r *http.Request, into any) *problem {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return &errMediaType
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &errTooLarge
	}
	if err != nil || !isStrict(text) {
		return &errBody
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return &errBody
	}
	return nil
}

// isStrict reports whether text is one JSON object, not too deep, in which no
// object has a name twice.
func isStrict(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	start, err := decoder.Token()
	if err != nil || start != json.Delim('{') || !strictObject(decoder, 1) {
		return false
	}
	_, err = decoder.Token()
	return errors.Is(err, io.EOF)
}

func strictObject(d *json.Decoder, depth int) bool {
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		text, ok := name.(string)
		if err != nil || !ok || seen[text] || depth == 1 && !isMember(text) || !strictValue(d, depth) {
			return false
		}
		seen[text] = true
	}
	_, err := d.Token()
	return err == nil
}

// isMember reports whether a member of ours could have this name: encoding/json
// takes names in any case for the same.
func isMember(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' })
}

func strictValue(d *json.Decoder, depth int) bool {
	token, err := d.Token()
	if err != nil || depth > maxDepth {
		return false
	}
	switch token {
	case json.Delim('{'):
		return strictObject(d, depth+1)
	case json.Delim('['):
		for d.More() {
			if !strictValue(d, depth+1) {
				return false
			}
		}
		_, err = d.Token()
	}
	return err == nil
}

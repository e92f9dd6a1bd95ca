package wire

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// Form reads the application/x-www-form-urlencoded body of a POST to an
// endpoint that answers in JSON. It refuses, with the status named: another
// method (405), another media type or charset, or an encoded body (415), a
// body or URL past its limit (413, 414), a body that is not there in time (408);
// and with 400 an empty body, too many
// parameters, broken encoding, control characters, a parameter sent twice
// unless multi names it, and a query that carries a parameter of the protocol.
// Parameters without a value are left out (RFC 6749 §3.2), except redirect_uri.
func Form(w http.ResponseWriter, r *http.Request, l Limits, multi ...string) (url.Values, *oauth.Error) {
	if r.Method != http.MethodPost {
		return nil, MethodNotAllowed(w, http.MethodPost)
	}
	if urlTooLong(r, l) {
		return nil, errURLTooLong
	}
	if err := checkQuery(r.URL.RawQuery, l); err != nil {
		return nil, err
	}
	params, err := body(w, r, l)
	if err != nil {
		return nil, err
	}
	if len(params) == 0 {
		return nil, errBodyEmpty
	}
	if hasControl(params) {
		return nil, errControl
	}
	v, duplicated := values(params, multi)
	if len(duplicated) > 0 {
		return nil, errDuplicate
	}
	return v, nil
}

// body reads the parameters of a form body.
func body(w http.ResponseWriter, r *http.Request, l Limits) ([]param, *oauth.Error) {
	if !isForm(r.Header) {
		return nil, errMediaType
	}
	if len(r.Header["Content-Encoding"]) > 0 {
		return nil, errContentEncoding
	}
	encoded, err := readBody(w, r, l)
	if err != nil {
		return nil, err
	}
	return decode(encoded, l.Params)
}

const formType = "application/x-www-form-urlencoded"

// isForm reports whether there is one Content-Type and it is the form's, in
// UTF-8.
func isForm(h http.Header) bool {
	types := h["Content-Type"]
	if len(types) != 1 {
		return false
	}
	if types[0] == formType { // the common case, without the maps of a parse
		return true
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != formType {
		return false
	}
	for name, value := range params {
		if name == "charset" && !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

// readBody reads a body of at most l.Body bytes, before the request's context
// ends.
func readBody(w http.ResponseWriter, r *http.Request, l Limits) (string, *oauth.Error) {
	if r.Body == nil {
		return "", nil
	}
	if r.ContentLength > l.Body {
		w.Header().Set("Connection", "close") // what follows will not be read
		return "", errBodyTooLarge
	}
	// A context does not end a read: without this, a body that trickles in
	// would hold its request for as long as the host's server lets it.
	if end, ok := r.Context().Deadline(); ok {
		_ = http.NewResponseController(w).SetReadDeadline(end) // not every writer can
	}
	limited := http.MaxBytesReader(w, r.Body, l.Body)
	var b []byte
	var err error
	if r.ContentLength > 0 {
		b = make([]byte, r.ContentLength)
		_, err = io.ReadFull(limited, b)
	} else {
		b, err = io.ReadAll(limited)
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return "", errBodyTooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "", errBodySlow
	}
	if err != nil {
		return "", errBodyUnreadable.Because(err)
	}
	return string(b), nil
}

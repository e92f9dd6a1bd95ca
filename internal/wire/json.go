package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// JSON writes a response that is not to be cached (RFC 6749 §5.1). A []byte or
// json.RawMessage is written as it is, anything else is marshalled; what
// cannot be becomes status 500.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	h := w.Header()
	noStore(h)
	h["Content-Type"] = valueJSON
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller is gone: there is no one to tell
}

// marshal is v as JSON.
func marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case json.RawMessage:
		return v, nil
	}
	return json.Marshal(v)
}

// errorBody is the one shape of an error in JSON (RFC 6749 §5.2).
type errorBody struct {
	Error       oauth.Code `json:"error"`
	Description string     `json:"error_description,omitempty"`
}

// Error writes a refusal as JSON. Its description ends with the reference,
// where there is one. The challenge is the value of WWW-Authenticate, from
// BasicChallenge or BearerChallenge; it is sent with status 401, and unless it
// is Basic with every other (RFC 6750 §3). 429 and 503 carry Retry-After: what
// a cause with a method RetryAfter() time.Duration says, or one second.
func Error(w http.ResponseWriter, _ *http.Request, e *oauth.Error, reference, challenge string) {
	status := e.HTTPStatus()
	if challenge != "" && (status == http.StatusUnauthorized || !strings.HasPrefix(challenge, "Basic ")) {
		w.Header()["Www-Authenticate"] = []string{challenge}
	}
	retryAfter(w.Header(), status, e)
	JSON(w, status, errorBody{e.Code, describe(e.Description, reference)})
}

// retryAfter says when a caller should come back, where the status calls for
// it.
func retryAfter(h http.Header, status int, e *oauth.Error) {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	after := time.Second
	if cause, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](e); ok {
		after = max(after, cause.RetryAfter())
	}
	seconds := int64((after + time.Second - 1) / time.Second)
	h["Retry-After"] = []string{strconv.FormatInt(seconds, 10)}
}

// BasicChallenge is the challenge of a failed client authentication (RFC 7617
// §2).
func BasicChallenge(realm string) string {
	return `Basic realm="` + quotable(realm) + `", charset="UTF-8"`
}

// BearerChallenge is the challenge of a protected resource (RFC 6750 §3). A
// nil e, for a request without a token, names no error. A scope says what the
// resource wants; it may be empty.
func BearerChallenge(realm string, e *oauth.Error, scope string) string {
	var b strings.Builder
	b.WriteString(`Bearer realm="` + quotable(realm) + `"`)
	if e != nil {
		b.WriteString(`, error="` + quotable(string(e.Code)) + `"`)
		if e.Description != "" {
			b.WriteString(`, error_description="` + quotable(e.Description) + `"`)
		}
	}
	if scope != "" {
		b.WriteString(`, scope="` + quotable(scope) + `"`)
	}
	return b.String()
}

// quotable is s without what would end or break a quoted-string (RFC 9110
// §5.6.4).
func quotable(s string) string { return strings.ReplaceAll(Description(s), "\\", "?") }

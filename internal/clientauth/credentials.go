// Package clientauth authenticates clients: one method per request, the one
// the client is registered for, and the same refusal for everything that does
// not fit.
//
// It owns the secrets that the server makes for clients and the order of the
// checks. It keeps no clients, and what an authenticated client may do is not
// its concern.
package clientauth

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/seed36673005/authserver/oauth"
)

// Credentials are what a request says of its client.
type Credentials struct {
	ClientID string
	// Secret is empty with the method none.
	Secret string
	// Method is client_secret_basic, client_secret_post or none.
	Method string
}

// String leaves the secret out.
func (c Credentials) String() string { return c.ClientID + " by " + c.Method }

// The most bytes of an Authorization header, and of a client_id.
const (
	maxHeader   = 8 << 10
	maxClientID = 2 << 10
)

// assertionType is the one client_assertion_type there is (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

var (
	errNoCredentials  = oauth.E(oauth.InvalidClient, "the request has no client authentication and no client_id")
	errScheme         = oauth.E(oauth.InvalidClient, "the Authorization scheme must be Basic")
	errMalformed      = oauth.E(oauth.InvalidClient, "the Authorization header is not Basic with a form-encoded client_id and secret (RFC 6749 2.3.1)")
	errTwoHeaders     = oauth.E(oauth.InvalidRequest, "the request has more than one Authorization header")
	errTwoMethods     = oauth.E(oauth.InvalidRequest, "the client must not use more than one authentication method (RFC 6749 2.3)")
	errTwoIDs         = oauth.E(oauth.InvalidRequest, "client_id is not the client of the Authorization header")
	errSecretWithout  = oauth.E(oauth.InvalidRequest, "client_secret was sent without client_id")
	errInURL          = oauth.E(oauth.InvalidRequest, "client credentials must not be sent in the URL (RFC 6749 2.3.1)")
	errAssertionType  = oauth.E(oauth.InvalidRequest, "client_assertion_type and client_assertion must be sent together, with the type of RFC 7523")
	errAssertion      = oauth.E(oauth.InvalidClient, "client assertions are not accepted")
	errClientIDLength = oauth.E(oauth.InvalidClient, "client_id is too long")
)

// Read finds the one set of credentials of a request: an Authorization header
// with Basic, or client_id and client_secret in the body, or client_id alone.
// The form is the body's, without parameters that have no value.
//
// Two methods, two headers, ids that differ, a secret in the URL and an
// incomplete assertion are invalid_request; a malformed header, another scheme
// and no client_id at all are invalid_client. Basic with an empty secret is
// the method none: clients that have no secret send it.
func Read(r *http.Request, form url.Values) (Credentials, *oauth.Error) {
	if r.URL.RawQuery != "" && inURL(r.URL.RawQuery) {
		return Credentials{}, errInURL
	}
	header, refusal := fromHeader(r.Header["Authorization"])
	if refusal != nil {
		return Credentials{}, refusal
	}
	body := fromBody(form)
	if refusal := checkAssertion(form, header, body); refusal != nil {
		return Credentials{}, refusal
	}
	return one(header, body)
}

// one is the credentials of header and body together.
func one(header, body Credentials) (Credentials, *oauth.Error) {
	switch {
	case header.ClientID != "" && body.Secret != "":
		return Credentials{}, errTwoMethods
	case header.ClientID != "" && body.ClientID != "" && header.ClientID != body.ClientID:
		return Credentials{}, errTwoIDs
	case header.ClientID == "" && body.ClientID == "" && body.Secret != "":
		return Credentials{}, errSecretWithout
	case header.ClientID == "" && body.ClientID == "":
		return Credentials{}, errNoCredentials
	case max(len(header.ClientID), len(body.ClientID)) > maxClientID:
		return Credentials{}, errClientIDLength
	case header.ClientID != "":
		return header, nil
	}
	return body, nil
}

// fromBody reads client_id and client_secret.
func fromBody(form url.Values) Credentials {
	c := Credentials{ClientID: form.Get("client_id"), Secret: form.Get("client_secret"), Method: oauth.AuthMethodNone}
	if c.Secret != "" {
		c.Method = oauth.AuthMethodPost
	}
	return c
}

// fromHeader reads the Authorization header; zero if there is none.
func fromHeader(headers []string) (Credentials, *oauth.Error) {
	switch {
	case len(headers) == 0:
		return Credentials{}, nil
	case len(headers) > 1:
		return Credentials{}, errTwoHeaders
	case len(headers[0]) > maxHeader:
		return Credentials{}, errMalformed
	}
	scheme, encoded, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return Credentials{}, errScheme
	}
	return fromBasic(strings.TrimLeft(encoded, " "))
}

// fromBasic decodes the credentials of the Basic scheme (RFC 7617 §2), each
// part form-encoded inside them (RFC 6749 §2.3.1).
func fromBasic(encoded string) (Credentials, *oauth.Error) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return Credentials{}, errMalformed
	}
	id, secret, found := strings.Cut(string(decoded), ":")
	id, idOK := decodePart(id)
	secret, secretOK := decodePart(secret)
	if !found || !idOK || !secretOK || id == "" {
		return Credentials{}, errMalformed
	}
	if secret == "" {
		return Credentials{ClientID: id, Method: oauth.AuthMethodNone}, nil
	}
	return Credentials{ClientID: id, Secret: secret, Method: oauth.AuthMethodBasic}, nil
}

// decodePart decodes a form-encoded part and refuses what no body could hold.
func decodePart(s string) (string, bool) {
	decoded, err := url.QueryUnescape(s)
	ok := err == nil && utf8.ValidString(decoded) && !strings.ContainsFunc(decoded, func(c rune) bool { return c < ' ' || c == 0x7f })
	return decoded, ok
}

// checkAssertion refuses client assertions (RFC 7521 §4.2), each for its own
// reason.
func checkAssertion(form url.Values, header, body Credentials) *oauth.Error {
	assertion, kind := form.Get("client_assertion"), form.Get("client_assertion_type")
	switch {
	case assertion == "" && kind == "":
		return nil
	case header.ClientID != "" || body.Secret != "":
		return errTwoMethods
	case assertion == "" || kind != assertionType:
		return errAssertionType
	}
	return errAssertion
}

// inURL reports whether a query carries a secret or an assertion, or cannot be
// read for certain.
func inURL(rawQuery string) bool {
	if len(rawQuery) > maxHeader {
		return true
	}
	query, err := url.ParseQuery(rawQuery)
	return err != nil || query.Has("client_secret") || query.Has("client_assertion")
}

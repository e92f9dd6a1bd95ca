package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed36673005/authserver/oauth"
)

// Authorization reads an authorization request: the query of a GET, or the
// form body of a POST (OpenID Connect Core §3.1.2.1). What it refuses itself
// is answered with an error page: another method (405), a URL or body past its
// limit (414, 413), another media type (415), too many parameters, broken
// encoding, NUL, or a POST with parameters of the protocol in its query.
//
// Parameters that came twice are in duplicated, sorted, and not in v, because
// the answer depends on which they are: with client_id or redirect_uri among
// them there is no one to redirect to. resource and audience may repeat.
// Parameters without a value are left out, except redirect_uri. Other control
// characters pass: each parameter has its own rule, and state has none.
func Authorization(w http.ResponseWriter, r *http.Request, l Limits) (v url.Values, duplicated []string, err *oauth.Error) {
	params, err := authorizationParams(w, r, l)
	if err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(params, func(p param) bool { return strings.Contains(p.name+p.value, "\x00") }) {
		return nil, nil, errControl
	}
	v, duplicated = values(params, []string{"resource", "audience"})
	return v, duplicated, nil
}

// authorizationParams reads the parameters from where the method has them.
func authorizationParams(w http.ResponseWriter, r *http.Request, l Limits) ([]param, *oauth.Error) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return nil, MethodNotAllowed(w, "GET, POST")
	case urlTooLong(r, l):
		return nil, errURLTooLong
	case r.Method == http.MethodGet:
		return decode(r.URL.RawQuery, l.Params)
	}
	if err := checkQuery(r.URL.RawQuery, l); err != nil {
		return nil, err
	}
	return body(w, r, l)
}

package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// serveAuthorize is the authorization endpoint (RFC 6749 §3.1). It checks all
// that can be checked before an end user is troubled, and then hands over to
// the host.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	ev := &Event{Type: EventAuthorize}
	form, duplicated, refused := wire.Authorization(w, r, wire.DefaultLimits)
	if refused != nil {
		s.errorPage(w, r, ev, refused)
		return
	}
	c, err := s.authorizeClient(r.Context(), form, duplicated)
	if err != nil {
		s.errorPage(w, r, ev, err)
		return
	}
	ev.ClientID = c.ID
	// From here on there is somebody to tell: every refusal goes back to the
	// client that asked.
	in := newInteraction(c, form)
	if err := s.checkRequest(r.Context(), c, form, duplicated, in); err != nil {
		if c.Dynamic && !c.Verified {
			// Whoever registers could make of this an open redirector (RFC 9700 §4.11.2).
			s.errorPage(w, r, ev, err)
			return
		}
		s.answerError(w, r, ev, in, err)
		return
	}
	s.interact(w, r, ev, c, in)
}

var (
	errClientID = oauth.E(oauth.InvalidClient, "client_id: expected the id of a registered application").
			WithStatus(http.StatusBadRequest)
	errRedirectURI = oauth.E(oauth.InvalidRequest, "redirect_uri: expected one that is registered for this application")
)

// authorizeClient finds who asks and makes sure that the answer may go where
// the request says; until then nothing is ever sent anywhere.
func (s *Server) authorizeClient(ctx context.Context, form url.Values, duplicated []string) (*oauth.Client, error) {
	if slices.Contains(duplicated, "client_id") {
		return nil, oauth.E(oauth.InvalidRequest, "client_id: expected once")
	}
	c, err := s.client(ctx, form.Get("client_id"))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, errClientID
	case err != nil:
		return nil, unavailable(err)
	case c.Disabled:
		return nil, errClientID
	}
	if slices.Contains(duplicated, "redirect_uri") {
		return nil, oauth.E(oauth.InvalidRequest, "redirect_uri: expected once")
	}
	if !wire.MatchRedirect(c, form.Get("redirect_uri")) {
		return nil, errRedirectURI
	}
	if !c.Approved() {
		return nil, errUnapproved.WithStatus(http.StatusForbidden)
	}
	return c, nil
}

// newInteraction is what is known of a request once its redirect URI is
// trusted: enough to answer it with an error.
func newInteraction(c *oauth.Client, form url.Values) *interaction {
	in := &interaction{
		V: interactionVersion, ClientID: c.ID, At: grantstate.At(time.Now()),
		Request: engine.Request{
			ResponseType: normalResponseType(form.Get("response_type")),
			RedirectURI:  form.Get("redirect_uri"),
			State:        form.Get("state"),
			Nonce:        form.Get("nonce"),
		},
	}
	in.Mode = defaultMode(in.Request.ResponseType)
	if mode := form.Get("response_mode"); knownMode(mode) && !leaks(in.Request.ResponseType, mode) {
		in.Mode = mode
	}
	return in
}

// responseTypeOrder is the order of the registry.
var responseTypeOrder = []string{"code", "id_token", "token"}

// normalResponseType puts the members of a response type in the order of the
// registry: code id_token and id_token code are one (RFC 6749 §3.1.1). What is
// none of OpenID's comes back as it is, and is refused as unknown.
func normalResponseType(param string) string {
	members := strings.Split(param, " ")
	if len(members) < 2 {
		return param
	}
	var ordered []string
	for _, m := range responseTypeOrder {
		if slices.Contains(members, m) {
			ordered = append(ordered, m)
		}
	}
	if len(ordered) != len(members) {
		return param
	}
	return strings.Join(ordered, " ")
}

// tokenInURL reports whether a response type returns more than a code.
func tokenInURL(responseType string) bool { return strings.Contains(responseType, "token") }

func defaultMode(responseType string) string {
	if tokenInURL(responseType) {
		return oauth.ResponseModeFragment
	}
	return oauth.ResponseModeQuery
}

func knownMode(mode string) bool {
	return mode == oauth.ResponseModeQuery || mode == oauth.ResponseModeFragment || mode == oauth.ResponseModeFormPost
}

// leaks reports whether a mode would put a token in a query string (Multiple
// Response Types §3.0).
func leaks(responseType, mode string) bool {
	return mode == oauth.ResponseModeQuery && tokenInURL(responseType)
}

// checkRequest is the ordered list of what is checked once the redirect URI is
// trusted.
func (s *Server) checkRequest(ctx context.Context, c *oauth.Client, form url.Values, duplicated []string, in *interaction) error {
	if len(duplicated) > 0 {
		return oauth.E(oauth.InvalidRequest, "a parameter was sent more than once (RFC 6749 section 3.1)")
	}
	checks := []func() *oauth.Error{
		func() *oauth.Error { return checkUnsupported(form) },
		func() *oauth.Error { return checkSizes(form) },
		func() *oauth.Error { return s.checkResponseType(c, form, in) },
		func() *oauth.Error { return s.checkScope(c, form, in) },
		func() *oauth.Error { return checkNonce(in) },
		func() *oauth.Error { return checkPKCE(c, form, in) },
		func() *oauth.Error { return s.checkResources(c, form, in) },
		func() *oauth.Error { return checkPrompt(form, in) },
		func() *oauth.Error { return checkMaxAge(c, form, in) },
		func() *oauth.Error { return s.checkClaims(c, form, in) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	if err := s.checkHint(ctx, c, form, in); err != nil {
		return err
	}
	return s.engine.Validate(ctx, c, in.Request)
}

// checkUnsupported refuses what would change the request if it were served.
func checkUnsupported(form url.Values) *oauth.Error {
	switch {
	case form.Has("request") && form.Has("request_uri"):
		return oauth.E(oauth.InvalidRequest, "request and request_uri: expected not both")
	case form.Has("request"):
		return oauth.E(oauth.RequestNotSupported, "request: request objects are not served")
	case form.Has("request_uri"):
		return oauth.E(oauth.RequestURINotSupported, "request_uri: request objects are not served")
	case form.Has("registration"):
		return oauth.E(oauth.RegistrationNotSupported, "registration: not served")
	}
	return nil
}

// Bounds of parameters that are carried along, in bytes.
const (
	maxState     = 4 << 10
	maxNonce     = 1 << 10
	maxLoginHint = 256
	maxLocales   = 256
	maxACRValues = 1 << 10
	maxClaims    = 8 << 10
)

func checkSizes(form url.Values) *oauth.Error {
	for _, bound := range []struct {
		param string
		bytes int
	}{
		{"state", maxState}, {"nonce", maxNonce}, {"acr_values", maxACRValues}, {"claims", maxClaims},
	} {
		if len(form.Get(bound.param)) > bound.bytes {
			return oauth.E(oauth.InvalidRequest, bound.param+": longer than this server carries")
		}
	}
	return nil
}

// checkResponseType wants one that is served, and that the client may use with
// the grants it has.
func (s *Server) checkResponseType(c *oauth.Client, form url.Values, in *interaction) *oauth.Error {
	responseType := in.Request.ResponseType
	switch {
	case responseType == "":
		return oauth.E(oauth.InvalidRequest, "response_type: required (RFC 6749 section 3.1.1)")
	case !slices.Contains(s.metadata.ResponseTypesSupported, responseType):
		return oauth.E(oauth.UnsupportedResponseType, "response_type: expected one of response_types_supported")
	case !c.MayRespond(responseType), !mayGrant(c, responseType):
		return oauth.E(oauth.UnauthorizedClient, "response_type: expected one that this client is registered for")
	}
	mode := form.Get("response_mode")
	if mode == "" {
		return nil
	}
	if !knownMode(mode) {
		return oauth.E(oauth.InvalidRequest, "response_mode: expected one of response_modes_supported")
	}
	if leaks(responseType, mode) {
		return oauth.E(oauth.InvalidRequest, "response_mode: query cannot carry a token (Multiple Response Types section 3)")
	}
	return nil
}

// mayGrant reports whether the client has the grants that a response type is
// made of.
func mayGrant(c *oauth.Client, responseType string) bool {
	members := strings.Fields(responseType)
	if slices.Contains(members, "code") && !c.MayUse(oauth.GrantTypeAuthorizationCode) {
		return false
	}
	front := slices.Contains(members, "token") || responseType == oauth.ResponseTypeIDToken
	return !front || c.MayUse(oauth.GrantTypeImplicit)
}

func (s *Server) checkScope(c *oauth.Client, form url.Values, in *interaction) *oauth.Error {
	scopes, err := s.requestedScopes(c, form.Get("scope"))
	if err != nil {
		return err
	}
	// OpenID Connect Core §11: offline_access is ignored where no refresh
	// token can be given.
	offline := strings.Contains(in.Request.ResponseType, "code") && s.offer.refresh != nil && c.MayUse(oauth.GrantTypeRefreshToken)
	in.Request.Scopes = slices.DeleteFunc(scopes, func(scope string) bool {
		return scope == oauth.ScopeOfflineAccess && !offline
	})
	if strings.Contains(in.Request.ResponseType, "id_token") && !in.openID() {
		return oauth.E(oauth.InvalidRequest, "scope: openid is expected with this response_type")
	}
	return nil
}

// checkNonce: an ID token that goes through the browser is bound to the
// client's session by nothing else (OpenID Connect Core §3.2.2.1, §3.3.2.1).
func checkNonce(in *interaction) *oauth.Error {
	if strings.Contains(in.Request.ResponseType, "id_token") && in.Request.Nonce == "" {
		return oauth.E(oauth.InvalidRequest, "nonce: required with this response_type")
	}
	return nil
}

// checkPKCE wants an S256 challenge for a code (RFC 7636 §4.3), of every
// client whose policy does not make it optional (RFC 9700 §2.1.1).
func checkPKCE(c *oauth.Client, form url.Values, in *interaction) *oauth.Error {
	challenge, method := form.Get("code_challenge"), form.Get("code_challenge_method")
	switch {
	case !strings.Contains(in.Request.ResponseType, "code"):
		return nil
	case challenge == "" && method != "":
		return oauth.E(oauth.InvalidRequest, "code_challenge: required with code_challenge_method")
	case challenge == "" && c.PKCE == oauth.PKCEOptional && !c.Public():
		return nil
	case challenge == "":
		return oauth.E(oauth.InvalidRequest, "code_challenge: required (RFC 7636)")
	case method != oauth.PKCEMethodS256:
		return oauth.E(oauth.InvalidRequest, "code_challenge_method: expected S256")
	case !validChallenge(challenge):
		return oauth.E(oauth.InvalidRequest, "code_challenge: expected 43 characters of base64url (RFC 7636 section 4.2)")
	}
	in.Challenge = challenge
	return nil
}

// validChallenge: an S256 challenge is the base64url of 32 bytes.
func validChallenge(challenge string) bool {
	if len(challenge) != 43 {
		return false
	}
	return strings.IndexFunc(challenge, func(r rune) bool {
		alphanumeric := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !alphanumeric && r != '-' && r != '_'
	}) < 0
}

func (s *Server) checkResources(c *oauth.Client, form url.Values, in *interaction) *oauth.Error {
	asked := form["resource"]
	if len(asked) == 0 {
		in.Resources = s.defaultResources(c, in.Request.Scopes)
		return nil
	}
	resources, err := s.requestedResources(c, asked)
	in.Resources = resources
	return err
}

// checkClaims parses the claims parameter (OpenID Connect Core §5.5).
func (s *Server) checkClaims(c *oauth.Client, form url.Values, in *interaction) *oauth.Error {
	in.LoginHint = clip(form.Get("login_hint"), maxLoginHint)
	in.UILocales = strings.Fields(clip(form.Get("ui_locales"), maxLocales))
	in.ACRValues = strings.Fields(form.Get("acr_values"))
	if len(in.ACRValues) == 0 {
		in.ACRValues = c.DefaultACRValues
	}
	if !in.openID() || !form.Has("claims") {
		return nil
	}
	request, err := parseClaimsRequest(form.Get("claims"))
	if err != nil {
		return err
	}
	in.require(request, form.Get("claims"))
	return nil
}

// require takes over what a claims parameter demands of the authentication.
func (in *interaction) require(request claimsRequest, raw string) {
	in.Claims = json.RawMessage(raw)
	if _, ok := request.IDToken["auth_time"]; ok {
		in.WantTime = true
	}
	if acr := request.IDToken["acr"]; acr != nil && len(acr.strings()) > 0 {
		in.ACRValues, in.EssentialACR = acr.strings(), acr.Essential
	}
	if sub := request.IDToken["sub"]; sub != nil && len(sub.strings()) > 0 {
		in.RequestedSub = sub.strings()[0]
	}
}

// clip drops a value that is longer than is carried: it is a hint.
func clip(value string, bytes int) string {
	if len(value) > bytes {
		return ""
	}
	return value
}

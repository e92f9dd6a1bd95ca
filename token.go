package authserver

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// tokenRequest is a request at the token endpoint, once its client is known.
type tokenRequest struct {
	client    *oauth.Client
	form      url.Values
	keys      *keys.Set
	now       time.Time
	ev        *Event
	grantType string
	verdict   grantstate.Verdict // on the code or token that was sent
	http      *http.Request
}

// tokenResult is what an exchange comes to.
type tokenResult struct {
	*engine.TokenAnswer
	subject string
	extra   map[string]any
}

// exchange is what one grant_type does.
type exchange func(ctx context.Context, t *tokenRequest) (tokenResult, error)

// newExchanges are those of the grants that are on.
func (s *Server) newExchanges() map[string]exchange {
	m := map[string]exchange{}
	if s.offer.code != nil {
		m[oauth.GrantTypeAuthorizationCode] = s.redeemCode()
	}
	if s.offer.refresh != nil {
		m[oauth.GrantTypeRefreshToken] = s.refresh()
	}
	if s.offer.credentials != nil {
		m[oauth.GrantTypeClientCredentials] = s.clientCredentials
	}
	if s.offer.password != nil {
		m[oauth.GrantTypePassword] = s.password
	}
	if s.offer.device != nil {
		m[oauth.GrantTypeDeviceCode] = s.redeemDevice()
	}
	for _, g := range s.offer.extensions {
		m[g.Type] = s.extension(g)
	}
	return m
}

var (
	errGrantType        = oauth.E(oauth.InvalidRequest, "grant_type: required (RFC 6749 section 4.5)")
	errUnknownGrantType = oauth.E(oauth.UnsupportedGrantType, "grant_type: expected one of grant_types_supported")
	errClientGrantType  = oauth.E(oauth.UnauthorizedClient, "grant_type: expected one that this client is registered for")
)

// serveToken is the token endpoint (RFC 6749 §3.2).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	t := &tokenRequest{ev: &Event{Type: EventToken}, now: time.Now(), http: r}
	result, err := s.exchangeToken(w, r, t)
	if err != nil {
		s.errorJSON(w, r, t.ev, err, s.challenge)
		return
	}
	s.record(r.Context(), t.ev, nil)
	wire.JSON(w, http.StatusOK, tokenBody(result))
}

// exchangeToken is the ordered list of what is checked of every token request.
func (s *Server) exchangeToken(w http.ResponseWriter, r *http.Request, t *tokenRequest) (result tokenResult, err error) {
	form, refused := wire.Form(w, r, wire.DefaultLimits, "resource", "audience")
	if refused != nil {
		return result, refused
	}
	t.form, t.grantType = form, form.Get("grant_type")
	if t.grantType == "" {
		return result, errGrantType
	}
	run, known := s.exchanges[t.grantType]
	if !known {
		return result, errUnknownGrantType
	}
	t.ev.GrantType = t.grantType
	if t.client, err = s.authenticate(w, r, form, t.ev); err != nil {
		return result, err
	}
	if !t.client.MayUse(t.grantType) {
		return result, errClientGrantType
	}
	if t.keys, err = s.keys(r.Context()); err != nil {
		return result, err
	}
	return run(r.Context(), t)
}

// authenticate finds the client of a request and wants it to be approved,
// which nobody learns of who is not the client.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request, form url.Values, ev *Event) (*oauth.Client, error) {
	c, err := s.identify(w, r, form, ev)
	if err != nil {
		return nil, err
	}
	if !c.Approved() {
		ev.Rule = "approval"
		return nil, errUnapproved
	}
	return c, nil
}

// identify finds the client of a request, and lets the pages of its own
// origins read the answer.
func (s *Server) identify(w http.ResponseWriter, r *http.Request, form url.Values, ev *Event) (*oauth.Client, error) {
	c, refused := s.auth.Authenticate(r.Context(), r, form)
	if refused != nil {
		ev.Rule = "client authentication"
		return nil, refused
	}
	ev.ClientID = c.ID
	allowOrigin(w, r, c)
	return c, nil
}

// tokenResponse is the answer of RFC 6749 §5.1.
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// tokenBody is the answer, with the members an extension grant adds. They
// cannot replace the standard ones.
func tokenBody(result tokenResult) any {
	body := tokenResponse{
		AccessToken: result.AccessToken, TokenType: "Bearer", ExpiresIn: result.ExpiresIn,
		RefreshToken: result.RefreshToken, IDToken: result.IDToken, Scope: strings.Join(result.Scopes, " "),
	}
	if len(result.extra) == 0 {
		return body
	}
	return merged(result.extra, body)
}

// authorization is an authorization in the course of this request.
func (s *Server) authorization(t *tokenRequest, secret token.Secret, st grantstate.State) *engine.Authorization {
	return &engine.Authorization{
		Client: t.client, Keys: t.keys, Now: t.now, Secret: secret, GrantID: secret.GrantID(), State: st,
		AccessLifetime: s.cfg.AccessTokenLifetime, AccessFormat: s.accessFormat(t.client),
	}
}

func (s *Server) accessFormat(c *oauth.Client) oauth.AccessTokenFormat {
	if c.AccessTokenFormat != oauth.AccessTokenDefault {
		return c.AccessTokenFormat
	}
	return s.cfg.AccessTokenFormat
}

// mayRefresh reports whether an authorization is given a refresh token.
func (s *Server) mayRefresh(c *oauth.Client, scopes []string) bool {
	if s.offer.refresh == nil || !c.MayUse(oauth.GrantTypeRefreshToken) {
		return false
	}
	return s.offer.refresh.Always || slices.Contains(scopes, oauth.ScopeOfflineAccess) ||
		!slices.Contains(scopes, oauth.ScopeOpenID)
}

// still checks what may have changed since the end user agreed: the end user
// may be gone, and the client may have lost scopes.
func (s *Server) still(ctx context.Context, c *oauth.Client, st *grantstate.State) error {
	if err := s.subjectLives(ctx, st.Subject, errSubjectGrant); err != nil {
		return err
	}
	st.Scopes = slices.DeleteFunc(slices.Clone(st.Scopes), func(scope string) bool {
		return !slices.Contains(c.Scopes, scope)
	})
	return nil
}

var (
	errSubjectGrant = oauth.E(oauth.InvalidGrant, "the end user may no longer be served")
	errScopeGrant   = oauth.E(oauth.InvalidScope, "scope: expected no more than was granted")
	errTargetGrant  = oauth.E(oauth.InvalidTarget, "resource: expected no more than was granted")
)

// narrow gives the access token of this request less than the authorization
// has, where it asks for less (RFC 6749 §6, RFC 8707 §2.2).
func narrow(t *tokenRequest, a *engine.Authorization, byScope bool) error {
	a.Scopes, a.Resources = a.State.Scopes, a.State.Resources
	if scope := t.form.Get("scope"); byScope && scope != "" {
		asked, ok := wire.ScopeList(scope)
		if !ok || !contained(asked, a.State.Scopes) {
			return errScopeGrant
		}
		a.Narrowed = a.Narrowed || len(asked) < len(a.State.Scopes)
		a.Scopes = asked
	}
	if resources := t.form["resource"]; len(resources) > 0 {
		found, err := matchResources(resources, a.State.Resources)
		if err != nil {
			return errTargetGrant
		}
		a.Narrowed = a.Narrowed || len(found) < len(a.State.Resources)
		a.Resources = found
	}
	if !a.Narrowed {
		a.Scopes, a.Resources = nil, nil
	}
	return nil
}

func contained(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(one string) bool { return !slices.Contains(whole, one) })
}

// parse reads an opaque token of one kind. A token of another kind, or one
// that this server did not make, costs no storage call.
func (s *Server) parse(set *keys.Set, kind token.Kind, text string) (token.Token, bool) {
	t, ok := s.tokens.Parse(set, text)
	return t, ok && t.Kind == kind
}

// newGrant is the state of an authorization that begins at the token endpoint.
func (s *Server) newGrant(t *tokenRequest, subject string, scopes []string) (grantstate.State, error) {
	st := grantstate.State{
		V: grantstate.Version, GrantType: t.grantType, ClientID: t.client.ID, Subject: subject, Scopes: scopes,
		CreatedAt: grantstate.At(t.now), EndsAt: grantstate.At(t.now.Add(s.absoluteEnd())),
	}
	if asked := t.form["resource"]; len(asked) > 0 {
		found, err := s.requestedResources(t.client, asked)
		if err != nil {
			return st, err
		}
		st.Resources = found
		return st, nil
	}
	st.Resources = s.defaultResources(t.client, scopes)
	return st, nil
}

// begin issues the tokens of a new authorization and stores it. A grant secret
// that is taken is drawn anew.
func (s *Server) begin(ctx context.Context, t *tokenRequest, st grantstate.State, refresh bool) (*engine.TokenAnswer, error) {
	for range 3 {
		secret, err := token.NewSecret()
		if err != nil {
			return nil, unavailable(err)
		}
		a := s.authorization(t, secret, st)
		a.Refresh = refresh
		a.Stateless = a.AccessFormat == oauth.AccessTokenJWT && !refresh && st.Subject == ""
		answer, err := s.engine.Token(ctx, a, t.grantType)
		if err != nil {
			return nil, unavailable(err)
		}
		t.ev.GrantID = a.GrantID
		if a.Stateless {
			return answer, nil
		}
		err = s.create(ctx, a)
		if err == nil {
			return answer, nil
		}
		if !errors.Is(err, storage.ErrExists) {
			return nil, unavailable(err)
		}
	}
	return nil, unavailable(storage.ErrExists)
}

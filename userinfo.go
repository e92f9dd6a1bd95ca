package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/jose"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
)

// errNoToken is the refusal of a request that shows no token at all: its
// challenge names no error (RFC 6750 §3.1).
var errNoToken = oauth.E(oauth.InvalidToken, "an access token is required")

var (
	errBearer      = oauth.E(oauth.InvalidRequest, "expected one access token, in the Authorization header or in a form body")
	errOpenIDScope = oauth.E(oauth.InsufficientScope, "the access token needs the scope openid")
)

// serveUserinfo is the userinfo endpoint (OpenID Connect Core §5.3).
func (s *Server) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	ev := &Event{Type: EventUserinfo}
	c, claims, err := s.userinfo(w, r, ev)
	if err != nil {
		s.errorJSON(w, r, ev, err, s.bearerChallenge(err))
		return
	}
	if err := s.writeUserinfo(w, r, c, claims); err != nil {
		s.errorJSON(w, r, ev, err, s.bearerChallenge(err))
		return
	}
	s.record(r.Context(), ev, nil)
}

// bearerChallenge is that of RFC 6750 §3: it names an error only where a token
// was shown.
func (s *Server) bearerChallenge(err error) string {
	e := oauth.AsError(err)
	switch {
	case errors.Is(err, errNoToken):
		return wire.BearerChallenge(s.cfg.Issuer, nil, "")
	case e.Code == oauth.InsufficientScope:
		return wire.BearerChallenge(s.cfg.Issuer, e, oauth.ScopeOpenID)
	case e.HTTPStatus() < 500:
		return wire.BearerChallenge(s.cfg.Issuer, e, "")
	}
	return ""
}

func (s *Server) userinfo(w http.ResponseWriter, r *http.Request, ev *Event) (*oauth.Client, map[string]json.RawMessage, error) {
	text, err := bearerToken(w, r)
	if err != nil {
		return nil, nil, err
	}
	ctx := r.Context()
	l, c, err := s.accessToken(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	ev.ClientID, ev.GrantID, ev.Subject = l.client, l.grantID, l.state.Subject
	if !s.meantFor(l) {
		return nil, nil, errInvalidToken
	}
	if l.state.Subject == "" || !slices.Contains(l.scopes, oauth.ScopeOpenID) {
		return nil, nil, errOpenIDScope
	}
	allowOrigin(w, r, c)
	claims, err := s.userClaims(ctx, c, l)
	return c, claims, err
}

// bearerToken is the one access token of a request, from the header or a form
// body (RFC 6750 §2.1, §2.2), never from the URL.
func bearerToken(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return "", wire.MethodNotAllowed(w, "GET, POST")
	}
	if strings.Contains(r.URL.RawQuery, "access_token") {
		return "", errBearer
	}
	inBody := ""
	if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "" && r.ContentLength != 0 {
		form, refused := wire.Form(w, r, wire.DefaultLimits)
		if refused != nil {
			return "", refused
		}
		inBody = form.Get("access_token")
	}
	inHeader, err := bearerHeader(r.Header.Values("Authorization"))
	switch {
	case err != nil:
		return "", err
	case inHeader != "" && inBody != "":
		return "", errBearer
	case inHeader == "" && inBody == "":
		return "", errNoToken
	}
	return inHeader + inBody, nil
}

// bearerHeader is the token of an Authorization header.
func bearerHeader(headers []string) (string, error) {
	if len(headers) == 0 {
		return "", nil
	}
	scheme, value, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || strings.ContainsAny(value, " ,") {
		return "", errBearer
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errNoToken
	}
	if value == "" {
		return "", errBearer
	}
	return value, nil
}

// userClaims are the claims the token's scopes and the claims parameter ask
// for.
func (s *Server) userClaims(ctx context.Context, c *oauth.Client, l live) (map[string]json.RawMessage, error) {
	var request claimsRequest
	if l.state.Authn.Claims != nil {
		request, _ = parseClaimsRequest(string(l.state.Authn.Claims))
	}
	claims, err := s.hostClaims(ctx, l.state.Subject, askedOf(l.scopes, request.Userinfo))
	if err != nil {
		return nil, err
	}
	set, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	sub, err := subjectFor(c, set, l.state.Subject)
	if err != nil {
		return nil, unavailable(err)
	}
	claims["sub"], err = json.Marshal(sub)
	return claims, err
}

// hostClaims asks the host for claims and keeps what was asked for.
func (s *Server) hostClaims(ctx context.Context, subject string, names []string) (map[string]json.RawMessage, error) {
	if s.cfg.Claims == nil || len(names) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	claims, err := s.cfg.Claims(ctx, subject, slices.Clone(names))
	if errors.Is(err, ErrSubjectGone) {
		return nil, errInvalidToken.Because(err)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return only(claims, names), nil
}

// writeUserinfo answers with JSON, or with a signed JWT where the client is
// registered for one (OpenID Connect Core §5.3.2).
func (s *Server) writeUserinfo(w http.ResponseWriter, r *http.Request, c *oauth.Client, claims map[string]json.RawMessage) error {
	if c.UserinfoSignedResponseAlg == "" {
		wire.JSON(w, http.StatusOK, claims)
		return nil
	}
	set, err := s.keys(r.Context())
	if err != nil {
		return err
	}
	key, ok := set.Signing(c.UserinfoSignedResponseAlg)
	if !ok {
		return unavailable(errors.New("authserver: no key of the client's userinfo_signed_response_alg"))
	}
	claims["iss"], _ = json.Marshal(s.cfg.Issuer)
	claims["aud"], _ = json.Marshal(c.ID)
	signed, err := jose.Sign(key, typeUserinfo, claims)
	if err != nil {
		return unavailable(err)
	}
	h := w.Header()
	wire.SecurityHeaders(h, "")
	h.Set("Content-Type", "application/jwt")
	_, _ = w.Write([]byte(signed))
	return nil
}

// typeUserinfo marks a signed userinfo answer, so that it passes for no ID
// token.
const typeUserinfo = "userinfo+jwt"

// idTokenClaims are the claims of an end user that an ID token is to carry:
// those of the claims parameter, and those of the scopes where the client gets
// nothing it could ask userinfo with (OpenID Connect Core §5.4).
func (s *Server) idTokenClaims(ctx context.Context, a *engine.Authorization) (map[string]json.RawMessage, error) {
	var request claimsRequest
	if a.State.Authn.Claims != nil {
		request, _ = parseClaimsRequest(string(a.State.Authn.Claims))
	}
	var scopes []string
	if a.FrontChannelOnly() {
		scopes = a.State.Scopes
	}
	names := askedOf(scopes, request.IDToken)
	if len(names) == 0 {
		return nil, nil
	}
	return s.hostClaims(ctx, a.State.Subject, names)
}

func (s *Server) engineOptions() engine.Options {
	opts := engine.Options{
		Issuer: s.cfg.Issuer, Tokens: s.tokens, IDTokenLifetime: s.cfg.IDTokenLifetime,
		Subject: func(c *oauth.Client, set *keys.Set, subject string) (string, error) {
			return subjectFor(c, set, subject)
		},
		Claims: s.idTokenClaims,
	}
	if s.offer.code != nil {
		opts.CodeLifetime = s.offer.code.LifetimeOrDefault()
	}
	if s.offer.refresh != nil {
		opts.RefreshIdle = s.offer.refresh.IdleOrDefault()
	}
	return opts
}

// merged are extra members and those of body, which win.
func merged(extra map[string]any, body any) any {
	own, err := json.Marshal(body)
	if err != nil {
		return body
	}
	all := make(map[string]any, len(extra)+6)
	for name, value := range extra {
		if !standardMembers[name] {
			all[name] = value
		}
	}
	if err := json.Unmarshal(own, &all); err != nil {
		return body
	}
	return all
}

// standardMembers of a token answer are never an extension's to set.
var standardMembers = map[string]bool{
	"access_token": true, "token_type": true, "expires_in": true, "refresh_token": true, "id_token": true, "scope": true,
}

package authserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
)

// introspection is the answer of RFC 7662 §2.2.
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
}

// inactive is the answer for every token that is none, no longer, or not the
// caller's to know of: the same bytes for each.
var inactive = []byte(`{"active":false}`)

// serveIntrospect is the introspection endpoint (RFC 7662).
func (s *Server) serveIntrospect(w http.ResponseWriter, r *http.Request) {
	ev := &Event{Type: EventIntrospection}
	answer, err := s.introspect(w, r, ev)
	switch {
	case errors.Is(err, errNotLive):
		ev.Rule = "inactive"
		s.record(r.Context(), ev, nil)
		wire.JSON(w, http.StatusOK, inactive)
	case err != nil:
		s.errorJSON(w, r, ev, err, s.challenge)
	default:
		s.record(r.Context(), ev, nil)
		wire.JSON(w, http.StatusOK, answer)
	}
}

var errPublicCaller = oauth.E(oauth.InvalidClient, "the caller must authenticate (RFC 7662 section 2.1)")

func (s *Server) introspect(w http.ResponseWriter, r *http.Request, ev *Event) (answer introspection, err error) {
	form, refused := wire.Form(w, r, wire.DefaultLimits)
	if refused != nil {
		return answer, refused
	}
	caller, err := s.authenticate(w, r, form, ev)
	if err != nil {
		return answer, err
	}
	if caller.Public() {
		return answer, errPublicCaller
	}
	if !form.Has("token") {
		return answer, errTokenParam
	}
	ctx := r.Context()
	set, err := s.keys(ctx)
	if err != nil {
		return answer, err
	}
	p, ok := s.present(set, form.Get("token"))
	if !ok {
		return answer, errNotLive
	}
	l, err := s.find(ctx, p)
	if err != nil {
		return answer, err
	}
	ev.GrantID, ev.Subject = l.grantID, l.state.Subject
	if !maySee(caller, l) {
		return answer, errNotLive
	}
	return s.describeToken(ctx, set, caller, l)
}

// maySee: a token may be shown to the client it was given to, to one it is
// meant for, and to one that may ask of any. A refresh token is between the
// server and its client alone.
func maySee(caller *oauth.Client, l live) bool {
	if caller.ID == l.client {
		return true
	}
	return l.kind == token.Access && (caller.IntrospectAny || slices.Contains(l.aud, caller.ID))
}

func (s *Server) describeToken(ctx context.Context, set *keys.Set, caller *oauth.Client, l live) (introspection, error) {
	owner := caller
	if l.client != caller.ID {
		var err error
		if owner, err = s.clientLives(ctx, l.client); err != nil {
			return introspection{}, err
		}
	}
	answer := introspection{
		Active: true, Scope: strings.Join(l.scopes, " "), ClientID: l.client, Issuer: s.cfg.Issuer,
		Audience: l.aud, AuthTime: seconds(l.state.Authn.Time), ACR: l.state.Authn.ACR,
	}
	if l.state.Subject != "" {
		sub, err := subjectFor(owner, set, l.state.Subject)
		if err != nil {
			return introspection{}, unavailable(err)
		}
		answer.Subject = sub
	}
	if l.kind == token.Refresh {
		// A refresh token has no token_type, and its own end.
		answer.ExpiresAt = seconds(l.state.Refresh.ExpiresAt)
		return answer, nil
	}
	answer.TokenType = "Bearer"
	answer.ExpiresAt, answer.IssuedAt = seconds(l.access.ExpiresAt), seconds(l.access.IssuedAt)
	if l.jwt != nil {
		answer.ID = l.jwt.ID
	}
	return answer, nil
}

func seconds(m grantstate.Millis) int64 { return int64(m) / 1000 }

func splitScope(scope string) []string { return strings.Fields(scope) }

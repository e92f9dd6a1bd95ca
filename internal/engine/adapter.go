package engine

import (
	"context"
	"net/url"
	"time"

	"github.com/ory/fosite"
)

// adapter is the storage that fosite sees: views of the one Authorization in
// the context. What a handler creates is already in its State, put there by
// the strategy that made the token, so every write is a no-op; what would
// decide anything fails loudly, because it was decided before.
type adapter struct{}

func (adapter) GetClient(ctx context.Context, _ string) (fosite.Client, error) {
	return from(ctx).view, nil
}

func (adapter) ClientAssertionJWTValid(context.Context, string) error { return errUnreachable }
func (adapter) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return errUnreachable
}

func (adapter) CreateAuthorizeCodeSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetAuthorizeCodeSession shows the authorization whose code was judged before
// fosite was called. It is a fresh value each time: handlers write into it.
func (adapter) GetAuthorizeCodeSession(ctx context.Context, _ string, _ fosite.Session) (fosite.Requester, error) {
	return from(ctx).request(), nil
}

func (adapter) InvalidateAuthorizeCodeSession(context.Context, string) error { return nil }

func (adapter) CreateAccessTokenSession(context.Context, string, fosite.Requester) error { return nil }

func (adapter) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, errUnreachable
}
func (adapter) DeleteAccessTokenSession(context.Context, string) error { return errUnreachable }

func (adapter) CreateRefreshTokenSession(context.Context, string, string, fosite.Requester) error {
	return nil
}

func (adapter) GetRefreshTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, errUnreachable
}
func (adapter) DeleteRefreshTokenSession(context.Context, string) error  { return errUnreachable }
func (adapter) RotateRefreshToken(context.Context, string, string) error { return errUnreachable }
func (adapter) RevokeRefreshToken(context.Context, string) error         { return errUnreachable }
func (adapter) RevokeAccessToken(context.Context, string) error          { return errUnreachable }

func (adapter) CreateOpenIDConnectSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetOpenIDConnectSession shows the same authorization; that it is none of
// OpenID Connect is said the way fosite's handler understands.
func (adapter) GetOpenIDConnectSession(ctx context.Context, _ string, _ fosite.Requester) (fosite.Requester, error) {
	a := from(ctx)
	if !a.OpenID() {
		return nil, errNoSession
	}
	return a.request(), nil
}
func (adapter) DeleteOpenIDConnectSession(context.Context, string) error { return nil }

// Authenticate is asked by the password handler; who the end user is was
// found out before fosite was called.
func (adapter) Authenticate(ctx context.Context, _, _ string) (string, error) {
	return from(ctx).State.Subject, nil
}

// request is a as fosite would have loaded it.
func (a *Authorization) request() *fosite.Request {
	return &fosite.Request{
		ID:             a.State.ClientID,
		RequestedAt:    a.Now,
		Client:         clientView{a.Client},
		RequestedScope: a.State.Scopes,
		GrantedScope:   a.scopes(),
		Form:           url.Values{},
		Session:        newSession(a),
	}
}

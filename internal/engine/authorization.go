package engine

import (
	"context"
	"slices"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
)

// Authorization is one authorization in the course of one request: what the
// caller found or decided, and what the engine made of it. Nothing in it is
// shared with another request.
type Authorization struct {
	Client *oauth.Client
	Keys   *keys.Set
	Now    time.Time
	// Secret is the grant secret, which every token of the authorization
	// carries.
	Secret token.Secret
	// GrantID is Secret's.
	GrantID string
	// State is changed as tokens are made; the caller stores it.
	State grantstate.State

	// AccessLifetime and AccessFormat of the access token of this request.
	AccessLifetime time.Duration
	AccessFormat   oauth.AccessTokenFormat
	// Narrowed says that Scopes and Resources are those of the access token;
	// otherwise it has those of the authorization.
	Narrowed          bool
	Scopes, Resources []string
	// EndOthers ends the access tokens that were issued before.
	EndOthers bool
	// Refresh gives a refresh token with the answer: the first of the chain,
	// or the current one where the chain runs.
	Refresh bool
	// Recover answers with the live access token instead of a new one, where
	// it is of the same scopes and resources.
	Recover bool
	// Stateless marks an access token that no record will hold.
	Stateless bool

	// What the request comes with, for the tokens to be bound to.
	grantType string
	stateHash string        // the request's state, for s_hash
	frontID   bool          // the ID token goes through the browser
	view      *approvedView // of an authorization request
	code      string
	access    string
	expires   time.Time
}

type contextKey struct{}

// with puts a in the context that fosite is called with.
func with(ctx context.Context, a *Authorization) context.Context {
	return context.WithValue(ctx, contextKey{}, a)
}

// from finds it again; fosite is never called without.
func from(ctx context.Context) *Authorization {
	a, _ := ctx.Value(contextKey{}).(*Authorization)
	return a
}

// scopes are those of this request's access token.
func (a *Authorization) scopes() []string {
	if a.Narrowed {
		return a.Scopes
	}
	return a.State.Scopes
}

// resources are those of this request's access token.
func (a *Authorization) resources() []string {
	if a.Narrowed {
		return a.Resources
	}
	return a.State.Resources
}

// OpenID reports whether the request is one of OpenID Connect, for an end user.
func (a *Authorization) OpenID() bool {
	return a.State.Subject != "" && slices.Contains(a.State.Scopes, oauth.ScopeOpenID)
}

// FrontChannelOnly reports whether the ID token is all the client gets, so
// that the claims of the scopes must be in it (OpenID Connect Core §5.4).
func (a *Authorization) FrontChannelOnly() bool {
	return a.frontID && a.access == "" && a.code == ""
}

// FrontChannel reports whether the ID token travels through the browser.
func (a *Authorization) FrontChannel() bool { return a.frontID }

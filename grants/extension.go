package grants

import (
	"context"
	"errors"
	"net/url"

	"github.com/seed36673005/authserver/oauth"
)

// An Extension adds a grant type of the host's own (RFC 6749 §4.5). The server
// authenticates the client, checks that it may use the grant type, and issues
// the tokens; the extension decides for whom and for what.
type Extension struct {
	// Type is the grant_type, an absolute URI. Required.
	Type string
	// Exchange judges a request. Required.
	Exchange ExchangeFunc
}

// An ExchangeFunc judges a request for an extension grant. An *oauth.Error is
// answered as it is; any other error is answered 503. It may be called from
// many goroutines at once, and more than once for one request.
type ExchangeFunc func(ctx context.Context, req ExchangeRequest) (Exchanged, error)

// An ExchangeRequest is what the client sent. Params holds every parameter
// once, without the client's credentials.
type ExchangeRequest struct {
	Client oauth.Client
	Params url.Values
	// Scopes that were asked for, each allowed to the client.
	Scopes []string
}

// Exchanged says what to issue.
type Exchanged struct {
	// Authenticated is the end user. An empty Subject means the client acts
	// for itself, and no refresh token or ID token is given.
	Authenticated
	// Scopes granted, a part of those asked for. Nil means all of them.
	Scopes []string
	// Refresh asks for a refresh token, where client and server allow one.
	Refresh bool
	// Extra are members added to the token answer; they cannot replace the
	// standard ones.
	Extra map[string]any
}

// GrantType is Type.
func (g Extension) GrantType() string { return g.Type }

// Validate wants an absolute URI as type, and Exchange.
func (g Extension) Validate() error {
	var errs []error
	if u, err := url.Parse(g.Type); err != nil || !u.IsAbs() {
		errs = append(errs, errors.New("Extension.Type: want an absolute URI (RFC 6749 §4.5)"))
	}
	if g.Exchange == nil {
		errs = append(errs, errors.New("Extension.Exchange: required"))
	}
	return errors.Join(errs...)
}

func (Extension) sealed() {}

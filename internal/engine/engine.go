package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"

	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
)

// Options are what every request of a server shares.
type Options struct {
	Issuer          string
	Tokens          token.Codec
	CodeLifetime    time.Duration
	IDTokenLifetime time.Duration
	RefreshIdle     time.Duration
	// Subject is the sub that a client is told of an end user (public or
	// pairwise).
	Subject func(c *oauth.Client, set *keys.Set, subject string) (string, error)
	// Claims are those of an end user that an ID token is to carry.
	Claims func(ctx context.Context, a *Authorization) (map[string]json.RawMessage, error)
}

// Engine makes tokens. It is safe for concurrent use.
type Engine struct {
	opts   Options
	fosite *fosite.Fosite
}

// New puts fosite together: its handlers, over this package's configuration,
// storage and strategies.
func New(opts Options) *Engine {
	cfg := newConfig()
	strategy := &strategy{opts: opts}
	store := adapter{}

	code := &oauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: strategy, RefreshTokenStrategy: strategy, AuthorizeCodeStrategy: strategy,
		CoreStorage: store, TokenRevocationStorage: store, Config: cfg,
	}
	implicit := &oauth2.AuthorizeImplicitGrantTypeHandler{
		AccessTokenStrategy: strategy, AccessTokenStorage: store, Config: cfg,
	}
	idToken := &openid.IDTokenHandleHelper{IDTokenStrategy: strategy}
	validator := openid.NewOpenIDConnectRequestValidator(nil, cfg)
	access := &oauth2.HandleHelper{AccessTokenStrategy: strategy, AccessTokenStorage: store, Config: cfg}
	oidcCode := &openid.OpenIDConnectExplicitHandler{
		OpenIDConnectRequestStorage: store, OpenIDConnectRequestValidator: validator,
		IDTokenHandleHelper: idToken, Config: cfg,
	}

	// The order matters: what makes the code comes before what needs it.
	cfg.authorize = fosite.AuthorizeEndpointHandlers{
		code, oidcCode, implicit,
		&openid.OpenIDConnectImplicitHandler{
			IDTokenHandleHelper: idToken, AuthorizeImplicitGrantTypeHandler: implicit,
			OpenIDConnectRequestValidator: validator, Config: cfg,
		},
		&openid.OpenIDConnectHybridHandler{
			AuthorizeImplicitGrantTypeHandler: implicit, AuthorizeExplicitGrantHandler: code,
			IDTokenHandleHelper: idToken, OpenIDConnectRequestValidator: validator,
			OpenIDConnectRequestStorage: store, Config: cfg,
		},
		noneHandler{},
	}
	cfg.token = map[string]fosite.TokenEndpointHandlers{
		oauth.GrantTypeAuthorizationCode: {code, oidcCode},
		oauth.GrantTypeClientCredentials: {&oauth2.ClientCredentialsGrantHandler{HandleHelper: access, Config: cfg}},
		oauth.GrantTypePassword: {
			&oauth2.ResourceOwnerPasswordCredentialsGrantHandler{
				HandleHelper: access, ResourceOwnerPasswordCredentialsGrantStorage: store,
				RefreshTokenStrategy: strategy, Config: cfg,
			},
			idTokenHandler{idToken},
		},
	}
	cfg.continued = fosite.TokenEndpointHandlers{&continuation{strategy: strategy}, idTokenHandler{idToken}}
	return &Engine{opts: opts, fosite: fosite.NewOAuth2Provider(store, cfg)}
}

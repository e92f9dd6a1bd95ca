package engine

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/ory/fosite"
	"golang.org/x/text/language"

	"github.com/seed36673005/authserver/oauth"
)

// config answers fosite's questions about one request from the Authorization
// in its context. The embedded struct is filled completely: fosite's getters
// write the fields they find empty, which races.
type config struct {
	*fosite.Config
	authorize fosite.AuthorizeEndpointHandlers
	token     map[string]fosite.TokenEndpointHandlers
	continued fosite.TokenEndpointHandlers
}

func newConfig() *config {
	return &config{Config: &fosite.Config{
		ScopeStrategy:            exactScope,
		AudienceMatchingStrategy: exactAudience,
		// Redirect URIs are judged before fosite is called.
		RedirectSecureChecker:        func(context.Context, *url.URL) bool { return true },
		MinParameterEntropy:          1,
		OmitRedirectScopeParam:       true,
		AllowedPromptValues:          []string{"none"},
		SanitationWhiteList:          []string{"redirect_uri"},
		ClientAuthenticationStrategy: authenticated,
		ClientSecretsHasher:          noHasher{},
		JWKSFetcherStrategy:          noFetcher{},
		HTTPClient:                   retryablehttp.NewClient(),
		ResponseModeHandlerExtension: &fosite.DefaultResponseModeHandler{},
		MessageCatalog:               noCatalog{},
		RefreshTokenScopes:           []string{},
		AccessTokenLifespan:          time.Hour,
		RefreshTokenLifespan:         time.Hour,
		AuthorizeCodeLifespan:        time.Minute,
		IDTokenLifespan:              time.Hour,
		GlobalSecret:                 nil,
	}}
}

// GetAuthorizeEndpointHandlers returns those for every response type; each
// decides by the request whether it is concerned.
func (c *config) GetAuthorizeEndpointHandlers(context.Context) fosite.AuthorizeEndpointHandlers {
	return c.authorize
}

// GetTokenEndpointHandlers returns only the handlers of this request's grant
// type. A handler that is not concerned would answer with an error that
// carries a stack, which costs more than the request does.
func (c *config) GetTokenEndpointHandlers(ctx context.Context) fosite.TokenEndpointHandlers {
	if own, ok := c.token[from(ctx).grantType]; ok {
		return own
	}
	return c.continued
}

// noScope is a scope that no request was granted.
const noScope = "\x00"

// GetRefreshTokenScopes answers whether this request is given a refresh token:
// fosite gives one if the list is empty, and none if no scope of it was
// granted.
func (c *config) GetRefreshTokenScopes(ctx context.Context) []string {
	if from(ctx).Refresh {
		return nil
	}
	return []string{noScope}
}

// exactScope compares scopes byte by byte; fosite's default knows wildcards.
func exactScope(haystack []string, needle string) bool { return slices.Contains(haystack, needle) }

// exactAudience refuses every audience: resources are judged before fosite is
// called and never reach it; its default matches by path prefix.
func exactAudience(_, needle []string) error {
	if len(needle) > 0 {
		return fosite.ErrInvalidRequest
	}
	return nil
}

// authenticated is the client that was authenticated before fosite was called.
func authenticated(ctx context.Context, _ *http.Request, _ url.Values) (fosite.Client, error) {
	return clientView{from(ctx).Client}, nil
}

// errUnreachable shows that fosite was about to do by itself what is done
// before it is called.
var errUnreachable = oauth.E(oauth.ServerError, "the server could not complete the request")

type noHasher struct{}

func (noHasher) Compare(context.Context, []byte, []byte) error { return errUnreachable }
func (noHasher) Hash(context.Context, []byte) ([]byte, error)  { return nil, errUnreachable }

type noFetcher struct{}

func (noFetcher) Resolve(context.Context, string, bool) (*jose.JSONWebKeySet, error) {
	return nil, errUnreachable
}

// noCatalog keeps fosite from parsing Accept-Language: its texts are never
// shown.
type noCatalog struct{}

func (noCatalog) GetMessage(id string, _ language.Tag, _ ...any) string { return id }
func (noCatalog) GetLangFromRequest(*http.Request) language.Tag         { return language.English }

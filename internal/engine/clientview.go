package engine

import (
	"github.com/ory/fosite"

	"github.com/seed36673005/authserver/oauth"
)

// clientView shows a client to fosite. The redirect URI it shows is the one
// that was approved for this request, so that fosite's own comparison, which
// ignores the scheme on loopback, decides nothing.
type clientView struct{ *oauth.Client }

// approvedView is a clientView with the approved redirect URI.
type approvedView struct {
	clientView
	redirect []string
}

var responseModes = []fosite.ResponseModeType{
	fosite.ResponseModeQuery, fosite.ResponseModeFragment, fosite.ResponseModeFormPost,
}

func (c clientView) GetID() string                      { return c.ID }
func (c clientView) GetHashedSecret() []byte            { return nil }
func (c clientView) GetRedirectURIs() []string          { return nil }
func (c clientView) GetResponseTypes() fosite.Arguments { return orCode(c.ResponseTypes) }
func (c clientView) GetScopes() fosite.Arguments        { return c.Scopes }
func (c clientView) IsPublic() bool                     { return c.Public() }
func (c clientView) GetAudience() fosite.Arguments      { return nil }

func (c clientView) GetGrantTypes() fosite.Arguments {
	if len(c.GrantTypes) == 0 {
		return fosite.Arguments{oauth.GrantTypeAuthorizationCode}
	}
	return c.GrantTypes
}

func (c clientView) GetResponseModes() []fosite.ResponseModeType { return responseModes }

func (c approvedView) GetRedirectURIs() []string { return c.redirect }

func orCode(types []string) fosite.Arguments {
	if len(types) == 0 {
		return fosite.Arguments{oauth.ResponseTypeCode}
	}
	return types
}

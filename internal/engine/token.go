package engine

import (
	"context"
	"net/url"

	"github.com/ory/fosite"

	"github.com/seed36673005/authserver/oauth"
)

const refreshGrant = oauth.GrantTypeRefreshToken

// A TokenAnswer is what the token endpoint answers with (RFC 6749 §5.1).
type TokenAnswer struct {
	AccessToken  string
	ExpiresIn    int64 // seconds
	RefreshToken string
	IDToken      string
	Scopes       []string
}

// Token makes the tokens of a grant that was judged: a.State says what may be
// issued, and then holds what was.
func (e *Engine) Token(ctx context.Context, a *Authorization, grantType string) (*TokenAnswer, error) {
	a.grantType = grantType
	ctx = with(ctx, a)
	req, err := e.fosite.NewAccessRequest(ctx, formRequest(a.tokenForm()), newSession(a))
	if err != nil {
		return nil, refusal(err)
	}
	// Without an id fosite makes a random one.
	req.SetID(a.State.ClientID)
	for _, scope := range a.scopes() {
		req.GrantScope(scope)
	}
	resp, err := e.fosite.NewAccessResponse(ctx, req)
	if err != nil {
		return nil, refusal(err)
	}
	return a.tokenAnswer(resp), nil
}

// tokenForm is the least form that fosite's handler of the grant accepts;
// every parameter was judged before.
func (a *Authorization) tokenForm() url.Values {
	v := url.Values{"grant_type": {a.grantType}}
	switch a.grantType {
	case oauth.GrantTypeAuthorizationCode:
		v["code"] = []string{signature}
	case oauth.GrantTypePassword:
		v["username"], v["password"] = []string{signature}, []string{signature}
	}
	return v
}

func (a *Authorization) tokenAnswer(resp fosite.AccessResponder) *TokenAnswer {
	refresh, _ := resp.GetExtra("refresh_token").(string)
	idToken, _ := resp.GetExtra("id_token").(string)
	return &TokenAnswer{
		AccessToken: resp.GetAccessToken(), ExpiresIn: expiresIn(a.expires, a.Now),
		RefreshToken: refresh, IDToken: idToken, Scopes: a.scopes(),
	}
}

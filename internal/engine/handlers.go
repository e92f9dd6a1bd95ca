package engine

import (
	"context"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"

	"github.com/seed36673005/authserver/oauth"
)

var errNoSession = openid.ErrNoSessionFound

// noneHandler serves response_type=none (Multiple Response Types §4): nothing
// is issued.
type noneHandler struct{}

func (noneHandler) HandleAuthorizeEndpointRequest(_ context.Context, ar fosite.AuthorizeRequester, resp fosite.AuthorizeResponder) error {
	if !ar.GetResponseTypes().ExactOne(oauth.ResponseTypeNone) {
		return nil
	}
	ar.SetDefaultResponseMode(fosite.ResponseModeQuery)
	resp.AddParameter("state", ar.GetState())
	ar.SetResponseTypeHandled(oauth.ResponseTypeNone)
	return nil
}

// continuation answers every grant that needs nothing of fosite but the frame:
// refresh, device and extensions. What they may have was decided on the State.
type continuation struct{ strategy *strategy }

func (*continuation) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

func (c *continuation) PopulateTokenEndpointResponse(ctx context.Context, req fosite.AccessRequester, resp fosite.AccessResponder) error {
	access, _, err := c.strategy.GenerateAccessToken(ctx, req)
	if err != nil {
		return err
	}
	resp.SetAccessToken(access)
	resp.SetTokenType("bearer")
	if !from(ctx).Refresh {
		return nil
	}
	refresh, _, err := c.strategy.GenerateRefreshToken(ctx, req)
	if err != nil {
		return err
	}
	resp.SetExtra("refresh_token", refresh)
	return nil
}

func (*continuation) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (*continuation) CanHandleTokenEndpointRequest(context.Context, fosite.AccessRequester) bool {
	return true
}

// idTokenHandler adds an ID token where fosite gives none by itself: to the
// password grant, and to whatever continuation answers.
type idTokenHandler struct{ helper *openid.IDTokenHandleHelper }

func (idTokenHandler) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

func (h idTokenHandler) PopulateTokenEndpointResponse(ctx context.Context, req fosite.AccessRequester, resp fosite.AccessResponder) error {
	if !from(ctx).OpenID() {
		return nil
	}
	return h.helper.IssueExplicitIDToken(ctx, 0, req, resp)
}

func (idTokenHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

func (idTokenHandler) CanHandleTokenEndpointRequest(context.Context, fosite.AccessRequester) bool {
	return true
}

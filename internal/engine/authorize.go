package engine

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/oauth"
)

// A Request is a checked authorization request, in its normal form.
type Request struct {
	ResponseType string // members in the order of the registry
	RedirectURI  string
	State        string
	Nonce        string
	Scopes       []string
}

// statePlaceholder stands for an absent state, which fosite refuses.
const statePlaceholder = "-"

// form is r as fosite reads it. What was judged before fosite is called is
// left out: prompt, max_age, hints, PKCE, resources.
func (r Request) form(clientID string) url.Values {
	v := url.Values{
		"client_id":     {clientID},
		"response_type": {r.ResponseType},
		"redirect_uri":  {r.RedirectURI},
		"scope":         {strings.Join(r.Scopes, " ")},
		"state":         {statePlaceholder},
	}
	if r.Nonce != "" {
		v.Set("nonce", r.Nonce)
	}
	return v
}

// Validate has fosite check a request that passed the server's own checks.
func (e *Engine) Validate(ctx context.Context, c *oauth.Client, r Request) error {
	_, err := e.parse(with(ctx, &Authorization{Client: c}), c, r)
	return err
}

// parse runs fosite's own parser over the normal form. The client's store
// shows only the one redirect URI that was approved.
func (e *Engine) parse(ctx context.Context, c *oauth.Client, r Request) (*fosite.AuthorizeRequest, error) {
	a := from(ctx)
	view := *a.Client
	view.RedirectURIs = []string{r.RedirectURI}
	a.view = &approvedView{clientView{&view}, view.RedirectURIs}
	ar, err := e.fosite.NewAuthorizeRequest(ctx, formRequest(r.form(c.ID)))
	if err != nil {
		return nil, refusal(err)
	}
	return ar.(*fosite.AuthorizeRequest), nil
}

// Authorize makes what a response type asks for, of an authorization that was
// approved, and returns the parameters of the answer. a.State then holds the
// code and access token that were made.
func (e *Engine) Authorize(ctx context.Context, a *Authorization, r Request) (url.Values, error) {
	ctx = with(ctx, a)
	a.frontID = strings.Contains(r.ResponseType, oauth.ResponseTypeIDToken)
	a.stateHash = r.State
	a.grantType = a.State.GrantType
	if strings.Contains(r.ResponseType, oauth.ResponseTypeCode) && a.State.Code == nil {
		a.State.Code = &grantstate.Code{RedirectURI: r.RedirectURI, RedirectSent: true}
	}
	ar, err := e.parse(ctx, a.Client, r)
	if err != nil {
		return nil, err
	}
	ar.ID, ar.GrantedScope = a.State.ClientID, a.State.Scopes
	resp, err := e.fosite.NewAuthorizeResponse(ctx, ar, newSession(a))
	if err != nil {
		return nil, refusal(err)
	}
	return a.answer(resp.GetParameters(), r.State), nil
}

// answer is fosite's answer with the state as it came, and the life of the
// access token as it is.
func (a *Authorization) answer(params url.Values, state string) url.Values {
	params.Del("state")
	if state != "" {
		params.Set("state", state)
	}
	if a.access != "" {
		params.Set("token_type", "Bearer")
		params.Set("expires_in", strconv.FormatInt(expiresIn(a.expires, a.Now), 10))
		params.Set("scope", strings.Join(a.scopes(), " "))
	}
	return params
}

// expiresIn is a lifetime in whole seconds, rounded up: a fresh hour says
// 3600.
func expiresIn(end, now time.Time) int64 {
	return int64((end.Sub(now) + time.Second - time.Millisecond) / time.Second)
}

// What fosite reads of a request beside its form: nothing.
var (
	noURL    = &url.URL{}
	noHeader = http.Header{}
)

// formRequest carries values to fosite, whatever form they came in.
func formRequest(v url.Values) *http.Request {
	return &http.Request{
		Method: http.MethodPost, URL: noURL, Header: noHeader, Body: http.NoBody, Form: v, PostForm: v,
	}
}

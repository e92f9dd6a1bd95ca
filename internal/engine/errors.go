package engine

import (
	"errors"

	"github.com/ory/fosite"

	"github.com/seed36673005/authserver/oauth"
)

// registered are the codes of fosite's errors that may leave this package.
// fosite knows many more, which no specification registers; each of them, like
// any error of a host's hook, is passed on as it is and so becomes ours.
var registered = map[string]oauth.Code{
	fosite.ErrInvalidRequest.ErrorField:          oauth.InvalidRequest,
	fosite.ErrUnauthorizedClient.ErrorField:      oauth.UnauthorizedClient,
	fosite.ErrUnsupportedResponseType.ErrorField: oauth.UnsupportedResponseType,
	fosite.ErrInvalidScope.ErrorField:            oauth.InvalidScope,
	fosite.ErrInvalidGrant.ErrorField:            oauth.InvalidGrant,
	fosite.ErrInvalidClient.ErrorField:           oauth.InvalidClient,
}

// refusal is fosite's error as one of ours. A cause that is already ours comes
// out as it went in.
func refusal(err error) error {
	if own, ok := errors.AsType[*oauth.Error](err); ok {
		return own
	}
	var refused *fosite.RFC6749Error
	if !errors.As(err, &refused) {
		return err
	}
	if cause := refused.Cause(); cause != nil && refused.ErrorField == fosite.ErrServerError.ErrorField {
		return cause
	}
	code, ok := registered[refused.ErrorField]
	if !ok {
		return oauth.AsError(err)
	}
	return oauth.E(code, "the request is not one this server can answer").Because(err)
}

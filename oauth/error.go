package oauth

import (
	"errors"
	"net/http"
)

// A Code is a registered OAuth 2.0 error code. It is a constant and an error:
// errors.Is(err, oauth.InvalidGrant) asks what kind of refusal err is.
type Code string

// The registered codes, with the clause that defines each.
const (
	InvalidRequest          Code = "invalid_request"           // RFC 6749 §4.1.2.1, §5.2
	InvalidClient           Code = "invalid_client"            // RFC 6749 §5.2
	InvalidGrant            Code = "invalid_grant"             // RFC 6749 §5.2
	UnauthorizedClient      Code = "unauthorized_client"       // RFC 6749 §4.1.2.1, §5.2
	UnsupportedGrantType    Code = "unsupported_grant_type"    // RFC 6749 §5.2
	UnsupportedResponseType Code = "unsupported_response_type" // RFC 6749 §4.1.2.1
	InvalidScope            Code = "invalid_scope"             // RFC 6749 §4.1.2.1, §5.2
	AccessDenied            Code = "access_denied"             // RFC 6749 §4.1.2.1
	ServerError             Code = "server_error"              // RFC 6749 §4.1.2.1
	TemporarilyUnavailable  Code = "temporarily_unavailable"   // RFC 6749 §4.1.2.1

	InvalidToken      Code = "invalid_token"      // RFC 6750 §3.1
	InsufficientScope Code = "insufficient_scope" // RFC 6750 §3.1

	InvalidRedirectURI          Code = "invalid_redirect_uri"          // RFC 7591 §3.2.2
	InvalidClientMetadata       Code = "invalid_client_metadata"       // RFC 7591 §3.2.2
	InvalidSoftwareStatement    Code = "invalid_software_statement"    // RFC 7591 §3.2.2
	UnapprovedSoftwareStatement Code = "unapproved_software_statement" // RFC 7591 §3.2.2

	UnsupportedTokenType Code = "unsupported_token_type" // RFC 7009 §2.2.1

	AuthorizationPending Code = "authorization_pending" // RFC 8628 §3.5
	SlowDown             Code = "slow_down"             // RFC 8628 §3.5
	ExpiredToken         Code = "expired_token"         // RFC 8628 §3.5

	InvalidTarget Code = "invalid_target" // RFC 8707 §2

	LoginRequired            Code = "login_required"             // OpenID Connect Core §3.1.2.6
	ConsentRequired          Code = "consent_required"           // OpenID Connect Core §3.1.2.6
	InteractionRequired      Code = "interaction_required"       // OpenID Connect Core §3.1.2.6
	AccountSelectionRequired Code = "account_selection_required" // OpenID Connect Core §3.1.2.6
	RequestNotSupported      Code = "request_not_supported"      // OpenID Connect Core §3.1.2.6
	RequestURINotSupported   Code = "request_uri_not_supported"  // OpenID Connect Core §3.1.2.6
	RegistrationNotSupported Code = "registration_not_supported" // OpenID Connect Core §3.1.2.6

	UnmetAuthenticationRequirements Code = "unmet_authentication_requirements" // OpenID Connect Unmet Authentication Requirements §2
)

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// status is the HTTP status a code has when it is answered as a JSON body;
// every code not named here is 400.
var status = map[Code]int{
	InvalidClient:          http.StatusUnauthorized,
	InvalidToken:           http.StatusUnauthorized,
	InsufficientScope:      http.StatusForbidden,
	ServerError:            http.StatusInternalServerError,
	TemporarilyUnavailable: http.StatusServiceUnavailable,
}

// An Error is a refusal. Code and Description go to the client, Err goes to
// the log, never the reverse.
type Error struct {
	// Code is one of the registered codes.
	Code Code
	// Description names the parameter and what was expected of it, in ASCII
	// without quotes or backslashes (RFC 6749 §5.2). It never holds a value
	// that the caller sent.
	Description string
	// Status is the HTTP status of a JSON answer; zero means the code's own.
	Status int
	// Err is the cause, for the log alone. It may be nil.
	Err error
}

// Errorf-like constructors are left out on purpose: a description is a fixed
// text, so that nothing a caller sent can be reflected through it.

// E returns an Error with a code and a fixed description.
func E(code Code, description string) *Error {
	return &Error{Code: code, Description: description}
}

// Because returns a copy of e with the cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// WithStatus returns a copy of e that is answered with an HTTP status other
// than its code's own, as 405, 413, 415 and 429 are.
func (e *Error) WithStatus(status int) *Error {
	c := *e
	c.Status = status
	return &c
}

// HTTPStatus is the status of a JSON answer with this error.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	if s, ok := status[e.Code]; ok {
		return s
	}
	return http.StatusBadRequest
}

// Error returns code and description; the cause is reached by Unwrap.
func (e *Error) Error() string {
	if e.Description == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Description
}

// Unwrap lets errors.Is find the code and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Err}
}

// AsError returns err as an *Error. An error of any other kind becomes
// server_error with err as its cause: what is not known to be the caller's
// fault is ours.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: ServerError, Description: "the server could not complete the request", Err: err}
}

package authserver

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// Config is everything a host decides. New copies it; later changes have no
// effect.
type Config struct {
	// Issuer identifies the server: https, no query, no fragment, no slash at
	// the end (RFC 8414 §2). Its path decides every route. http is accepted
	// on loopback alone. Required.
	Issuer string
	// Storage keeps the server's state. Required; storage/memory for tests.
	Storage storage.Storage
	// Keys sign and authenticate tokens. Required.
	Keys keys.Source

	// Pages are what people see. Required, unless Interact is set. If they
	// have a method Validate() error, New asks it.
	Pages Pages
	// Interact is called for each valid authorization request. If nil, that
	// of Pages is.
	Interact InteractFunc

	// Grants switched on, with their policies. If nil, AuthorizationCode,
	// RefreshToken and ClientCredentials with their defaults.
	Grants []grants.Grant
	// Clients finds clients. If nil, they are records of Storage, as package
	// clientreg writes them.
	Clients ClientSource
	// Registration, if not nil, lets software register itself (RFC 7591) and
	// manage its registration (RFC 7592). Its Service is then where clients
	// are found, unless Clients is set.
	Registration *clientreg.Options
	// Claims tells what is known of an end user. If nil, nothing but sub is.
	Claims ClaimsFunc
	// CheckSubject is asked before tokens are issued for, and whenever a
	// token is shown of, an end user. If nil, every subject is active.
	CheckSubject CheckSubjectFunc

	// Scopes the server knows beside those of OpenID Connect.
	Scopes []Scope
	// Resources that access tokens may be meant for (RFC 8707), as absolute
	// URIs. An authorization that names none is for all of the client's, or
	// none.
	Resources []string
	// ACRValues the host's pages can achieve, for metadata and acr_values.
	ACRValues []string

	// AccessTokenLifetime: zero means 1 hour.
	AccessTokenLifetime time.Duration
	// AccessTokenFormat: the zero value means opaque.
	AccessTokenFormat oauth.AccessTokenFormat
	// IDTokenLifetime: zero means 1 hour.
	IDTokenLifetime time.Duration
	// InteractionLifetime is how long an end user has to log in and decide.
	// Zero means 10 minutes.
	InteractionLifetime time.Duration
	// SessionIdle and SessionLifetime end a login session that was not used,
	// and one however much it was used. Zero means 1 hour and 12 hours.
	SessionIdle, SessionLifetime time.Duration
	// RequestTimeout bounds a request to one of the server's endpoints, pages
	// excepted: what storage or a host's function has not answered by then is
	// 503. Zero means 10 seconds.
	RequestTimeout time.Duration
	// TokenPrefix starts every opaque token, so that scanners find leaks; two
	// to eight letters or digits. Empty means "as".
	TokenPrefix string

	// TrustedProxies may say by X-Forwarded-For where a request came from.
	// Nothing else of a request's forwarding headers is ever believed.
	TrustedProxies []netip.Prefix
	// InsecureIssuer lets the issuer be plain http off loopback. Sound only
	// inside a test network: tokens and passwords cross it readable.
	InsecureIssuer bool

	// Logger receives one record a decision and one a fault. If nil,
	// slog.Default.
	Logger *slog.Logger
	// Events, if not nil, is called with every decision, on the request's
	// goroutine: it must return quickly and may be called concurrently. A
	// panic in it is logged and changes no answer.
	Events func(context.Context, Event)

	// ownClients says that the host left Clients out.
	ownClients bool
}

// A Scope is one that the host defines.
type Scope struct {
	// Name as it stands in the scope parameter.
	Name string
	// Description says on the consent page what it allows, completing "The
	// application would like to …", by language tag; "" is the fallback.
	Description map[string]string
}

// A ClientSource finds clients. Client returns storage.ErrNotFound for one
// that does not exist; any other error is answered 503. It may be called from
// many goroutines at once, and what it returns is not changed by the server
// and must not be changed by the source.
type ClientSource interface {
	Client(ctx context.Context, id string) (*oauth.Client, error)
}

// A ClaimsFunc returns what is known of an end user, by claim name (OpenID
// Connect Core §5.1). Names says which are asked for; others are ignored. It
// returns ErrSubjectGone for one that may no longer be served. Any other error
// is answered 503. It may be called from many goroutines at once.
type ClaimsFunc func(ctx context.Context, subject string, names []string) (map[string]json.RawMessage, error)

// A CheckSubjectFunc returns nil for an end user who may be served and
// ErrSubjectGone for one who was disabled or deleted. Any other error is
// answered 503.
type CheckSubjectFunc func(ctx context.Context, subject string) error

// Pages are the pages people see. Package ui has a ready-made set.
type Pages interface {
	// Interact decides on an authorization request or shows the page that
	// will; see InteractFunc.
	Interact(w http.ResponseWriter, r *http.Request, req *AuthorizationRequest)
	// Error shows what cannot be told to the client, with status e.Status.
	Error(w http.ResponseWriter, r *http.Request, e PageError)
	// Handler is called once, by New. What it returns serves every request
	// below the issuer's path that is none of the server's endpoints, with
	// the path as it came.
	Handler(s *Server) http.Handler
}

// A PageError is what an error page may show.
type PageError struct {
	// Status is the HTTP status of the page.
	Status int
	// Code and Description are the registered code and the fixed text that
	// names what was wrong.
	Code        oauth.Code
	Description string
	// Reference finds the log record of the request.
	Reference string
}

// An Event is one decision of the server. It never holds a token, code,
// secret or password.
type Event struct {
	Time time.Time
	// Type says what happened: one of EventAuthorize, EventToken and so on.
	Type string
	// Outcome is empty for a success, else the registered code of the
	// refusal.
	Outcome oauth.Code
	// Rule names the check that refused, as "pkce" or "redirect_uri".
	Rule string
	// ClientID, Subject and GrantID say who and what; each may be empty.
	ClientID, Subject, GrantID string
	// GrantType of a token request.
	GrantType string
	// Reference is the one the client or the page was shown; empty for a
	// success.
	Reference string
}

// A ConfigError is one fault of a Config.
type ConfigError struct{ Field, Reason string }

// Error names the field and what is wrong with it.
func (e *ConfigError) Error() string {
	return "authserver: Config." + e.Field + ": " + e.Reason
}

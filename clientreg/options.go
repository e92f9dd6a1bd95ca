package clientreg

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// Options switch on registration by the software itself (RFC 7591) and its
// management of its own registration (RFC 7592).
type Options struct {
	// Policy decides who may register: Open, InitialToken, AdminOnly, or the
	// host's own. Required.
	Policy Policy
	// Review, if not nil, is asked with Registration.Client complete and
	// checked, after Policy, and again when a client changes its registration
	// (Actor is ActorClient then). It may change the client, or refuse it.
	Review Policy
	// Service manages the clients. If nil, the server makes one of its own
	// Storage, without quotas, whose changes are the server's events.
	Service *Service
	// Type is that of the clients that register here. The zero value is
	// oauth.TypeOpenID.
	Type oauth.ClientType
	// InitialState is that of a client that has registered. The zero value is
	// the Service's. With StatePending a client that changes its registration
	// is pending again.
	InitialState oauth.ClientState
	// GrantTypes may be registered for, as far as the server has them. If
	// nil, authorization_code, refresh_token and the device grant. A client
	// that names none is given those of its type that are here.
	GrantTypes []string
	// Scopes may be registered for. If nil, those of OpenID Connect. A client
	// that names none may ask for all of them.
	Scopes []string
	// ReservedNames may not be part of a client's name, whatever their case:
	// the operator's own, so that no stranger's application passes for it.
	ReservedNames []string
	// RefusePrivateSchemes refuses redirect URIs with a private-use scheme
	// (RFC 8252 §7.1).
	RefusePrivateSchemes bool
	// SecretLifetime is how long a secret that is made here is valid. Zero
	// means without end.
	SecretLifetime time.Duration
	// WithoutManagement switches RFC 7592 off: no registration access token
	// is given out.
	WithoutManagement bool
	// ShareIdentical gives public clients that register the very same
	// metadata one client_id, and none of them a registration access token.
	// Programs that register at every start then leave one client behind.
	ShareIdentical bool
	// Statement verifies a software statement (RFC 7591 §2.3) and returns its
	// claims, which replace what the request says. If nil, every statement is
	// refused: nobody vouches for it.
	Statement StatementFunc
	// PerAddress is how many clients one network address (IPv6: its /64) may
	// register within Window, in one process. Zero means 60 within an hour;
	// a negative number means no limit.
	PerAddress int
	Window     time.Duration
	// ReapAfter removes clients that registered themselves, were not used for
	// so long and have nothing granted. Zero means after 30 days; a negative
	// duration means never.
	ReapAfter time.Duration
	// FetchRoots are the certificate authorities for sector_identifier_uri,
	// where the system's do not do.
	FetchRoots *x509.CertPool
	// InsecureLoopbackFetch lets sector_identifier_uri lead to this machine.
	// Sound only in tests.
	InsecureLoopbackFetch bool
}

// A StatementFunc returns the claims of a software statement that it trusts.
// Any error that is no *oauth.Error is answered invalid_software_statement.
type StatementFunc func(ctx context.Context, statement string) (claims map[string]json.RawMessage, err error)

// The defaults of Options.
const (
	defaultPerAddress = 60
	defaultWindow     = time.Hour
	defaultReapAfter  = 30 * 24 * time.Hour
)

// Validate reports every fault of the options at once.
func (o *Options) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if o.Policy == nil {
		fault("Policy: required; Open, InitialToken, AdminOnly, or your own")
	}
	if o.Type != "" && o.Type != oauth.TypeOpenID && o.Type != oauth.TypeOAuth2 {
		fault("Type: want oauth.TypeOpenID or oauth.TypeOAuth2")
	}
	if !knownState(o.InitialState) {
		fault("InitialState: want oauth.StateApproved, StatePending or StateDisapproved")
	}
	if o.SecretLifetime < 0 || o.Window < 0 {
		fault("SecretLifetime and Window: want durations that are not negative")
	}
	if o.GrantTypes != nil && len(o.GrantTypes) == 0 {
		fault("GrantTypes: none may be registered for")
	}
	f := faultsOf(oauth.Client{GrantTypes: o.GrantTypes, Scopes: o.Scopes})
	faults = append(faults, f...)
	return errors.Join(faults...)
}

// faultsOf checks lists that are not yet a client's.
func faultsOf(c oauth.Client) faults {
	var f faults
	c.TokenEndpointAuthMethod = oauth.AuthMethodBasic
	f.grants(&c)
	f.scopes(&c)
	return f
}

// withDefaults is a copy with what was left out filled in.
func (o Options) withDefaults() Options {
	if o.Type == "" {
		o.Type = oauth.TypeOpenID
	}
	if o.GrantTypes == nil {
		o.GrantTypes = []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode}
	}
	if o.Scopes == nil {
		o.Scopes = []string{
			oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone, oauth.ScopeOfflineAccess,
		}
	}
	if o.PerAddress == 0 {
		o.PerAddress = defaultPerAddress
	}
	if o.Window == 0 {
		o.Window = defaultWindow
	}
	if o.ReapAfter == 0 {
		o.ReapAfter = defaultReapAfter
	}
	return o
}

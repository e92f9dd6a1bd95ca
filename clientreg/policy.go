package clientreg

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// A Policy decides on a registration: nil lets it be, an *oauth.Error is the
// refusal the caller is given, and any other error is answered 503. It may
// change what Registration.Client points at and say in Registration.Actor who
// registers. It may be called from many goroutines at once.
type Policy func(ctx context.Context, r *Registration) error

// A Registration is one that a Policy decides on.
type Registration struct {
	// Client is what would be registered, and may be changed. A Policy sees
	// of it what the server gives to every client here, before the metadata
	// is read: strangers cause no work. Options.Review sees all of it.
	Client *oauth.Client
	// Actor is who registers: ActorAnonymous unless the policy knows better.
	Actor Actor
	// Request is the request, its body read.
	Request *http.Request
	// BearerToken is the one token of its Authorization header; empty if
	// there is none.
	BearerToken string

	service *Service
	spends  string // the initial access token that is used up by it
}

var (
	errInitialToken = oauth.E(oauth.InvalidToken, "an initial access token is required (RFC 7591 section 3)")
	errAdminOnly    = oauth.E(oauth.InvalidToken, "only administrators register clients here")
)

// Open lets everybody register. What protects the server then is approval
// (Options.InitialState), quotas, and the end users' consent.
func Open(context.Context, *Registration) error { return nil }

// InitialToken wants an initial access token (RFC 7591 §3): one that
// Service.CreateInitialToken made, so many times as it says, or one of those
// given here, any number of times.
func InitialToken(tokens ...string) Policy {
	return func(ctx context.Context, r *Registration) error {
		if oneOf(tokens, r.BearerToken) {
			r.Actor = Actor{Kind: ActorInitialToken}
			return nil
		}
		record, have, err := r.service.initial(ctx, r.BearerToken)
		if errors.Is(err, storage.ErrNotFound) {
			return errInitialToken
		}
		if err != nil {
			return err
		}
		r.spends, r.Actor = record.Key, Actor{ActorInitialToken, have.Name}
		if have.Type != "" {
			r.Client.Type = have.Type
		}
		if have.State != "" {
			r.Client.State = have.State
		}
		r.Client.Owner, r.Client.Tenant = have.Owner, have.Tenant
		return nil
	}
}

// oneOf compares with every token, in the same time for each of one length.
func oneOf(tokens []string, given string) bool {
	match := 0
	for _, token := range tokens {
		match |= subtle.ConstantTimeCompare([]byte(token), []byte(given))
	}
	return match == 1 && given != ""
}

// AdminOnly wants an administrator: who says which one sent a request, or an
// error for nobody. The Service's Permit is then asked whether they may.
func AdminOnly(who func(*http.Request) (Actor, error)) Policy {
	return func(_ context.Context, r *Registration) error {
		actor, err := who(r.Request)
		if own, ok := errors.AsType[*oauth.Error](err); ok {
			return own
		}
		if err != nil {
			return errAdminOnly.Because(err)
		}
		r.Actor = actor
		return nil
	}
}

var errBearer = oauth.E(oauth.InvalidToken, "Authorization: expected one Bearer token")

// bearerOf is the one bearer token of a request (RFC 6750 §2.1), empty if
// there is no Authorization at all.
func bearerOf(r *http.Request) (string, *oauth.Error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", nil
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	bad := strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' })
	if len(values) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 4096 || bad {
		return "", errBearer
	}
	return token, nil
}

package clientreg

import (
	"context"
	"time"

	"github.com/seed36673005/authserver/oauth"
)

// An ActorKind says what kind of caller an Actor is.
type ActorKind string

// The kinds of actors.
const (
	ActorPerson       ActorKind = "person"        // somebody the host knows; ID is theirs
	ActorSystem       ActorKind = "system"        // the host's own code
	ActorAnonymous    ActorKind = "anonymous"     // a registration without credentials
	ActorInitialToken ActorKind = "initial_token" // a registration with an initial access token; ID is its name
	ActorClient       ActorKind = "client"        // a client with its registration access token; ID is its client_id
)

// An Actor is who acts. It is what the events name and Permit is asked about.
type Actor struct {
	Kind ActorKind
	ID   string
}

// Person is somebody the host has authenticated.
func Person(id string) Actor { return Actor{ActorPerson, id} }

// System is the host's own code, as a program that sets up its clients.
var System = Actor{Kind: ActorSystem}

// An Action is what an Actor does to a client.
type Action string

// The actions.
const (
	ActionCreate              Action = "create"
	ActionGet                 Action = "get"
	ActionList                Action = "list"
	ActionUpdate              Action = "update"
	ActionApprove             Action = "approve"
	ActionDisapprove          Action = "disapprove"
	ActionRotateSecret        Action = "rotate_secret"
	ActionAddSecret           Action = "add_secret"
	ActionRemoveSecret        Action = "remove_secret"
	ActionRemove              Action = "remove"
	ActionAuthorizations      Action = "authorizations"
	ActionRevokeAuthorization Action = "revoke_authorization"
	ActionReap                Action = "reap" // in events alone: nobody is asked
)

// A PermitFunc returns nil if an actor may do something to a client, else an
// error, which the caller finds beneath ErrDenied. The client is the one that is stored, for
// ActionCreate the new one, and for ActionList one of nothing but Tenant and
// Owner. What registers and manages itself by RFC 7591 and RFC 7592 has passed
// Options.Policy, or shown its registration access token, before it is asked.
// It may be called from many goroutines at once.
type PermitFunc func(ctx context.Context, actor Actor, action Action, c *oauth.Client) error

// PermitAll lets every actor do everything. Sound where whoever can call the
// Service is trusted already.
func PermitAll(context.Context, Actor, Action, *oauth.Client) error { return nil }

// An Event is one change to a client. It holds no secret and no digest.
type Event struct {
	Time     time.Time
	Actor    Actor
	Action   Action
	ClientID string
	// Before and After are the client as it was and as it is; Before is nil
	// for one that is new, After for one that is gone.
	Before, After *oauth.Client
	// GrantID is the authorization that ActionRevokeAuthorization ended.
	GrantID string
	// InitialToken is the name of the initial access token that was made or
	// removed.
	InitialToken string
	// RepeatOf is the client that registered the very same metadata before.
	RepeatOf string
}

package clientreg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/internal/passwords"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// ServiceOptions are what a host decides of the management of its clients.
type ServiceOptions struct {
	// Storage keeps the clients: the server's own. Required.
	Storage storage.Storage
	// Permit decides who may do what. Required; PermitAll where every caller
	// is trusted.
	Permit PermitFunc
	// InitialState is that of a client that Create is given without one. The
	// zero value is StateApproved; StatePending where somebody must decide.
	InitialState oauth.ClientState
	// Quotas bound how many clients there may be. None means no bound.
	Quotas []Quota
	// GrantTypes are those a type's defaults are taken from: what the server
	// serves. If nil, all of DefaultGrantTypes.
	GrantTypes []string
	// ChosenSecrets lets AddSecret take a secret that a person chose. It is
	// kept as argon2id.
	ChosenSecrets bool
	// Events, if not nil, is told of every change, once each, after it is
	// stored. It must return quickly and may be called concurrently.
	Events func(context.Context, Event)
}

// A Service manages clients: it is what a console, an API and the registration
// endpoint do, with who may do it. Its methods may be called from many
// goroutines and processes at once.
//
// Every method that takes an Actor asks ServiceOptions.Permit first and
// returns its error as it is. A client that does not exist is
// storage.ErrNotFound, one that was changed by another meanwhile
// storage.ErrConflict, faults in metadata are *FieldErrors joined. Any other
// error is of storage. No client that a method returns holds a digest.
type Service struct {
	clients *Clients
	options ServiceOptions
	pool    *passwords.Pool
	index   index
	quotas  chan struct{} // holds one: who takes a place in a quota
}

// NewService checks options and returns a Service.
func NewService(o ServiceOptions) (*Service, error) {
	var faults []error
	if o.Storage == nil {
		faults = append(faults, errors.New("clientreg: ServiceOptions.Storage: required"))
	}
	if o.Permit == nil {
		faults = append(faults, errors.New("clientreg: ServiceOptions.Permit: required; PermitAll asks nobody"))
	}
	if !knownState(o.InitialState) {
		faults = append(faults, errors.New("clientreg: ServiceOptions.InitialState: want StateApproved, StatePending or StateDisapproved"))
	}
	for i, q := range o.Quotas {
		if err := q.validate(); err != nil {
			faults = append(faults, fmt.Errorf("clientreg: ServiceOptions.Quotas[%d]: %w", i, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Service{clients: New(o.Storage), options: o, pool: passwords.NewPool(), quotas: make(chan struct{}, 1)}, nil
}

// An Entry is a client as it is registered.
type Entry struct {
	// Client has its Secrets without digests: names and times alone.
	Client oauth.Client
	// Version is what Update wants: it names this state of the client.
	Version int64
}

// An Issued is an Entry and the secret that was made with it.
type Issued struct {
	Entry
	// Secret is shown this once and nowhere kept; empty if none was made.
	Secret string
	// SecretID names it among Client.Secrets.
	SecretID string
}

// Create registers a client. What c leaves out is filled in by its type: see
// DefaultGrantTypes and DefaultResponseTypes. One that names no
// TokenEndpointAuthMethod authenticates by client_secret_basic, unless it is
// native. A confidential client without secrets is given one. A client over a Quota is a *QuotaError. An empty ID is
// made; one that is taken is storage.ErrExists.
func (s *Service) Create(ctx context.Context, actor Actor, c oauth.Client) (Issued, error) {
	return s.create(ctx, actor, c, creation{})
}

// Get returns a client.
func (s *Service) Get(ctx context.Context, actor Actor, id string) (Entry, error) {
	return s.permitted(ctx, actor, ActionGet, id)
}

// Update stores new metadata in place of the client's if version is still the
// one of its Entry, else it is storage.ErrConflict. ID, Type, State, Owner,
// Tenant, Dynamic, Secrets and CreatedAt stay as they are, whatever c has. A
// client that becomes confidential is given a secret; one that becomes public
// loses its secrets.
func (s *Service) Update(ctx context.Context, actor Actor, c oauth.Client, version int64) (Issued, error) {
	return s.update(ctx, actor, c, version)
}

// Approve lets a client be served. One that is approved already stays so. A
// version of zero means whatever the client's is.
func (s *Service) Approve(ctx context.Context, actor Actor, id string, version int64) (Entry, error) {
	return s.decide(ctx, actor, ActionApprove, id, version, oauth.StateApproved)
}

// Disapprove refuses a client everywhere, and its tokens where they are
// checked online, until it is approved again: nothing of it is deleted.
func (s *Service) Disapprove(ctx context.Context, actor Actor, id string, version int64) (Entry, error) {
	return s.decide(ctx, actor, ActionDisapprove, id, version, oauth.StateDisapproved)
}

// RotateSecret gives a confidential client a new secret. Its other secrets
// stay valid for overlap and no longer than they would have been; zero ends
// them at once. A public client is ErrNotConfidential. Of several that rotate
// at once one wins and the others are storage.ErrConflict: nobody is handed a
// secret that has ended already.
func (s *Service) RotateSecret(ctx context.Context, actor Actor, id string, overlap time.Duration) (Issued, error) {
	st, err := s.clients.load(ctx, id)
	if err != nil {
		return Issued{}, err
	}
	return s.newSecret(ctx, actor, ActionRotateSecret, id, st.entry().Version, NewSecret{}, func(have []oauth.Secret, now time.Time) []oauth.Secret {
		return endAt(have, now, now.Add(overlap))
	})
}

// A NewSecret says what AddSecret makes.
type NewSecret struct {
	// Name is what people call the secret: at most 100 bytes of one line.
	Name string
	// ExpiresAt is when it ends; zero means never.
	ExpiresAt time.Time
	// Chosen is the secret itself, of at least 16 characters, where
	// ServiceOptions.ChosenSecrets lets it be. Empty makes one of 256 bits.
	Chosen string
}

// AddSecret gives a confidential client one more secret beside those it has;
// ErrTooManySecrets says that it has as many as it may. A public client is
// ErrNotConfidential.
func (s *Service) AddSecret(ctx context.Context, actor Actor, id string, n NewSecret) (Issued, error) {
	return s.newSecret(ctx, actor, ActionAddSecret, id, 0, n, func(have []oauth.Secret, now time.Time) []oauth.Secret {
		return live(have, now)
	})
}

// RemoveSecret ends one secret at once, by its ID. The last one is ErrLastSecret:
// a confidential client cannot be without. One that it does not have is
// storage.ErrNotFound.
func (s *Service) RemoveSecret(ctx context.Context, actor Actor, id, secretID string) (Entry, error) {
	return s.removeSecret(ctx, actor, id, secretID)
}

// Remove deletes a client and all that was granted to it: codes, tokens and
// consents. It is refused everywhere before anything is deleted, so that what
// an interrupted Remove left is of no use; calling it again deletes the rest.
func (s *Service) Remove(ctx context.Context, actor Actor, id string) error {
	return s.remove(ctx, actor, id)
}

// List returns clients that match, sorted, a page at a time. Permit is asked
// with ActionList and a client of nothing but the Tenant and Owner asked for:
// whoever may see one tenant alone must ask for it.
func (s *Service) List(ctx context.Context, actor Actor, q ListQuery) (ListPage, error) {
	return s.list(ctx, actor, q)
}

// Authorizations returns what end users agreed to for a client and what it has
// for itself, a page at a time: limit is 1 to 1000, zero means 100, and cursor
// the Next of the page before.
func (s *Service) Authorizations(ctx context.Context, actor Actor, id string, limit int, cursor string) (AuthorizationPage, error) {
	return s.authorizations(ctx, actor, id, limit, cursor)
}

// RevokeAuthorization ends one authorization of a client and every token that
// descends from it. One that is not this client's is storage.ErrNotFound.
func (s *Service) RevokeAuthorization(ctx context.Context, actor Actor, id, grantID string) error {
	return s.revokeAuthorization(ctx, actor, id, grantID)
}

// Reap removes the clients that registered themselves, have not been used for
// idle and have nothing granted or pending, with an event each, and reports how
// many. Nobody is asked: it is the host's housekeeping.
func (s *Service) Reap(ctx context.Context, idle time.Duration) (removed int, err error) {
	return s.reap(ctx, idle)
}

// Client finds a client with all it has, digests too: with it, a Service is
// what a server asks for its clients.
func (s *Service) Client(ctx context.Context, id string) (*oauth.Client, error) {
	return s.clients.Client(ctx, id)
}

// SecretUsed notes that a client used a secret, at most once an hour each. It
// is for the server, and never fails: what could not be noted is noted next
// time.
func (s *Service) SecretUsed(ctx context.Context, c *oauth.Client, secretID string) {
	s.secretUsed(ctx, c, secretID)
}

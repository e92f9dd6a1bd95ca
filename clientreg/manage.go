package clientreg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// changeTries is how often a change that lost against another is tried, where
// the caller did not say of which version it is.
const changeTries = 16

// permitted reads a client that an actor may do something to.
func (s *Service) permitted(ctx context.Context, actor Actor, action Action, id string) (Entry, error) {
	st, err := s.clients.load(ctx, id)
	if err != nil {
		return Entry{}, err
	}
	if err := s.permit(ctx, actor, action, &st.client); err != nil {
		return Entry{}, err
	}
	return st.entry(), nil
}

func (s *Service) permit(ctx context.Context, actor Actor, action Action, c *oauth.Client) error {
	shown := withoutDigests(*c)
	if err := s.options.Permit(ctx, actor, action, &shown); err != nil {
		return fmt.Errorf("%w: %w", ErrDenied, err)
	}
	return nil
}

// ErrDenied says that ServiceOptions.Permit refused; its error is beneath.
var ErrDenied = errors.New("clientreg: not permitted")

// entry is a client as it is shown.
func (st stored) entry() Entry { return Entry{withoutDigests(st.client), st.revision + 1} }

// withoutDigests is a client whose secrets have names and times alone.
func withoutDigests(c oauth.Client) oauth.Client {
	c.Secrets = slices.Clone(c.Secrets)
	for i := range c.Secrets {
		c.Secrets[i].Digest = ""
	}
	return c
}

// tell reports a change that is stored.
func (s *Service) tell(ctx context.Context, ev Event) {
	if s.options.Events == nil {
		return
	}
	ev.Time = time.Now().UTC()
	for _, c := range []**oauth.Client{&ev.Before, &ev.After} {
		if *c != nil {
			shown := withoutDigests(**c)
			*c, ev.ClientID = &shown, shown.ID
		}
	}
	s.options.Events(ctx, ev)
}

// createWithin bounds how long a place that was taken for a client waits for
// it.
const createWithin = 30 * time.Second

// creation is what there is beside a new client.
type creation struct {
	registration string        // digest of its registration access token
	repeatOf     string        // the client that registered the same before
	secretFor    time.Duration // how long its secret is valid; zero: without end
}

func (s *Service) create(ctx context.Context, actor Actor, c oauth.Client, with creation) (Issued, error) {
	if c.ID == "" {
		c.ID = rand.Text()
	}
	if c.State == "" {
		c.State = s.options.InitialState
	}
	now := time.Now().UTC()
	if c.CreatedAt.IsZero() {
		c.CreatedAt = now.Truncate(time.Second)
	}
	s.fill(&c)
	if err := s.permit(ctx, actor, ActionCreate, &c); err != nil {
		return Issued{}, err
	}
	secret := fitSecrets(&c, now)
	if secret != "" && with.secretFor > 0 {
		c.Secrets[0].ExpiresAt = now.Add(with.secretFor).Truncate(time.Second)
	}
	st := stored{client: c, registration: with.registration, revision: now.UnixMicro()}
	if _, err := encode(st); err != nil {
		return Issued{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, createWithin)
	defer cancel()
	if err := s.reserve(ctx, &c); err != nil {
		return Issued{}, err
	}
	var err error
	if st.version, err = s.clients.insert(ctx, st); err != nil {
		if errors.Is(err, storage.ErrExists) {
			s.release(ctx, &c)
		}
		return Issued{}, err
	}
	s.index.put(st)
	s.tell(ctx, Event{Actor: actor, Action: ActionCreate, After: &c, RepeatOf: with.repeatOf})
	return st.issued(secret), nil
}

// issued is a client with the secret that was just made for it, its last.
func (st stored) issued(secret string) Issued {
	out := Issued{Entry: st.entry(), Secret: secret}
	if n := len(st.client.Secrets); secret != "" && n > 0 {
		out.SecretID = st.client.Secrets[n-1].ID
	}
	return out
}

// errUnchanged ends a change that there is nothing to do for.
var errUnchanged = errors.New("clientreg: nothing to change")

// change is every edit of a client: read, ask, edit, store. When another was
// faster all of it is run again, and finds out whether the client is still of
// the version that the caller named, if it named one.
func (s *Service) change(ctx context.Context, actor Actor, action Action, id string, version int64, edit func(st *stored, now time.Time) error) (stored, error) {
	for range changeTries {
		before, err := s.clients.load(ctx, id)
		if err != nil {
			return stored{}, err
		}
		if err := s.permit(ctx, actor, action, &before.client); err != nil {
			return stored{}, err
		}
		if version != 0 && version != before.revision+1 {
			return stored{}, fmt.Errorf("clientreg: %s: %w", action, storage.ErrConflict)
		}
		after := before
		after.revision++
		err = edit(&after, time.Now().UTC())
		if errors.Is(err, errUnchanged) {
			return before, nil
		}
		if err != nil {
			return stored{}, err
		}
		after.version, err = s.clients.replace(ctx, after)
		if err == nil {
			s.index.put(after)
			s.tell(ctx, Event{Actor: actor, Action: action, Before: &before.client, After: &after.client})
			return after, nil
		}
		if !errors.Is(err, storage.ErrConflict) {
			return stored{}, err
		}
	}
	return stored{}, fmt.Errorf("clientreg: %s: %w", action, storage.ErrConflict)
}

func (s *Service) update(ctx context.Context, actor Actor, c oauth.Client, version int64) (Issued, error) {
	if version == 0 {
		return Issued{}, fmt.Errorf("clientreg: update: %w", storage.ErrConflict)
	}
	var secret string
	st, err := s.change(ctx, actor, ActionUpdate, c.ID, version, func(st *stored, now time.Time) error {
		next := keepFixed(c, &st.client)
		next.UpdatedAt = now.Truncate(time.Second)
		secret = fitSecrets(&next, now)
		st.client = next
		return nil
	})
	if err != nil {
		return Issued{}, err
	}
	return st.issued(secret), nil
}

// keepFixed is c with what no edit changes.
func keepFixed(c oauth.Client, have *oauth.Client) oauth.Client {
	c.Type, c.State, c.Owner, c.Tenant, c.Dynamic = have.Type, have.State, have.Owner, have.Tenant, have.Dynamic
	c.Secrets, c.CreatedAt, c.Disabled = have.Secrets, have.CreatedAt, have.Disabled
	return c
}

// decide puts a client in a state.
func (s *Service) decide(ctx context.Context, actor Actor, action Action, id string, version int64, state oauth.ClientState) (Entry, error) {
	st, err := s.change(ctx, actor, action, id, version, func(st *stored, now time.Time) error {
		if st.client.Standing() == state {
			return errUnchanged
		}
		st.client.State, st.client.UpdatedAt = state, now.Truncate(time.Second)
		return nil
	})
	if err != nil {
		return Entry{}, err
	}
	return st.entry(), nil
}

package authserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// keys are those of the moment.
func (s *Server) keys(ctx context.Context) (*keys.Set, error) {
	set, err := s.cfg.Keys.Keys(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	return set, nil
}

// client finds a client. Its errors are those of a ClientSource.
func (s *Server) client(ctx context.Context, id string) (*oauth.Client, error) {
	if id == "" || len(id) > 512 {
		return nil, storage.ErrNotFound
	}
	return s.cfg.Clients.Client(ctx, id)
}

// grantRecord is an authorization as it is stored.
func grantRecord(grantID string, st grantstate.State) (storage.Record, error) {
	data, err := grantstate.Encode(st)
	if err != nil {
		return storage.Record{}, fmt.Errorf("authserver: encode authorization: %w", err)
	}
	return storage.Record{
		Kind: storage.KindGrant, Key: grantID, ClientID: st.ClientID, Subject: st.Subject,
		SessionID: st.SessionID, ExpiresAt: st.RecordExpiry(), Data: data,
	}, nil
}

// create stores a new authorization.
func (s *Server) create(ctx context.Context, a *engine.Authorization) error {
	rec, err := grantRecord(a.GrantID, a.State)
	if err != nil {
		return err
	}
	_, err = s.cfg.Storage.Create(ctx, rec)
	s.sweep()
	return err
}

// amendTries bounds how often a request is run again because another changed
// the same authorization meanwhile; revokeTries is for one that ends it, which
// must get through however busy the client is.
const (
	amendTries  = 12
	revokeTries = 100
)

// errNoGrant says that an authorization does not exist, or no longer.
var errNoGrant = errors.New("authserver: no such authorization")

// amendment is what a request does to an authorization at a time: the new
// state, whether it is to be stored, and what the request comes to once it is.
type amendment func(st grantstate.State, now time.Time) (next grantstate.State, store bool, outcome error)

// amend is the one way an authorization changes: one Get, pure logic, one
// Replace. When another request was faster, all of it is run again on what
// that one left. The outcome counts only once the state is stored.
func (s *Server) amend(ctx context.Context, grantID string, f amendment) error {
	return s.amendWithin(ctx, amendTries, grantID, f)
}

// end is amend for what ends an authorization, or a token of it.
func (s *Server) end(ctx context.Context, grantID string, f amendment) error {
	return s.amendWithin(ctx, revokeTries, grantID, f)
}

func (s *Server) amendWithin(ctx context.Context, tries int, grantID string, f amendment) error {
	for try := range tries {
		rec, err := s.cfg.Storage.Get(ctx, storage.KindGrant, grantID)
		if errors.Is(err, storage.ErrNotFound) {
			return errNoGrant
		}
		if err != nil {
			return unavailable(err)
		}
		st, err := grantstate.Decode(rec.Data)
		if err != nil {
			return unavailable(err)
		}
		// The time is that of this attempt: the state may be newer than the request.
		next, store, outcome := f(st, time.Now())
		if !store {
			return outcome
		}
		err = s.replace(ctx, rec, next)
		switch {
		case err == nil:
			return outcome
		case !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound):
			return unavailable(err)
		}
		if err := pause(ctx, try); err != nil {
			return unavailable(err)
		}
	}
	return unavailable(errors.New("authserver: an authorization was changed by too many requests at once"))
}

func (s *Server) replace(ctx context.Context, old storage.Record, st grantstate.State) error {
	rec, err := grantRecord(old.Key, st)
	if err != nil {
		return err
	}
	rec.Version = old.Version
	_, err = s.cfg.Storage.Replace(ctx, rec)
	return err
}

// pause waits a little longer each time, so that requests which keep meeting
// come apart.
func pause(ctx context.Context, try int) error {
	if try < 2 {
		return ctx.Err()
	}
	wait := time.NewTimer(rand.N(time.Duration(min(try, amendTries)) * 2 * time.Millisecond)) //nolint:gosec // not a secret
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

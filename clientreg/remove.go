package clientreg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// descend are the kinds of records that are of no use without their client.
// What was revoked one by one stays on record, for as long as it would have
// lived.
var descend = []storage.Kind{storage.KindInteraction, storage.KindGrant, storage.KindAlias, storage.KindConsent}

func (s *Service) remove(ctx context.Context, actor Actor, id string) error {
	st, err := s.clients.load(ctx, id)
	if err != nil {
		return err
	}
	if err := s.permit(ctx, actor, ActionRemove, &st.client); err != nil {
		return err
	}
	if st, err = s.disable(ctx, id); err != nil {
		return err
	}
	return s.erase(ctx, Event{Actor: actor, Action: ActionRemove, Before: &st.client})
}

// disable refuses a client everywhere, as if it did not exist, so that nothing
// can be granted to it any more.
func (s *Service) disable(ctx context.Context, id string) (stored, error) {
	for range changeTries {
		st, err := s.clients.load(ctx, id)
		if err != nil || st.client.Disabled {
			return st, err
		}
		st.client.Disabled = true
		if st.version, err = s.clients.replace(ctx, st); !errors.Is(err, storage.ErrConflict) {
			return st, err
		}
	}
	return stored{}, fmt.Errorf("clientreg: remove: %w", storage.ErrConflict)
}

// erase deletes a disabled client and all that descends from it.
func (s *Service) erase(ctx context.Context, ev Event) error {
	c := ev.Before
	for _, kind := range descend {
		if err := s.deleteAll(ctx, storage.Query{Kind: kind, ClientID: c.ID}); err != nil {
			return err
		}
	}
	if err := s.clients.Delete(ctx, c.ID); err != nil {
		return err
	}
	s.index.remove(c.ID)
	s.vacate(ctx, c)
	s.tell(ctx, ev)
	return nil
}

// deleteAll deletes every record of a query.
func (s *Service) deleteAll(ctx context.Context, q storage.Query) error {
	return s.each(ctx, q, func(r storage.Record) (bool, error) {
		return true, s.options.Storage.Delete(ctx, r.Kind, r.Key)
	})
}

// each calls f with every record of a query until it returns false.
func (s *Service) each(ctx context.Context, q storage.Query, f func(storage.Record) (bool, error)) error {
	q.Limit = 1000
	for {
		page, err := s.options.Storage.List(ctx, q)
		if err != nil {
			return fmt.Errorf("clientreg: list: %w", err)
		}
		for _, r := range page.Records {
			if more, err := f(r); err != nil || !more {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

func (s *Service) reap(ctx context.Context, idle time.Duration) (removed int, err error) {
	before := time.Now().Add(-idle)
	err = s.each(ctx, storage.Query{Kind: storage.KindClient}, func(r storage.Record) (bool, error) {
		st, err := decode(r)
		if err != nil || !st.client.Dynamic || !lastSeen(&st.client).Before(before) {
			return true, nil //nolint:nilerr // a record of another form is none of ours to remove
		}
		gone, err := s.reapOne(ctx, st)
		if gone {
			removed++
		}
		return true, err
	})
	return removed, err
}

// lastSeen is when a client last registered, changed, or used a secret.
func lastSeen(c *oauth.Client) time.Time {
	seen := c.CreatedAt
	if c.UpdatedAt.After(seen) {
		seen = c.UpdatedAt
	}
	for _, s := range c.Secrets {
		if s.LastUsedAt.After(seen) {
			seen = s.LastUsedAt
		}
	}
	return seen
}

// reapOne removes a client that nothing is granted to. It is looked at again
// once nothing can be granted to it any more, and brought back if it had been.
func (s *Service) reapOne(ctx context.Context, st stored) (gone bool, err error) {
	if used, err := s.inUse(ctx, st.client.ID); used || err != nil {
		return false, err
	}
	disabled := st
	disabled.client.Disabled = true
	if disabled.version, err = s.clients.replace(ctx, disabled); err != nil {
		return false, ignoring(err, storage.ErrConflict, storage.ErrNotFound)
	}
	used, err := s.inUse(ctx, st.client.ID)
	if err == nil && !used {
		return true, s.erase(ctx, Event{Actor: System, Action: ActionReap, Before: &st.client})
	}
	st.version = disabled.version
	_, back := s.clients.replace(ctx, st)
	return false, errors.Join(err, back)
}

// ignoring is nil for the errors named.
func ignoring(err error, these ...error) error {
	for _, e := range these {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// inUse reports whether a client has a live authorization, a consent or a
// request that waits.
func (s *Service) inUse(ctx context.Context, id string) (used bool, err error) {
	for _, kind := range descend {
		err = s.each(ctx, storage.Query{Kind: kind, ClientID: id}, func(r storage.Record) (bool, error) {
			used = kind != storage.KindGrant || alive(r)
			return !used, nil
		})
		if used || err != nil {
			return used, err
		}
	}
	return false, nil
}

// alive reports whether an authorization was not revoked. One that cannot be
// read may be.
func alive(r storage.Record) bool {
	st, err := grantstate.Decode(r.Data)
	return err != nil || !st.Revoked()
}

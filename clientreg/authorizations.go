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

func (s *Service) authorizations(ctx context.Context, actor Actor, id string, limit int, cursor string) (AuthorizationPage, error) {
	if _, err := s.permitted(ctx, actor, ActionAuthorizations, id); err != nil {
		return AuthorizationPage{}, err
	}
	page, err := s.options.Storage.List(ctx, storage.Query{
		Kind: storage.KindGrant, ClientID: id, Limit: min(max(limit, 0), maxPage), Cursor: cursor,
	})
	if err != nil {
		return AuthorizationPage{}, fmt.Errorf("clientreg: list: %w", err)
	}
	out := AuthorizationPage{Next: page.Next}
	for _, r := range page.Records {
		st, err := grantstate.Decode(r.Data)
		if err != nil {
			return AuthorizationPage{}, fmt.Errorf("clientreg: record of an authorization: %w", err)
		}
		if !st.Revoked() {
			out.Authorizations = append(out.Authorizations, authorizationOf(r.Key, st))
		}
	}
	return out, nil
}

func authorizationOf(grantID string, st grantstate.State) Authorization {
	a := Authorization{
		GrantID: grantID, Subject: st.Subject, GrantType: st.GrantType, Scopes: st.Scopes,
		CreatedAt: st.CreatedAt.Time(), ExpiresAt: st.EndsAt.Time(),
	}
	for _, access := range st.Access {
		if issued := access.IssuedAt.Time(); issued.After(a.LastUsedAt) {
			a.LastUsedAt = issued
		}
	}
	return a
}

func (s *Service) revokeAuthorization(ctx context.Context, actor Actor, id, grantID string) error {
	st, err := s.clients.load(ctx, id)
	if err != nil {
		return err
	}
	if err := s.permit(ctx, actor, ActionRevokeAuthorization, &st.client); err != nil {
		return err
	}
	for range changeTries {
		revoked, err := s.revokeOnce(ctx, id, grantID)
		if errors.Is(err, storage.ErrConflict) {
			continue
		}
		if revoked {
			s.tell(ctx, Event{Actor: actor, Action: ActionRevokeAuthorization, ClientID: id, GrantID: grantID, Before: &st.client, After: &st.client})
		}
		return err
	}
	return fmt.Errorf("clientreg: revoke: %w", storage.ErrConflict)
}

// revokeOnce ends an authorization if it is of this client and lives.
func (s *Service) revokeOnce(ctx context.Context, id, grantID string) (revoked bool, err error) {
	if !isKey(grantID) {
		return false, storage.ErrNotFound
	}
	r, err := s.options.Storage.Get(ctx, storage.KindGrant, grantID)
	if err != nil {
		return false, fmt.Errorf("clientreg: get: %w", err)
	}
	state, err := grantstate.Decode(r.Data)
	if err != nil {
		return false, fmt.Errorf("clientreg: record of an authorization: %w", err)
	}
	if state.ClientID != id {
		return false, storage.ErrNotFound
	}
	if state.Revoked() {
		return false, nil
	}
	state = grantstate.Revoke(state, time.Now())
	if r.Data, err = grantstate.Encode(state); err != nil {
		return false, fmt.Errorf("clientreg: record of an authorization: %w", err)
	}
	r.ExpiresAt = state.RecordExpiry()
	if _, err = s.options.Storage.Replace(ctx, r); err != nil {
		return false, fmt.Errorf("clientreg: replace: %w", err)
	}
	return true, nil
}

// knownState reports whether a state is one of the three, or the zero value.
func knownState(state oauth.ClientState) bool {
	switch state {
	case "", oauth.StateApproved, oauth.StatePending, oauth.StateDisapproved:
		return true
	}
	return false
}

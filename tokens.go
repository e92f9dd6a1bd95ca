package authserver

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// A Token is what a live access token stands for.
type Token struct {
	// GrantID names the authorization; safe to show in logs and consoles.
	GrantID string
	// ClientID is who it was given to, Subject on whose behalf: empty when
	// the client acts for itself.
	ClientID, Subject string
	Scopes            []string
	// Audience are the resources it is meant for (RFC 8707); empty means
	// that it names none.
	Audience            []string
	IssuedAt, ExpiresAt time.Time
	// AuthTime and ACR are of the end user's authentication, where known.
	AuthTime time.Time
	ACR      string
}

var errInvalidToken = oauth.E(oauth.InvalidToken, "the access token is not valid")

// Introspect returns what an access token stands for, or an *oauth.Error with
// invalid_token for one that is not live: unknown, expired, revoked, of a
// client or subject that is gone. Any other error is of storage.
func (s *Server) Introspect(ctx context.Context, accessToken string) (*Token, error) {
	l, _, err := s.accessToken(ctx, accessToken)
	if err != nil {
		return nil, err
	}
	return &Token{
		GrantID: l.grantID, ClientID: l.client, Subject: l.state.Subject,
		Scopes: slices.Clone(l.scopes), Audience: slices.Clone(l.aud),
		IssuedAt: l.access.IssuedAt.Time(), ExpiresAt: l.access.ExpiresAt.Time(),
		AuthTime: l.state.Authn.Time.Time(), ACR: l.state.Authn.ACR,
	}, nil
}

// accessToken is a live access token and its client, or invalid_token.
func (s *Server) accessToken(ctx context.Context, text string) (l live, c *oauth.Client, err error) {
	set, err := s.keys(ctx)
	if err != nil {
		return l, nil, err
	}
	p, ok := s.present(set, text)
	if !ok || p.kind != token.Access {
		return l, nil, errInvalidToken
	}
	if l, err = s.find(ctx, p); err == nil {
		c, err = s.clientLives(ctx, l.client)
	}
	if errors.Is(err, errNotLive) {
		err = errInvalidToken.Because(err)
	}
	return l, c, err
}

// RevokeGrant ends an authorization and every token that descends from it. It
// is nil for one that does not exist.
func (s *Server) RevokeGrant(ctx context.Context, grantID string) error {
	err := s.end(ctx, grantID, func(st grantstate.State, now time.Time) (grantstate.State, bool, error) {
		return grantstate.Revoke(st, now), !st.Revoked(), nil
	})
	if err != nil && !errors.Is(err, errNoGrant) {
		return err
	}
	s.record(ctx, &Event{Type: EventGrantRevoked, GrantID: grantID}, nil)
	return nil
}

// RevokeSubject ends every login session, consent and authorization of an end
// user: after a password change, or when the account is closed. After an
// error some of them may live on; calling it again ends the rest.
func (s *Server) RevokeSubject(ctx context.Context, subject string) error {
	if subject == "" {
		return nil
	}
	// Sessions first: none of the rest can grow again without one.
	for _, kind := range []storage.Kind{storage.KindSession, storage.KindConsent} {
		err := s.each(ctx, storage.Query{Kind: kind, Subject: subject}, func(rec storage.Record) error {
			return s.cfg.Storage.Delete(ctx, kind, rec.Key)
		})
		if err != nil {
			return unavailable(err)
		}
	}
	err := s.each(ctx, storage.Query{Kind: storage.KindGrant, Subject: subject}, func(rec storage.Record) error {
		return s.RevokeGrant(ctx, rec.Key)
	})
	if err != nil {
		return unavailable(err)
	}
	s.record(ctx, &Event{Type: EventSubjectRevoked, Subject: subject}, nil)
	return nil
}

// each calls f with every record of a query.
func (s *Server) each(ctx context.Context, q storage.Query, f func(storage.Record) error) error {
	for {
		page, err := s.cfg.Storage.List(ctx, q)
		if err != nil {
			return err
		}
		for _, rec := range page.Records {
			if err := f(rec); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

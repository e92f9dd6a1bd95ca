package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed36673005/authserver/internal/grantstate"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// consent is what a subject agreed to for one client, as it is stored.
type consent struct {
	V      int               `json:"v"`
	Scopes []string          `json:"sc"`
	At     grantstate.Millis `json:"at"`
}

const consentVersion = 1

func consentKey(subject, clientID string) string {
	return digest("consent", subject+"\x00"+clientID)
}

// provable reports whether a client's identity is assured, so that a consent
// to it may be remembered (RFC 8252 §8.6): it authenticates, and the operator
// vouches for it.
func provable(c *oauth.Client) bool { return !c.Public() && c.Verified }

// Consented reports whether a remembered consent of subject covers req, so
// that no page need ask. It is always false for a request that must ask, and
// for a client whose identity nothing proves: public, or not Verified.
func (s *Server) Consented(ctx context.Context, req *AuthorizationRequest, subject string) (bool, error) {
	if req.MustConsent || req.Device || !provable(&req.Client) {
		return false, nil
	}
	agreed, _, err := s.consentOf(ctx, subject, req.Client.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return !slices.ContainsFunc(req.Scopes, func(scope Scope) bool {
		return !slices.Contains(agreed.Scopes, scope.Name)
	}), nil
}

func (s *Server) consentOf(ctx context.Context, subject, clientID string) (consent, storage.Record, error) {
	var agreed consent
	rec, err := s.cfg.Storage.Get(ctx, storage.KindConsent, consentKey(subject, clientID))
	if err != nil {
		return agreed, rec, err
	}
	if err := json.Unmarshal(rec.Data, &agreed); err != nil || agreed.V != consentVersion {
		return consent{}, rec, fmt.Errorf("authserver: consent record of another form: %w", err)
	}
	return agreed, rec, nil
}

// remember stores a consent, beside what was agreed to before. That it could
// not be stored costs the end user one more page and nothing else.
func (s *Server) remember(ctx context.Context, c *oauth.Client, subject string, scopes []string) {
	if !provable(c) {
		return
	}
	if err := s.tryRemember(ctx, c.ID, subject, scopes); err != nil {
		s.record(ctx, &Event{Type: EventStorageUnusable, Outcome: oauth.TemporarilyUnavailable, ClientID: c.ID}, err)
	}
}

func (s *Server) tryRemember(ctx context.Context, clientID, subject string, scopes []string) error {
	agreed, rec, err := s.consentOf(ctx, subject, clientID)
	fresh := errors.Is(err, storage.ErrNotFound)
	if err != nil && !fresh {
		return err
	}
	all := slices.Concat(agreed.Scopes, scopes)
	slices.Sort(all)
	data, err := json.Marshal(consent{V: consentVersion, Scopes: slices.Compact(all), At: grantstate.At(time.Now())})
	if err != nil {
		return err
	}
	if fresh {
		_, err = s.cfg.Storage.Create(ctx, storage.Record{
			Kind: storage.KindConsent, Key: consentKey(subject, clientID),
			ClientID: clientID, Subject: subject, Data: data,
		})
		return err
	}
	rec.Data = data
	_, err = s.cfg.Storage.Replace(ctx, rec)
	return err
}

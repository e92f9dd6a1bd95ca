package clientreg

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// The refusals of secrets.
var (
	// ErrTooManySecrets says that a client has as many live secrets as it may.
	ErrTooManySecrets = errors.New("clientreg: client has too many live secrets")
	// ErrLastSecret says that a confidential client cannot be without a secret.
	ErrLastSecret = errors.New("clientreg: the last secret of a confidential client")
	// ErrChosenSecret says that secrets which people choose are not allowed.
	ErrChosenSecret = errors.New("clientreg: secrets are made by the server")
)

const (
	maxSecretName   = 100
	minChosenSecret = 16
	// usedEvery is how coarsely the last use of a secret is kept.
	usedEvery = time.Hour
)

// live are the secrets that have not ended.
func live(secrets []oauth.Secret, now time.Time) []oauth.Secret {
	return slices.DeleteFunc(slices.Clone(secrets), func(s oauth.Secret) bool {
		return !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt)
	})
}

// newSecret gives a client one more secret, beside those that keep leaves it.
func (s *Service) newSecret(ctx context.Context, actor Actor, action Action, id string, version int64, n NewSecret, keep func([]oauth.Secret, time.Time) []oauth.Secret) (Issued, error) {
	secret, made, err := s.makeSecret(ctx, n)
	if err != nil {
		return Issued{}, err
	}
	st, err := s.change(ctx, actor, action, id, version, func(st *stored, now time.Time) error {
		if st.client.Public() {
			return ErrNotConfidential
		}
		kept := keep(st.client.Secrets, now)
		if len(kept) >= maxSecrets {
			return ErrTooManySecrets
		}
		st.client.Secrets = append(kept, made)
		return nil
	})
	if err != nil {
		return Issued{}, err
	}
	return st.issued(secret), nil
}

// makeSecret is a new secret and what is kept of it.
func (s *Service) makeSecret(ctx context.Context, n NewSecret) (secret string, made oauth.Secret, err error) {
	now := time.Now().UTC()
	if err := n.validate(now); err != nil {
		return "", made, err
	}
	if n.Chosen == "" {
		secret, made = newSecret(now)
	} else {
		if !s.options.ChosenSecrets {
			return "", made, ErrChosenSecret
		}
		made = oauth.Secret{ID: rand.Text()[:8], CreatedAt: now.Truncate(time.Second)}
		if made.Digest, err = s.pool.Hash(ctx, n.Chosen); err != nil {
			return "", made, err
		}
		secret = n.Chosen
	}
	made.Name, made.ExpiresAt = n.Name, n.ExpiresAt.UTC()
	return secret, made, nil
}

func (n NewSecret) validate(now time.Time) error {
	var f faults
	if len(n.Name) > maxSecretName || !utf8.ValidString(n.Name) || strings.ContainsFunc(n.Name, deceives) {
		f.add("name", "want at most 100 bytes of UTF-8 without control or invisible characters")
	}
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(now) {
		f.add("expires_at", "want a time to come")
	}
	if n.Chosen != "" && utf8.RuneCountInString(n.Chosen) < minChosenSecret {
		f.add("secret", "want at least 16 characters")
	}
	return errors.Join(f...)
}

func (s *Service) removeSecret(ctx context.Context, actor Actor, id, secretID string) (Entry, error) {
	st, err := s.change(ctx, actor, ActionRemoveSecret, id, 0, func(st *stored, now time.Time) error {
		i := slices.IndexFunc(st.client.Secrets, func(have oauth.Secret) bool { return have.ID == secretID })
		if i < 0 {
			return storage.ErrNotFound
		}
		rest := slices.Delete(slices.Clone(st.client.Secrets), i, i+1)
		if len(live(rest, now)) == 0 {
			return ErrLastSecret
		}
		st.client.Secrets = rest
		return nil
	})
	if err != nil {
		return Entry{}, err
	}
	return st.entry(), nil
}

// secretUsed is one attempt to note a use: a client that is being changed just
// then is left to it. It is no change of the client, and no event.
func (s *Service) secretUsed(ctx context.Context, c *oauth.Client, secretID string) {
	now := time.Now().UTC()
	if !noteworthy(c.Secrets, secretID, now) {
		return
	}
	st, err := s.clients.load(ctx, c.ID)
	if err != nil || !noteworthy(st.client.Secrets, secretID, now) {
		return
	}
	st.client.Secrets = slices.Clone(st.client.Secrets)
	for i := range st.client.Secrets {
		if st.client.Secrets[i].ID == secretID {
			st.client.Secrets[i].LastUsedAt = now.Truncate(time.Minute)
		}
	}
	if st.version, err = s.clients.replace(ctx, st); err == nil {
		s.index.put(st)
	}
}

// noteworthy reports whether the last use of a secret is to be written.
func noteworthy(secrets []oauth.Secret, id string, now time.Time) bool {
	i := slices.IndexFunc(secrets, func(s oauth.Secret) bool { return s.ID == id })
	return i >= 0 && now.Sub(secrets[i].LastUsedAt) >= usedEvery
}

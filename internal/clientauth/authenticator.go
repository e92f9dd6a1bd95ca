package clientauth

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/internal/passwords"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// An Authenticator authenticates the clients of a server. Its exported fields
// are not changed once it is in use; Authenticate may then be called from many
// goroutines at once. It must not be copied.
type Authenticator struct {
	// Clients finds a client, or storage.ErrNotFound. Required.
	Clients func(ctx context.Context, id string) (*oauth.Client, error)
	// Passwords verifies secrets that people chose. Nil refuses them with
	// status 503.
	Passwords *passwords.Pool
	// Limit counts wrong secrets by client and address. Nil means no limit.
	// A secret that the server made is never held up by it, whoever guessed
	// before: a right one cannot have been guessed. A chosen secret is held
	// up by wrong guesses from its own address (IPv6: its /64) alone, so that
	// nobody can lock a client out from elsewhere.
	Limit *limit.Keyed
	// TrustedProxies are peers whose X-Forwarded-For says where a request
	// came from. Empty trusts none.
	TrustedProxies []netip.Prefix
	// Used, if not nil, is told which secret a client used.
	Used func(ctx context.Context, c *oauth.Client, secretID string)
	// Realm is named in challenges.
	Realm string

	// chosen is set once a client with a chosen secret was seen. From then on
	// unknown clients cost a slow hash too, for secrets that could be chosen.
	chosen atomic.Bool
	proofs proofs
}

// The refusals. That errRefused is the only one for whatever does not fit
// keeps callers from learning which clients exist (OWASP ASVS 6.3.8).
var (
	errRefused  = oauth.E(oauth.InvalidClient, "client authentication failed")
	errTrouble  = oauth.E(oauth.TemporarilyUnavailable, "the client could not be authenticated just now")
	errThrottle = oauth.E(oauth.TemporarilyUnavailable, "too many failed client authentications").WithStatus(http.StatusTooManyRequests)
)

// The causes of errRefused, for the log.
var (
	errUnknown  = errors.New("clientauth: client is unknown or disabled")
	errNoSecret = errors.New("clientauth: confidential client sent no secret")
	errMethod   = errors.New("clientauth: client is registered for another method")
	errWrong    = errors.New("clientauth: secret is wrong or has expired")
)

// Challenge is the WWW-Authenticate value of every refusal.
func (a *Authenticator) Challenge() string { return wire.BasicChallenge(a.Realm) }

// Authenticate returns the client of a request, whose form it is given: a
// public client by its client_id, a confidential one by a live secret sent
// with its registered method.
//
// An unknown or disabled client, a public one that sends a secret, another
// method and a wrong or missing secret are all the same 401 invalid_client, in
// the same time. Too many wrong secrets are 429 with a cause that has
// RetryAfter, and trouble with the storage is 503.
func (a *Authenticator) Authenticate(ctx context.Context, r *http.Request, form url.Values) (*oauth.Client, *oauth.Error) {
	sent, refusal := Read(r, form)
	if refusal != nil {
		return nil, refusal
	}
	client, err := a.find(ctx, sent.ClientID)
	if err != nil {
		return nil, errTrouble.Because(err)
	}
	if sent.Method == oauth.AuthMethodNone {
		return withoutSecret(client)
	}
	matches, refusal := a.matches(ctx, r, client, sent)
	if refusal != nil {
		return nil, refusal
	}
	if cause := judge(client, sent.Method, matches); cause != nil {
		return nil, errRefused.Because(cause)
	}
	if a.Used != nil {
		a.Used(ctx, client, a.secretID(client, sent.Secret, time.Now()))
	}
	return client, nil
}

// find is the client, or nil if it is unknown or disabled.
func (a *Authenticator) find(ctx context.Context, id string) (*oauth.Client, error) {
	client, err := a.Clients(ctx, id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case client == nil || client.Disabled:
		return nil, nil
	}
	return client, nil
}

// withoutSecret is the client if it is public (RFC 6749 §2.1).
func withoutSecret(client *oauth.Client) (*oauth.Client, *oauth.Error) {
	switch {
	case client == nil:
		return nil, errRefused.Because(errUnknown)
	case !client.Public():
		return nil, errRefused.Because(errNoSecret)
	}
	return client, nil
}

// judge is the reason to refuse, or nil.
func judge(client *oauth.Client, method string, matches bool) error {
	switch {
	case client == nil:
		return errUnknown
	case client.AuthMethod() != method:
		return errMethod
	case !matches:
		return errWrong
	}
	return nil
}

// matches reports whether the secret is one of the client's. A nil client has
// none, and costs as much as one that has.
func (a *Authenticator) matches(ctx context.Context, r *http.Request, client *oauth.Client, sent Credentials) (bool, *oauth.Error) {
	now := time.Now()
	matches := VerifySecret(client, sent.Secret, now)
	if matches && isMade(sent.Secret) {
		return true, nil
	}
	key := sent.ClientID + "\x00" + limit.AddrKey(limit.ClientAddr(r, a.TrustedProxies))
	if ok, after := a.Limit.Take(key); !ok {
		return false, errThrottle.Because(&limit.Exceeded{After: after})
	}
	if !matches && !isMade(sent.Secret) {
		var err error
		if matches, err = a.verifyChosen(ctx, client, sent.Secret, now); err != nil {
			a.Limit.Forgive(key) // nothing was learnt
			return false, errTrouble.Because(err)
		}
	}
	if matches {
		a.Limit.Forgive(key)
	}
	return matches, nil
}

// verifyChosen compares with the client's live chosen secrets. What it costs
// does not depend on whether the client has any.
func (a *Authenticator) verifyChosen(ctx context.Context, client *oauth.Client, secret string, now time.Time) (bool, error) {
	hashed := false
	if client != nil {
		for i := range client.Secrets {
			s := &client.Secrets[i]
			if !isChosen(s) || alive(s, now) == 0 {
				continue
			}
			hashed = true
			if ok, err := a.verify(ctx, s.Digest, secret); ok || err != nil {
				return ok, err
			}
		}
	}
	if hashed || !a.chosen.Load() {
		return false, nil
	}
	return false, a.Passwords.Equalize(ctx, secret)
}

// verify compares with one chosen secret, or remembers that it did.
func (a *Authenticator) verify(ctx context.Context, digest, secret string) (bool, error) {
	if a.Passwords == nil {
		return false, errors.New("clientauth: client has a chosen secret and Passwords is nil")
	}
	a.chosen.Store(true)
	proof := a.proofs.of(digest, secret)
	if a.proofs.has(proof) {
		return true, nil
	}
	ok, _, err := a.Passwords.Verify(ctx, digest, secret)
	if ok {
		a.proofs.add(proof)
	}
	return ok, err
}

// isChosen reports whether a secret's digest needs a slow hash.
func isChosen(s *oauth.Secret) bool { return !strings.HasPrefix(s.Digest, digestPrefix) }

package clientreg

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

const (
	// maxCached is how many parsed clients are kept.
	maxCached = 1024
	// maxSecrets is how many live secrets a client may have.
	maxSecrets = 4
	// maxRecord is the most bytes of a client's record.
	maxRecord = 64 << 10
	// attempts is how often a change that lost against another is tried.
	attempts = 4
)

// ErrNotConfidential says that a client has no secret to rotate: its
// authentication method is none.
var ErrNotConfidential = errors.New("clientreg: client is public")

// Clients are the clients in a storage. Its methods may be called from many
// goroutines at once.
type Clients struct {
	storage storage.Storage
	parsed  *lru.Cache[string, stored] // by client_id
}

// stored is a client as it is at one version of its record.
type stored struct {
	version int64
	client  oauth.Client
	// registration is the digest of its registration access token (RFC 7592);
	// empty if it has none.
	registration string
	// revision counts the changes to the client, from the time it was made:
	// unlike version it stays when only the use of a secret is noted.
	revision int64
}

// record is the Data of a client's record.
type record struct {
	Version      int          `json:"v"`
	Client       oauth.Client `json:"client"`
	Registration string       `json:"registration,omitempty"`
	Revision     int64        `json:"revision,omitempty"`
}

// recordVersion is the version of the form of a record.
const recordVersion = 1

// New returns the clients in a storage.
func New(st storage.Storage) *Clients {
	cache, err := lru.New[string, stored](maxCached)
	if err != nil {
		panic("clientreg: " + err.Error()) // only for a size that is not positive
	}
	return &Clients{storage: st, parsed: cache}
}

// Create registers a client and returns it as it was stored. An empty ID is
// made. A confidential client without Secrets gets one of 256 bits, which is
// returned this once and nowhere kept; one that is imported brings the digests
// of its own, and secret is empty. CreatedAt is now unless it is set.
//
// Faults in the metadata come all at once, each a *FieldError. An ID that is
// taken is storage.ErrExists.
func (cs *Clients) Create(ctx context.Context, c oauth.Client) (created oauth.Client, secret string, err error) {
	if c.ID == "" {
		c.ID = rand.Text()
	}
	now := time.Now().UTC()
	if c.CreatedAt.IsZero() {
		c.CreatedAt = now.Truncate(time.Second)
	}
	if needsSecret(&c) {
		var made oauth.Secret
		secret, made = newSecret(now)
		c.Secrets = []oauth.Secret{made}
	}
	if _, err = cs.insert(ctx, stored{client: c, revision: now.UnixMicro()}); err != nil {
		return oauth.Client{}, "", err
	}
	return c, secret, nil
}

// insert stores a new client and returns its version.
func (cs *Clients) insert(ctx context.Context, st stored) (int64, error) {
	r, err := encode(st)
	if err != nil {
		return 0, err
	}
	if r, err = cs.storage.Create(ctx, r); err != nil {
		return 0, fmt.Errorf("clientreg: create: %w", err)
	}
	return r.Version, nil
}

// needsSecret reports whether a new client is confidential and brings no
// secret.
func needsSecret(c *oauth.Client) bool {
	return len(c.Secrets) == 0 &&
		(c.TokenEndpointAuthMethod == oauth.AuthMethodBasic || c.TokenEndpointAuthMethod == oauth.AuthMethodPost)
}

// newSecret makes a secret and what is kept of it.
func newSecret(now time.Time) (string, oauth.Secret) {
	secret, digest := clientauth.NewSecret()
	return secret, oauth.Secret{ID: rand.Text()[:8], Digest: digest, CreatedAt: now.Truncate(time.Second)}
}

// Get returns a client, or storage.ErrNotFound. It reads the storage each
// time, so that a change counts at once everywhere. The caller may change the
// client's fields but not what its lists hold.
func (cs *Clients) Get(ctx context.Context, id string) (*oauth.Client, error) {
	c, _, err := cs.GetVersion(ctx, id)
	return c, err
}

// Client is Get: with it, Clients are what a server asks for its clients.
func (cs *Clients) Client(ctx context.Context, id string) (*oauth.Client, error) {
	return cs.Get(ctx, id)
}

// GetVersion is Get, with the version that Update wants.
func (cs *Clients) GetVersion(ctx context.Context, id string) (*oauth.Client, int64, error) {
	st, err := cs.load(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	return &st.client, st.version, nil
}

// load reads a client. What its lists hold is shared with others.
func (cs *Clients) load(ctx context.Context, id string) (stored, error) {
	if !isKey(id) {
		return stored{}, storage.ErrNotFound
	}
	r, err := cs.storage.Get(ctx, storage.KindClient, id)
	if err != nil {
		return stored{}, fmt.Errorf("clientreg: get: %w", err)
	}
	return cs.parse(r)
}

// parse reads a record, once for each version of it.
func (cs *Clients) parse(r storage.Record) (stored, error) {
	if st, found := cs.parsed.Get(r.Key); found && st.version == r.Version {
		return st, nil
	}
	st, err := decode(r)
	if err == nil {
		cs.parsed.Add(r.Key, st)
	}
	return st, err
}

// Update stores new metadata in place of the client's, if version is still the
// one that GetVersion returned; otherwise it changes nothing and returns
// storage.ErrConflict. Secrets and CreatedAt stay as they are, whatever c has,
// but a client that becomes public loses its secrets. One that becomes
// confidential is given its first secret, as by Create.
//
// Faults in the metadata come all at once, each a *FieldError. A client that
// is gone is storage.ErrNotFound.
func (cs *Clients) Update(ctx context.Context, c oauth.Client, version int64) (updated oauth.Client, secret string, err error) {
	st, err := cs.load(ctx, c.ID)
	if err != nil {
		return oauth.Client{}, "", err
	}
	if st.version != version {
		return oauth.Client{}, "", fmt.Errorf("clientreg: update: %w", storage.ErrConflict)
	}
	c.CreatedAt, c.Secrets = st.client.CreatedAt, st.client.Secrets
	secret = fitSecrets(&c, time.Now().UTC())
	st.client = c
	st.revision++
	if _, err := cs.replace(ctx, st); err != nil {
		return oauth.Client{}, "", err
	}
	return c, secret, nil
}

// fitSecrets takes the secrets of a client that has become public, and gives
// one that has become confidential its first.
func fitSecrets(c *oauth.Client, now time.Time) (secret string) {
	if c.Public() {
		c.Secrets = nil
	}
	if needsSecret(c) {
		var made oauth.Secret
		secret, made = newSecret(now)
		c.Secrets = []oauth.Secret{made}
	}
	return secret
}

// RotateSecret gives a confidential client a new secret, returned this once.
// Its other secrets stay valid for overlap, and no longer than they would have
// been; zero ends them at once. A public client is ErrNotConfidential.
func (cs *Clients) RotateSecret(ctx context.Context, id string, overlap time.Duration) (secret string, err error) {
	for range attempts {
		if secret, err = cs.rotate(ctx, id, overlap); !errors.Is(err, storage.ErrConflict) {
			break
		}
	}
	return secret, err
}

// rotate is one attempt of RotateSecret.
func (cs *Clients) rotate(ctx context.Context, id string, overlap time.Duration) (string, error) {
	st, err := cs.load(ctx, id)
	if err != nil {
		return "", err
	}
	if st.client.Public() {
		return "", ErrNotConfidential
	}
	now := time.Now().UTC()
	secret, made := newSecret(now)
	st.client.Secrets = append(endAt(st.client.Secrets, now, now.Add(overlap)), made)
	st.revision++
	if _, err := cs.replace(ctx, st); err != nil {
		return "", err
	}
	return secret, nil
}

// endAt is the newest secrets that are live, made to expire at end if not
// before, with room for one more.
func endAt(secrets []oauth.Secret, now, end time.Time) []oauth.Secret {
	var live []oauth.Secret
	for _, s := range secrets {
		if s.ExpiresAt.IsZero() || s.ExpiresAt.After(end) {
			s.ExpiresAt = end
		}
		if s.ExpiresAt.After(now) {
			live = append(live, s)
		}
	}
	return live[max(0, len(live)-(maxSecrets-1)):]
}

// Delete removes a client; it returns nil if there is none. What was granted
// to it is refused from then on, for want of a client.
func (cs *Clients) Delete(ctx context.Context, id string) error {
	if !isKey(id) {
		return nil
	}
	cs.parsed.Remove(id)
	if err := cs.storage.Delete(ctx, storage.KindClient, id); err != nil {
		return fmt.Errorf("clientreg: delete: %w", err)
	}
	return nil
}

// replace stores a client in place of one version of it and returns the new
// version.
func (cs *Clients) replace(ctx context.Context, st stored) (int64, error) {
	r, err := encode(st)
	if err != nil {
		return 0, err
	}
	if r, err = cs.storage.Replace(ctx, r); err != nil {
		return 0, fmt.Errorf("clientreg: replace: %w", err)
	}
	return r.Version, nil
}

// encode checks a client and makes its record. Owner and Tenant stand where
// they can be listed by.
func encode(st stored) (storage.Record, error) {
	c := &st.client
	if err := Validate(c); err != nil {
		return storage.Record{}, err
	}
	data, err := json.Marshal(record{recordVersion, *c, st.registration, st.revision})
	if err != nil {
		return storage.Record{}, fmt.Errorf("clientreg: %w", err)
	}
	if len(data) > maxRecord {
		return storage.Record{}, &FieldError{"client", "want metadata of at most 64 KiB in all"}
	}
	return storage.Record{
		Kind: storage.KindClient, Key: c.ID, Version: st.version, ClientID: c.ID,
		Subject: c.Owner, SessionID: c.Tenant, Data: data,
	}, nil
}

// decode reads a record.
func decode(r storage.Record) (stored, error) {
	var have record
	if err := json.Unmarshal(r.Data, &have); err != nil {
		return stored{}, fmt.Errorf("clientreg: record of a client: %w", err)
	}
	if have.Version != recordVersion {
		return stored{}, fmt.Errorf("clientreg: record of a client has version %d, want %d", have.Version, recordVersion)
	}
	if have.Client.ID != r.Key {
		return stored{}, errors.New("clientreg: record of a client has the key of another")
	}
	return stored{r.Version, have.Client, have.Registration, have.Revision}, nil
}

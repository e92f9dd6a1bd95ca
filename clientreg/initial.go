package clientreg

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
)

// What Permit is asked about initial access tokens, with a client of nothing
// but their Tenant and Owner.
const (
	ActionInitialTokens      Action = "initial_tokens" // listing them
	ActionCreateInitialToken Action = "create_initial_token"
	ActionRemoveInitialToken Action = "remove_initial_token"
)

// InitialTokenOptions say what an initial access token lets its bearer do
// (RFC 7591 §1.2): register clients, so many and so long.
type InitialTokenOptions struct {
	// Name is what people call it, and what events name: 1 to 100 bytes of
	// one line. Required.
	Name string
	// Uses is how many clients it registers. Zero means one.
	Uses int
	// ExpiresAt is when it ends. Zero means in 24 hours.
	ExpiresAt time.Time
	// Type, State, Owner and Tenant are given to the clients it registers;
	// each may be empty.
	Type          oauth.ClientType
	State         oauth.ClientState
	Owner, Tenant string
}

// An InitialTokenInfo is an initial access token as it is kept: not the token.
type InitialTokenInfo struct {
	InitialTokenOptions
	// ID names it; of no use to register with.
	ID        string
	CreatedAt time.Time
	// Left is how many clients it still registers.
	Left int
}

// An InitialTokenPage is one answer of InitialTokens.
type InitialTokenPage struct {
	Tokens []InitialTokenInfo
	Next   string
}

// initialRecord is the Data of an initial access token's record, whose key is
// a digest of the token.
type initialRecord struct {
	V         int       `json:"v"`
	Name      string    `json:"n"`
	Uses      int       `json:"u"`
	Left      int       `json:"l"`
	CreatedAt time.Time `json:"c"`

	Type   oauth.ClientType  `json:"t,omitempty"`
	State  oauth.ClientState `json:"s,omitempty"`
	Owner  string            `json:"o,omitempty"`
	Tenant string            `json:"te,omitempty"`
}

const (
	initialVersion  = 1
	initialLifetime = 24 * time.Hour
	maxUses         = 1_000_000
	// The prefixes let scanners find tokens that leaked.
	initialPrefix      = "iat_"
	registrationPrefix = "rat_"
)

// newToken makes a token of 256 bits.
func newToken(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// isToken reports whether a text has the form of a token of ours, so that what
// cannot be one costs no storage call.
func isToken(prefix, text string) bool {
	return len(text) == len(prefix)+base64.RawURLEncoding.EncodedLen(32) && text[:len(prefix)] == prefix
}

// CreateInitialToken makes an initial access token. The token is returned this
// once and nowhere kept.
func (s *Service) CreateInitialToken(ctx context.Context, actor Actor, o InitialTokenOptions) (InitialTokenInfo, string, error) {
	now := time.Now().UTC()
	o = o.withDefaults(now)
	if err := o.validate(now); err != nil {
		return InitialTokenInfo{}, "", err
	}
	if err := s.permit(ctx, actor, ActionCreateInitialToken, &oauth.Client{Tenant: o.Tenant, Owner: o.Owner}); err != nil {
		return InitialTokenInfo{}, "", err
	}
	token := newToken(initialPrefix)
	r := storage.Record{Kind: storage.KindInitial, Key: digestOf(token), Subject: o.Owner, SessionID: o.Tenant, ExpiresAt: o.ExpiresAt}
	have := initialRecord{
		V: initialVersion, Name: o.Name, Uses: o.Uses, Left: o.Uses, CreatedAt: now.Truncate(time.Second),
		Type: o.Type, State: o.State, Owner: o.Owner, Tenant: o.Tenant,
	}
	var err error
	if r.Data, err = json.Marshal(have); err != nil {
		return InitialTokenInfo{}, "", fmt.Errorf("clientreg: %w", err)
	}
	if r, err = s.options.Storage.Create(ctx, r); err != nil {
		return InitialTokenInfo{}, "", fmt.Errorf("clientreg: create: %w", err)
	}
	s.tell(ctx, Event{Actor: actor, Action: ActionCreateInitialToken, InitialToken: o.Name})
	return have.info(r), token, nil
}

func (o InitialTokenOptions) withDefaults(now time.Time) InitialTokenOptions {
	if o.Uses == 0 {
		o.Uses = 1
	}
	if o.ExpiresAt.IsZero() {
		o.ExpiresAt = now.Add(initialLifetime)
	}
	return o
}

func (o InitialTokenOptions) validate(now time.Time) error {
	f := faults{}
	if err := (NewSecret{Name: o.Name, ExpiresAt: o.ExpiresAt}).validate(now); err != nil {
		f = append(f, err)
	}
	if o.Name == "" {
		f.add("name", "required")
	}
	if o.Uses < 0 || o.Uses > maxUses {
		f.add("uses", "want 1 to 1000000")
	}
	f.typeOf(&oauth.Client{Type: o.Type, State: o.State, Owner: o.Owner, Tenant: o.Tenant, Name: o.Name})
	return joined(f)
}

func (have initialRecord) info(r storage.Record) InitialTokenInfo {
	return InitialTokenInfo{
		InitialTokenOptions: InitialTokenOptions{
			Name: have.Name, Uses: have.Uses, ExpiresAt: r.ExpiresAt.UTC(),
			Type: have.Type, State: have.State, Owner: have.Owner, Tenant: have.Tenant,
		},
		ID: r.Key, CreatedAt: have.CreatedAt, Left: have.Left,
	}
}

// InitialTokens returns the initial access tokens that live, a page at a time.
func (s *Service) InitialTokens(ctx context.Context, actor Actor, cursor string) (InitialTokenPage, error) {
	if err := s.permit(ctx, actor, ActionInitialTokens, &oauth.Client{}); err != nil {
		return InitialTokenPage{}, err
	}
	page, err := s.options.Storage.List(ctx, storage.Query{Kind: storage.KindInitial, Cursor: cursor})
	if err != nil {
		return InitialTokenPage{}, fmt.Errorf("clientreg: list: %w", err)
	}
	out := InitialTokenPage{Next: page.Next}
	for _, r := range page.Records {
		have, err := decodeInitial(r)
		if err != nil {
			return InitialTokenPage{}, err
		}
		out.Tokens = append(out.Tokens, have.info(r))
	}
	return out, nil
}

// RemoveInitialToken ends an initial access token by its ID. One that does not
// exist is storage.ErrNotFound.
func (s *Service) RemoveInitialToken(ctx context.Context, actor Actor, id string) error {
	if !isKey(id) {
		return storage.ErrNotFound
	}
	r, err := s.options.Storage.Get(ctx, storage.KindInitial, id)
	if err != nil {
		return fmt.Errorf("clientreg: get: %w", err)
	}
	if err := s.permit(ctx, actor, ActionRemoveInitialToken, &oauth.Client{Tenant: r.SessionID, Owner: r.Subject}); err != nil {
		return err
	}
	if err := s.options.Storage.Delete(ctx, storage.KindInitial, id); err != nil {
		return fmt.Errorf("clientreg: delete: %w", err)
	}
	have, err := decodeInitial(r)
	s.tell(ctx, Event{Actor: actor, Action: ActionRemoveInitialToken, InitialToken: have.Name})
	return err
}

func decodeInitial(r storage.Record) (have initialRecord, err error) {
	if err := json.Unmarshal(r.Data, &have); err != nil || have.V != initialVersion {
		return have, fmt.Errorf("clientreg: record of an initial access token of another form: %w", err)
	}
	return have, nil
}

// initial finds the record of an initial access token.
func (s *Service) initial(ctx context.Context, token string) (storage.Record, initialRecord, error) {
	if !isToken(initialPrefix, token) {
		return storage.Record{}, initialRecord{}, storage.ErrNotFound
	}
	r, err := s.options.Storage.Get(ctx, storage.KindInitial, digestOf(token))
	if err != nil {
		return r, initialRecord{}, fmt.Errorf("clientreg: get: %w", err)
	}
	have, err := decodeInitial(r)
	if err == nil && have.Left <= 0 {
		err = storage.ErrNotFound
	}
	return r, have, err
}

// spend changes what is left of an initial access token, by -1 or +1. Of any
// number of callers no more get through than there are uses; one that has none
// left is storage.ErrNotFound.
func (s *Service) spend(ctx context.Context, id string, by int) error {
	for try := range counterTries {
		r, err := s.options.Storage.Get(ctx, storage.KindInitial, id)
		if err != nil {
			return fmt.Errorf("clientreg: get: %w", err)
		}
		have, err := decodeInitial(r)
		if err != nil {
			return err
		}
		if have.Left += by; have.Left < 0 {
			return storage.ErrNotFound
		}
		if r.Data, err = json.Marshal(have); err != nil {
			return fmt.Errorf("clientreg: %w", err)
		}
		if _, err = s.options.Storage.Replace(ctx, r); !errors.Is(err, storage.ErrConflict) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return fmt.Errorf("clientreg: initial access token: %w", storage.ErrConflict)
}

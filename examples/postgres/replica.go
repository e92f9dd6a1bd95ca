package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/oauth"
	"github.com/seed36673005/authserver/storage"
	"github.com/seed36673005/authserver/storage/redisstore"
	"github.com/seed36673005/authserver/storage/sqlstore/postgres"
	"github.com/seed36673005/authserver/ui"
)

const clientID = "replicated"

// replica is one of the processes.
type replica struct {
	secret  []byte
	ring    *keys.Ring
	handler http.Handler
	close   func() error
}

// open connects to what the processes share and puts the server together.
func open(ctx context.Context, o options) (*replica, error) {
	secret, err := base64.StdEncoding.DecodeString(o.secret)
	if err != nil || len(secret) < 32 {
		return nil, errors.New("AUTHSERVER_SECRET: want 32 bytes in base64, the same for every process")
	}
	store, closer, err := openStorage(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &replica{secret: secret, close: closer}
	if err := r.serve(ctx, o, store); err != nil {
		return nil, errors.Join(err, closer())
	}
	return r, nil
}

func openStorage(ctx context.Context, o options) (storage.Storage, func() error, error) {
	if o.redis == "" {
		store, err := postgres.Open(ctx, o.dsn)
		if err != nil {
			return nil, nil, err
		}
		return store, store.Close, nil
	}
	store, err := redisstore.Open(ctx, redisstore.Config{
		Options: &redis.UniversalOptions{Addrs: strings.Split(o.redis, ",")},
	})
	if err != nil {
		return nil, nil, err
	}
	return store, store.Close, nil
}

// serve makes the server. Nothing in it says that there is more than one.
func (r *replica) serve(ctx context.Context, o options, store storage.Storage) (err error) {
	users, clients := ui.NewUsers(store), clientreg.New(store)
	if err := r.seed(ctx, users, clients); err != nil {
		return err
	}
	r.ring, err = keys.Managed(store, r.derive("keys"), keys.ManagedOptions{
		Algorithms: []string{keys.ES256}, RefreshEvery: o.refresh,
	})
	if err != nil {
		return err
	}
	server, err := authserver.New(authserver.Config{
		Issuer: o.issuer, Storage: store, Keys: r.ring, Clients: clients,
		Pages:  ui.New(ui.Options{Name: "Replicated", Users: users, BrowserKey: r.derive("browser")}),
		Claims: users.Claims, CheckSubject: users.Check,
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", server)
	for pattern, h := range server.WellKnown() {
		mux.Handle(pattern, h)
	}
	r.handler = mux
	return nil
}

// seed makes the demo's user and client, whichever process is first.
func (r *replica) seed(ctx context.Context, users *ui.StoredUsers, clients *clientreg.Clients) error {
	_, err := users.Create(ctx, ui.User{Username: "alice"}, r.derived("alice"))
	if err != nil && !errors.Is(err, ui.ErrUserExists) {
		return err
	}
	digest := sha256.Sum256([]byte(r.derived("client")))
	_, _, err = clients.Create(ctx, oauth.Client{
		ID: clientID, Name: "Replicated", RedirectURIs: []string{"http://127.0.0.1/callback"},
		ApplicationType: oauth.ApplicationNative,
		Secrets:         []oauth.Secret{{ID: "derived", Digest: "sha256:" + base64.RawURLEncoding.EncodeToString(digest[:])}},
		GrantTypes:      []string{oauth.GrantTypeAuthorizationCode, oauth.GrantTypeRefreshToken, oauth.GrantTypeClientCredentials},
		Scopes:          []string{oauth.ScopeOpenID, oauth.ScopeOfflineAccess},
	})
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return err
	}
	return nil
}

// derive makes one of the processes' common secrets out of the one they are
// given.
func (r *replica) derive(label string) []byte {
	key, err := hkdf.Key(sha256.New, r.secret, nil, label, 32)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	return key
}

// derived is a derived secret as text, in the form that the server gives to
// secrets it makes.
func (r *replica) derived(label string) string {
	return "cs_" + base64.RawURLEncoding.EncodeToString(r.derive(label))
}

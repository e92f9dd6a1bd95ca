// Package server is an authorization server with everything switched on, for
// what the quickstart leaves off: implicit and hybrid response types, clients
// of each signature algorithm, and clients and users whose names are hostile.
package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/seed36673005/authserver"
	"github.com/seed36673005/authserver/grants"
	"github.com/seed36673005/authserver/keys"
	"github.com/seed36673005/authserver/storage/memory"
	"github.com/seed36673005/authserver/ui"
)

// A Server is one that runs, on a loopback port of its own.
type Server struct {
	// Origin is scheme, host and port; Issuer adds a path.
	Origin, Issuer string
	// ClientSecret is every confidential client's, Password every user's.
	ClientSecret, Password string

	http *http.Server
}

// Options are what differs between tests.
type Options struct {
	// RedirectURIs are the confidential clients', beside RedirectURI.
	RedirectURIs []string
	Logger       *slog.Logger
}

// Start starts one. Close ends it.
func Start(ctx context.Context, o Options) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	origin := "http://" + listener.Addr().String()
	s := &Server{
		Origin: origin, Issuer: origin + "/tenant/one", ClientSecret: "cs_" + base64.RawURLEncoding.EncodeToString(random(32)), Password: rand.Text(),
	}
	handler, err := s.handler(o)
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close ends the server and whatever it is answering.
func (s *Server) Close() error { return s.http.Close() }

func (s *Server) handler(o Options) (http.Handler, error) {
	store := memory.New()
	ring, err := keys.Managed(store, random(32),
		keys.ManagedOptions{Algorithms: []string{keys.ES256, keys.RS256, keys.EdDSA}})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	users := users{password: s.Password}
	srv, err := authserver.New(authserver.Config{
		Issuer: s.Issuer, Storage: store, Keys: ring, Clients: newClients(s.ClientSecret, o.RedirectURIs),
		Pages: ui.New(ui.Options{Users: users, Logger: o.Logger}), Claims: users.Claims, Logger: o.Logger,
		Scopes: []authserver.Scope{
			{Name: "calendar", Description: map[string]string{"": "read your calendar"}},
			{Name: HostileScope, Description: map[string]string{"": Payload}},
		},
		Grants: []grants.Grant{
			grants.AuthorizationCode{Hybrid: true},
			grants.Implicit{},
			grants.RefreshToken{},
			grants.ClientCredentials{},
			grants.Password{Authenticate: users.Authenticate},
			grants.DeviceCode{Interval: time.Second},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/tenant/one/", srv)
	for pattern, h := range srv.WellKnown() {
		mux.Handle(pattern, h)
	}
	return mux, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// Package authserver is an OAuth 2.0 authorization server and OpenID Provider
// to be mounted in a Go program: fill one Config, mount one http.Handler.
//
//	srv, err := authserver.New(authserver.Config{
//		Issuer:  "https://login.example.com/authentication",
//		Storage: store,
//		Keys:    keys,
//		Pages:   ui.New(ui.Options{Users: users}),
//	})
//	…
//	mux.Handle("/authentication/", srv)
//	for pattern, h := range srv.WellKnown() {
//		mux.Handle(pattern, h)
//	}
//
// The server decides everything the specifications decide; the host decides
// who its end users are and what they agree to, by ready-made pages (package
// ui) or by its own through Interact, Approve and Deny.
package authserver

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/discovery"
	"github.com/seed36673005/authserver/internal/clientauth"
	"github.com/seed36673005/authserver/internal/engine"
	"github.com/seed36673005/authserver/internal/limit"
	"github.com/seed36673005/authserver/internal/passwords"
	"github.com/seed36673005/authserver/internal/token"
	"github.com/seed36673005/authserver/internal/wire"
)

// A Server is one issuer: every endpoint of it, as an http.Handler. It is safe
// for concurrent use. Any number of servers in any number of processes may
// share one Storage and be the same issuer.
type Server struct {
	cfg    Config
	offer  offer // what is switched on
	issuer *url.URL
	path   string // the issuer's, without a slash at the end

	engine    *engine.Engine
	tokens    token.Codec
	challenge string // of a failed client authentication
	auth      *clientauth.Authenticator
	userCodes *limit.Keyed // wrong user codes, by address
	passwords *limit.Keyed // wrong passwords of the password grant, by account

	registrar *clientreg.Registrar // nil: registration is off

	decoded *lru.Cache[string, decodedGrant]
	sweeper *sweeper

	exchanges map[string]exchange // by grant_type
	metadata  discovery.Metadata
	routes    map[string]http.Handler // by path below the issuer's
	wellKnown map[string]http.Handler // by path outside it
	pages     http.Handler            // nil: none
}

// New checks a Config, fills in its defaults and puts a Server together. It
// reports every fault of the Config at once, as *ConfigErrors joined.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg.withDefaults()}
	if err := s.cfg.check(); err != nil {
		return nil, err
	}
	s.issuer, _ = url.Parse(s.cfg.Issuer)
	s.path = s.issuer.EscapedPath()
	s.offer = offered(s.cfg.Grants)
	if err := s.newRegistrar(); err != nil {
		return nil, err
	}
	s.tokens = token.NewCodec(s.cfg.TokenPrefix, s.cfg.Issuer)
	s.auth = &clientauth.Authenticator{
		Clients: s.client, Passwords: passwords.NewPool(), Limit: limit.New(clientGuesses, 0), Realm: s.cfg.Issuer,
		TrustedProxies: s.cfg.TrustedProxies, Used: s.usedSecret(),
	}
	s.userCodes = limit.New(userCodeGuesses, 0)
	s.passwords = s.offer.passwordLimit()
	var err error
	if s.decoded, err = lru.New[string, decodedGrant](decodedGrants); err != nil {
		return nil, err
	}
	s.sweeper = newSweeper(s.cfg.Storage)
	s.challenge = s.auth.Challenge()
	s.engine = engine.New(s.engineOptions())
	s.exchanges = s.newExchanges()
	if s.metadata, err = s.newMetadata(); err != nil {
		return nil, err
	}
	if err := s.route(); err != nil {
		return nil, err
	}
	if s.cfg.Pages != nil {
		s.pages = s.cfg.Pages.Handler(s)
	}
	return s, nil
}

// ServeHTTP serves every endpoint below the issuer's path, and the pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w, r)
	if refused := wire.Admit(w, r, wire.DefaultLimits); refused != nil {
		s.errorJSON(w, r, &Event{Type: EventOversized}, refused, "")
		return
	}
	path := r.URL.EscapedPath()
	if below, ok := s.below(path); ok {
		if h, ok := s.endpoint(below); ok {
			ctx, cancel := context.WithTimeout(r.Context(), s.cfg.RequestTimeout)
			defer cancel()
			h.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		if s.pages != nil && !strings.HasPrefix(below, "/.well-known/") {
			s.pages.ServeHTTP(w, r)
			return
		}
	}
	if h, ok := s.wellKnown[path]; ok {
		h.ServeHTTP(w, r)
		return
	}
	s.notFound(w, r)
}

// endpoint is what serves a path below the issuer's.
func (s *Server) endpoint(below string) (http.Handler, bool) {
	if h, ok := s.routes[below]; ok {
		return h, true
	}
	if s.registrar != nil && strings.HasPrefix(below, pathRegister+"/") {
		return s.routes[pathRegister+"/"], true
	}
	return nil, false
}

// below is what of a path lies below the issuer's.
func (s *Server) below(path string) (string, bool) {
	below, ok := strings.CutPrefix(path, s.path)
	return below, ok && (below == "" || below[0] == '/')
}

// WellKnown returns the patterns and handlers for the addresses that lie
// outside the issuer's path (RFC 8414 §3.1 inserts the well-known part before
// it). A host mounts each on its root mux. For an issuer without a path it is
// empty: ServeHTTP serves them all.
func (s *Server) WellKnown() map[string]http.Handler { return maps.Clone(s.wellKnown) }

// Metadata is what the server says of itself (RFC 8414).
func (s *Server) Metadata() discovery.Metadata { return s.metadata }

// url is the address of a path below the issuer's.
func (s *Server) url(path string) string { return s.cfg.Issuer + path }

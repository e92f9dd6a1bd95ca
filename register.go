package authserver

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/seed36673005/authserver/clientreg"
	"github.com/seed36673005/authserver/internal/wire"
	"github.com/seed36673005/authserver/oauth"
)

// maxMetadata is the most bytes of a registration request.
const maxMetadata = 16 << 10

// newRegistrar puts registration together, if it is on.
func (s *Server) newRegistrar() error {
	if s.cfg.Registration == nil {
		return nil
	}
	options := *s.cfg.Registration
	if options.Service == nil {
		var err error
		options.Service, err = clientreg.NewService(clientreg.ServiceOptions{
			Storage: s.cfg.Storage, Permit: clientreg.PermitAll, GrantTypes: s.offer.grantTypes(s.cfg.Grants), Events: s.clientChanged,
		})
		if err != nil {
			return err
		}
	}
	if s.cfg.ownClients {
		s.cfg.Clients = options.Service
	}
	s.registrar = clientreg.NewRegistrar(options, clientreg.Served{
		Endpoint: s.url(pathRegister), GrantTypes: s.offer.grantTypes(s.cfg.Grants),
		ResponseTypes: s.offer.responseTypes(), TrustedProxies: s.cfg.TrustedProxies,
	})
	return nil
}

// Clients manages the clients of the server: what Config.Registration has, or
// made for it. It is nil where registration is off.
func (s *Server) Clients() *clientreg.Service {
	if s.registrar == nil {
		return nil
	}
	return s.registrar.Service()
}

// clientChanged reports a change to a client.
func (s *Server) clientChanged(ctx context.Context, ev clientreg.Event) {
	s.record(ctx, &Event{Type: EventClient + string(ev.Action), ClientID: ev.ClientID, GrantID: ev.GrantID}, nil)
}

// serveRegister is the client registration endpoint (RFC 7591 §3).
func (s *Server) serveRegister(w http.ResponseWriter, r *http.Request) {
	ev := &Event{Type: EventRegistration}
	made, err := s.register(w, r)
	if err != nil {
		s.registrationError(w, r, ev, err)
		return
	}
	ev.ClientID = made.Client.ID
	if made.RepeatOf != "" {
		ev.Rule = "same metadata as " + made.RepeatOf
	}
	s.record(r.Context(), ev, nil)
	wire.JSON(w, http.StatusCreated, made.Body)
	s.reap()
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) (made clientreg.Registered, err error) {
	if r.Method != http.MethodPost {
		return made, wire.MethodNotAllowed(w, http.MethodPost)
	}
	members, refused := metadata(w, r)
	if refused != nil {
		return made, refused
	}
	return s.registrar.Register(r.Context(), r, members)
}

// metadata reads the body of a registration request. What is wrong with it is
// wrong with the metadata (RFC 7591 §3.2.2), whatever it is.
func metadata(w http.ResponseWriter, r *http.Request) (map[string]json.RawMessage, *oauth.Error) {
	members, refused := wire.JSONObject(w, r, maxMetadata)
	if refused != nil && (refused.HTTPStatus() == http.StatusBadRequest || refused.HTTPStatus() == http.StatusRequestEntityTooLarge) {
		return nil, oauth.E(oauth.InvalidClientMetadata, refused.Description).Because(refused)
	}
	return members, refused
}

// serveRegistered is the client configuration endpoint (RFC 7592 §2).
func (s *Server) serveRegistered(w http.ResponseWriter, r *http.Request) {
	below, _ := s.below(r.URL.EscapedPath())
	id := strings.TrimPrefix(below, pathRegister+"/")
	ev := &Event{Type: EventRegistered, ClientID: id}
	body, err := s.registered(w, r, id)
	if err != nil {
		s.registrationError(w, r, ev, err)
		return
	}
	s.record(r.Context(), ev, nil)
	if body == nil {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	wire.JSON(w, http.StatusOK, body)
}

func (s *Server) registered(w http.ResponseWriter, r *http.Request, id string) (body map[string]any, err error) {
	var found clientreg.Registered
	switch r.Method {
	case http.MethodGet:
		found, err = s.registrar.Read(r.Context(), r, id)
	case http.MethodPut:
		members, refused := metadata(w, r)
		if refused != nil {
			return nil, refused
		}
		found, err = s.registrar.Replace(r.Context(), r, id, members)
	case http.MethodDelete:
		return nil, s.registrar.Unregister(r.Context(), r, id)
	default:
		return nil, wire.MethodNotAllowed(w, "GET, PUT, DELETE")
	}
	return found.Body, err
}

// registrationError answers a refusal, with the challenge that fits a token
// (RFC 6750 §3).
func (s *Server) registrationError(w http.ResponseWriter, r *http.Request, ev *Event, err error) {
	challenge := ""
	if e := oauth.AsError(err); e.HTTPStatus() == http.StatusUnauthorized {
		challenge = wire.BearerChallenge(s.cfg.Issuer, e, "")
		if r.Header.Get("Authorization") == "" {
			challenge = wire.BearerChallenge(s.cfg.Issuer, nil, "")
		}
	}
	s.errorJSON(w, r, ev, err, challenge)
}

// reap removes clients that nobody uses, now and then, beside the requests
// that register new ones: where nobody registers nothing grows.
func (s *Server) reap() {
	if !s.registrar.ReapDue() {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), sweepFor)
		defer cancel()
		if _, err := s.registrar.Reap(ctx); err != nil {
			s.record(ctx, &Event{Type: EventStorageUnusable, Outcome: oauth.TemporarilyUnavailable}, err)
		}
	}()
}

// errUnapproved is told to a client that has proved who it is, and to nobody
// else.
var errUnapproved = oauth.E(oauth.UnauthorizedClient, "this application is not approved by the operator")

// serves reports whether a client that was found may be served at all.
func serves(c *oauth.Client) bool { return !c.Disabled && c.Approved() }

// usedSecret tells the source of clients that one used a secret, if it wants
// to know.
func (s *Server) usedSecret() func(context.Context, *oauth.Client, string) {
	source, ok := s.cfg.Clients.(interface {
		SecretUsed(ctx context.Context, c *oauth.Client, secretID string)
	})
	if !ok {
		return nil
	}
	return source.SecretUsed
}

var _ ClientSource = (*clientreg.Service)(nil)

// checkRegistration reports what is wrong with Registration, and what of it
// the rest of the Config does not have.
func (c Config) checkRegistration(fault func(field, format string, args ...any)) {
	o := c.Registration
	if o == nil {
		return
	}
	if err := o.Validate(); err != nil {
		fault("Registration", "%v", err)
	}
	served := offered(c.Grants).grantTypes(c.Grants)
	for _, grant := range o.GrantTypes {
		if !contained([]string{grant}, served) {
			fault("Registration.GrantTypes", "%s is not switched on in Grants", grant)
		}
	}
	for _, scope := range o.Scopes {
		if !(&Server{cfg: c}).knows(scope) {
			fault("Registration.Scopes", "%s is not among Scopes", scope)
		}
	}
}
